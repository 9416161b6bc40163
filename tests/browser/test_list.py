"""The list: only the visible rows are in the document, and none moves under the pointer."""

from __future__ import annotations

import pytest
from browser_pages import CROWD, MANY_CONVERSATIONS, Customer, OpenPage, crowd, scroll_to_the_end
from playwright.async_api import expect
from serving import OwnServer

pytestmark = pytest.mark.browser


@pytest.mark.timeout(600)
async def test_a_long_list_has_few_rows_in_the_document(server: OwnServer, open_page: OpenPage) -> None:
    await crowd(server)
    page = await open_page(token=server.token("agent", "scroller"))
    await page.goto("/inbox#/inbox/all")
    await page.get_by_role("button", name="Filters", exact=True).click()
    await page.reload()  # labels are loaded once
    await page.get_by_role("button", name="Filters", exact=True).click()
    await page.locator("select[name=label]").select_option(CROWD)
    await page.locator(".row").first.wait_for()
    await page.get_by_role("button", name="Filters", exact=True).click()
    await scroll_to_the_end(page, MANY_CONVERSATIONS)
    await expect(page.locator("button.new")).to_have_count(0)  # what is loaded while one scrolls is no news


async def test_no_row_moves_under_the_pointer(server: OwnServer, open_page: OpenPage) -> None:
    customers = [await Customer.arrive(server) for _ in range(3)]
    ids = [await customer.say("Hello") for customer in customers]
    page = await open_page(token=server.token("agent", "pointer"))
    await page.goto("/inbox#/inbox/all")
    row = page.locator(f"#row-{ids[0]}")
    await row.hover()
    before = await row.bounding_box()
    await customers[0].say("I am still here")
    await expect(row).to_contain_text("I am still here")  # its words change, its place does not
    newcomer = await Customer.arrive(server)
    new = await newcomer.say("I am new")
    await expect(page.locator("button.new")).to_be_visible()
    assert await row.bounding_box() == before
    await expect(page.locator(f"#row-{new}")).to_have_count(0)
    await page.locator("button.new").click()
    await expect(page.locator(f"#row-{new}")).to_be_visible()
    await page.locator(".thread-area").hover()
    last = await newcomer.say("Hello?")
    assert last == new
    await expect(page.locator(".row").first).to_have_attribute("data-id", new)
