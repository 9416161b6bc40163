"""The page by keyboard alone, and its shortcuts."""

from __future__ import annotations

import secrets

import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from playwright.async_api import expect
from serving import OwnServer

pytestmark = pytest.mark.browser


async def test_from_sign_in_to_resolve_by_keyboard_alone(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    page = await open_page()
    token = server.token("agent", f"typist-{secrets.token_hex(3)}")
    for _ in range(12):  # to the token's field, past the demo's buttons
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement?.id") == "token":
            break
    await page.keyboard.insert_text(token)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.locator(".list").wait_for()
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.keyboard.press("f")
    await page.keyboard.type(customer.name)
    await expect(page.locator(".row")).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".thread-title h1")).to_have_text(customer.name)
    await page.keyboard.press("c")
    await expect(page.locator(".assignee")).to_have_text("you")
    await page.keyboard.press("r")
    await expect(page.locator("#composer")).to_be_focused()
    await page.keyboard.type("Hello yourself")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.out:not(.unsent) .text")).to_have_text("Hello yourself")
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await expect(page.get_by_text("Resolved.", exact=True)).to_be_visible()
    async with server.client(server.token("lead", "looker")) as client:
        assert ok(await client.get(f"/v1/conversations/{conversation}"), 200)["status"] == "resolved"


async def test_canned_answer_resolve_and_next_take_four_keys(server: OwnServer, open_page: OpenPage) -> None:
    me = f"quick-{secrets.token_hex(3)}"
    async with server.client(server.token("lead", me)) as client:
        body = {"short_code": f"/{me}", "title": "Quick", "content": "Done, {{contact_name}}."}
        ok(await client.post("/v1/canned-responses", json=body), 201)
        first, second = [await (await Customer.arrive(server)).say(f"Hello {n}") for n in range(2)]
        for conversation in (first, second):
            ok(await client.post(f"/v1/conversations/{conversation}/assign", json={"agent_id": "me"}), 200)
    page = await open_page(token=server.token("lead", me))
    await page.locator(f"#row-{second}").click()
    await page.locator(".message").first.wait_for()
    await page.locator(".thread-title h1").click()
    keys = ["/", "q", "Enter", "Control+Shift+Enter"]
    await page.keyboard.press(keys[0])
    await page.keyboard.press(keys[1])
    await expect(page.locator(".canned-menu li").first).to_contain_text(me)
    await page.keyboard.press(keys[2])
    await expect(page.locator("#composer")).not_to_have_value("/q")
    await page.keyboard.press(keys[3])
    await expect(page.get_by_text("Resolved.", exact=True)).to_be_visible()
    await expect(page).to_have_url(f"{server.url}/inbox#/inbox/mine/{first}")


async def test_shortcuts_change_and_leave_the_browser_alone(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    await customer.say("Hello")
    page = await open_page(token=server.token("agent", "changer"))
    await page.goto("/inbox#/preferences")
    await page.get_by_label("Search conversations").last.fill("s")
    await page.get_by_label("Search conversations").last.blur()
    await page.goto("/inbox#/inbox/all")
    await page.locator(".rows").focus()
    await page.keyboard.press("s")
    await expect(page.locator("#search")).to_be_focused()
    taken = await page.evaluate(
        """() => ['e', 'k', 'f', 'p', 'n', 't', 'w', 'r'].filter((key) => ['ctrlKey', 'altKey', 'metaKey'].some((with_) =>
            !document.body.dispatchEvent(new KeyboardEvent('keydown', { key, [with_]: true, bubbles: true, cancelable: true }))))"""
    )
    assert taken == []
    await page.locator(".rows").focus()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
