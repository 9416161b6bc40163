"""Cuts of the connection and deaths of gateways and tabs: nothing is missing, nothing is claimed wrongly, no draft is lost."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from browser_pages import Customer, OpenPage
from desks import fresh, ok
from playwright.async_api import Page, expect
from serving import OwnServer
from waiting import until

pytestmark = pytest.mark.browser

WATCH = """() => {
  window.claims = [];
  const look = () => {
    const badge = document.querySelector('[data-badge="thread"]');
    if (badge?.dataset.freshness === 'fresh') {
      const seqs = [...document.querySelectorAll('.entries [data-seq]')].map((e) => Number(e.dataset.seq));
      const place = Number(badge.dataset.place);
      const low = Math.min(...seqs);
      if (new Set(seqs).size !== place - low + 1 || Math.max(...seqs) !== place) window.claims.push([place, seqs.length]);
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
"""Notes each moment at which the thread claims to be complete up to a place and is not."""


async def opened(page: Page, conversation: str) -> None:
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.locator(".message").first.wait_for()
    await page.evaluate(WATCH)


async def crash(page: Page) -> None:
    """Kill the process that shows the page."""
    client = await page.context.new_cdp_session(page)
    async with page.expect_event("crash"):
        killing = asyncio.ensure_future(client.send("Page.crash"))
    killing.cancel()  # nobody is left to answer


async def test_whose_status_ended_in_a_cut_is_there_again(server: OwnServer, open_page: OpenPage) -> None:
    user = fresh("cut-off")
    page = await open_page(token=server.token("agent", user))
    await page.goto("/inbox")

    async with server.client(server.token("agent", user)) as http:

        async def is_there(status: str) -> bool:
            known = ok(await http.get("/v1/agents"), 200)["items"]
            return any(a["user_id"] == user and a["status"] == status for a in known)

        await until(lambda: is_there("online"), "the agent")
        await page.context.set_offline(True)
        await expect(page.locator('[data-badge="stream"]')).to_have_attribute("data-freshness", "cut")
        ok(await http.put("/v1/agents/me/presence", json={"status": "offline"}), 200)  # as after a minute
        await until(lambda: is_there("offline"), "the status to end")
        await page.context.set_offline(False)
        await until(lambda: is_there("online"), "the agent to come back")


async def texts(page: Page) -> list[str]:
    return await page.locator(".message:not(.unsent) .text").all_text_contents()


async def test_a_cut_is_told_and_caught_up(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("0")
    page = await open_page(token=server.token("agent", "cut-off"))
    await opened(page, conversation)
    await expect(page.locator('[data-badge="thread"]')).to_have_attribute("data-freshness", "fresh")
    await page.context.set_offline(True)
    await expect(page.locator('[data-badge="thread"]')).not_to_have_attribute("data-freshness", "fresh")
    for n in range(1, 30):
        await customer.say(str(n))
    await page.context.set_offline(False)
    await expect(page.locator('[data-badge="thread"]')).to_have_attribute(
        "data-freshness", "fresh", timeout=30_000
    )
    await expect(page.locator(".message")).to_have_count(30)
    assert await texts(page) == [str(n) for n in range(30)]
    assert await page.evaluate("window.claims") == []


async def test_events_where_websockets_are_blocked(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("first")
    page = await open_page()
    await page.route_web_socket("**/v1/ws**", lambda socket: asyncio.ensure_future(socket.close(code=1006)))
    await page.get_by_label("Access token").fill(server.token("agent", "no-sockets"))
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(".list").wait_for()
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await expect(page.locator('[data-badge="stream"]')).to_have_attribute(
        "data-freshness", "live", timeout=30_000
    )
    await customer.say("second")
    await expect(page.locator(".message .text").last).to_have_text("second")


async def test_a_killed_tab_loses_no_draft(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    token = server.token("agent", "drafter")
    page = await open_page(token=token)
    await opened(page, conversation)
    await page.locator("#composer").press_sequentially("A long answer that nobody wants to type twice")
    await expect(page.locator(".draft-state")).to_have_text("Draft saved")
    await page.close(run_before_unload=False)
    other = await open_page(token=token)
    await other.goto(f"/inbox#/inbox/all/{conversation}")
    await expect(other.locator("#composer")).to_have_value("A long answer that nobody wants to type twice")


async def test_a_tab_killed_while_somebody_types_loses_a_second_at_most(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    token = server.token("agent", "fast-drafter")
    page = await open_page(token=token)
    await opened(page, conversation)
    text = "A long answer without a pause, " * 10
    stored = page.wait_for_event(
        "response", lambda r: r.request.method == "PUT" and r.url.endswith("/draft") and r.ok
    )
    saved = asyncio.ensure_future(stored)
    typing = asyncio.ensure_future(page.locator("#composer").press_sequentially(text, delay=20))
    await saved
    assert not typing.done()  # it is saved while somebody types
    await crash(page)
    typing.cancel()
    other = await open_page(token=token)
    await other.goto(f"/inbox#/inbox/all/{conversation}")
    await expect(other.locator("#composer")).not_to_have_value("")
    assert text.startswith(await other.locator("#composer").input_value())


@pytest.mark.timeout(600)
async def test_pages_survive_a_gateway_killed_again_and_again(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    kills = int(os.environ.get("GATEWAY_KILLS", "20"))
    conversation = await customer.say("0")
    pages = [await open_page(token=server.token("agent", f"survivor-{n}")) for n in range(5)]
    for n, page in enumerate(pages):
        await opened(page, conversation)
        await page.locator("#composer").fill(f"draft {n}")
        await expect(page.locator(".draft-state")).to_have_text("Draft saved")
    done = asyncio.Event()
    said = ["0"]

    async def write() -> None:
        while not done.is_set():
            try:
                await customer.say(str(len(said)))
                said.append(str(len(said)))
            except Exception:  # a gateway is away: say it again, as a customer would
                await asyncio.sleep(0.2)

    writing = asyncio.ensure_future(write())
    for _ in range(kills):
        gateway = server.gateways[0]
        os.kill(gateway, signal.SIGKILL)
        await until(
            lambda gone=gateway: gone not in server.gateways and len(server.gateways) == 2,
            "a new gateway",
            60,
        )
    done.set()
    await writing
    for n, page in enumerate(pages):
        await expect(page.locator('[data-badge="thread"]')).to_have_attribute(
            "data-freshness", "fresh", timeout=60_000
        )
        async with server.client(server.token("agent", "counter")) as client:
            found = (await client.get(f"/v1/conversations/{conversation}")).json()
        await expect(page.locator('[data-badge="thread"]')).to_have_attribute(
            "data-place", str(found["seq"]), timeout=60_000
        )
        shown = [text for text in await texts(page) if text.isdigit()]
        assert shown == sorted(shown, key=int) and len(set(shown)) == len(shown)
        assert set(said[-50:]) <= set(shown)
        assert await page.evaluate("window.claims") == []
        await expect(page.locator("#composer")).to_have_value(f"draft {n}")
