"""Suggested replies on the agents' page: drafted, edited and sent, rejected, gone when the customer writes again."""

from __future__ import annotations

from browser_pages import Customer, OpenPage
from playwright.async_api import expect
from serving import OwnServer


async def test_a_suggestion_is_edited_sent_and_overtaken(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    page = await open_page(token=server.token("lead", "suggesting-lead", name="Lena"))
    await page.get_by_role("tab", name="All").click()
    conversation = await customer.say("Where is my refund for order A-1042?")
    await page.locator(f"#row-{conversation}").click()
    card = page.get_by_role("region", name="Suggested reply")
    await page.get_by_role("button", name="Suggest a reply").click()
    await expect(card).to_contain_text("refund")
    await card.get_by_role("button", name="Edit").click()
    await card.get_by_role("textbox").fill("It is on its way.")
    await card.get_by_role("button", name="Send edited").click()
    await expect(page.locator(".message.out .text").last).to_have_text("It is on its way.")
    await expect(card).to_have_count(0)
    assert "It is on its way." in await customer.heard()

    await customer.say("And when?")
    await page.get_by_role("button", name="Suggest a reply").click()
    await expect(card).to_be_visible()
    await card.get_by_role("button", name="Reject").click()
    await expect(card).to_have_count(0)

    await page.get_by_role("button", name="Suggest a reply").click()
    await expect(card).to_be_visible()
    await customer.say("Forget it, I want to cancel")
    await expect(page.locator(".message.in .text").last).to_have_text("Forget it, I want to cancel")
    await card.get_by_role("button", name="Send as it is").click()
    await expect(page.get_by_text("somebody has written since")).to_be_visible()
    await expect(card).to_have_count(0)
