"""The agents' page in a real browser, in short: sign in, read and write live, drafts, under the page's policy."""

from __future__ import annotations

import re

from browser_pages import Customer, OpenPage
from playwright.async_api import expect
from serving import OwnServer

POLICY = ("default-src 'none'", "script-src 'self';", "require-trusted-types-for 'script'")


async def test_an_agent_signs_in_reads_and_answers_live(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    page = await open_page(token=server.token("lead", "browser-lead", name="Lena"))
    response = await page.request.get("/inbox")
    assert all(part in response.headers["content-security-policy"] for part in POLICY)
    assert "unsafe" not in response.headers["content-security-policy"]
    await page.get_by_role("tab", name="All").click()
    conversation = await customer.say("Where is <b>my</b> parcel? <img src=x onerror=alert(1)>")
    row = page.locator(f"#row-{conversation}")
    await row.click()
    # a message is text, whatever it looks like
    await expect(page.locator(".message .text").last).to_have_text(
        "Where is <b>my</b> parcel? <img src=x onerror=alert(1)>"
    )
    await page.get_by_role("button", name="Take it").click()
    await expect(page.locator(".assignee")).to_have_text("you")
    await page.locator("#composer").fill("Dear Marta, it is on its way.")
    await expect(page.locator(".draft-state")).to_have_text("Draft saved")
    await page.reload()  # the session, the place and the draft are there again
    await expect(page.locator("#composer")).to_have_value("Dear Marta, it is on its way.")
    await page.locator("#composer").press("Enter")
    await expect(page.locator(".message.out:not(.unsent) .text")).to_have_text(
        "Dear Marta, it is on its way."
    )
    assert "Dear Marta, it is on its way." in await customer.heard()
    await customer.say("Thank you!")
    await expect(page.locator(".message.in .text").last).to_have_text("Thank you!")
    await expect(page.locator('[data-badge="thread"]')).to_have_attribute("data-freshness", "fresh")
    seq = await page.locator(".message").last.get_attribute("data-seq")
    await expect(page.locator('[data-badge="thread"]')).to_have_attribute("data-place", str(seq))
    # nothing secret is left where scripts can read it, or in the address
    kept = await page.evaluate(
        "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
    )
    assert not re.search(r"eyJ[\w-]+\.", kept)


async def test_the_demo_signs_in_by_name(server: OwnServer, open_page: OpenPage) -> None:
    page = await open_page()
    await page.locator('[data-demo="Abeba"]').click()
    await expect(page.locator('[data-badge="stream"]')).to_have_attribute("data-freshness", "live")
    await expect(page.get_by_text("Abeba").first).to_be_visible()


async def test_an_address_that_names_nothing_is_the_inbox(server: OwnServer, open_page: OpenPage) -> None:
    page = await open_page(token=server.token("lead", "browser-lost", name="Lost"))
    for address in ("#/settings/account", "#/inbox/constructor", "#/%E0%A4%A"):
        await page.goto(f"/inbox{address}")
        await page.reload()
        await expect(page.get_by_role("tab", name="Mine")).to_have_attribute("aria-selected", "true")
