"""The list: only the visible rows are in the document, and none moves under the pointer."""

from __future__ import annotations

import asyncio
import os
import secrets

import httpx
import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from playwright.async_api import expect
from serving import OwnServer

from tertulia.serving.demo import WEBCHAT

pytestmark = pytest.mark.browser

MANY = int(os.environ.get("MANY_CONVERSATIONS", "1000"))


async def fill(server: OwnServer, label: str, count: int) -> None:
    """So many open conversations with a label."""
    async with server.client(server.token("service", "filler")) as client:
        gate = asyncio.Semaphore(32)

        async def one(number: int, client: httpx.AsyncClient = client) -> None:
            async with gate:
                body = {"channel_id": WEBCHAT, "contact_identifier": f"{label}-{number}", "labels": [label]}
                ok(await client.post("/v1/conversations", json=body), 201)

        await asyncio.gather(*(one(n) for n in range(count)))


@pytest.mark.timeout(600)
async def test_a_long_list_has_few_rows_in_the_document(server: OwnServer, open_page: OpenPage) -> None:
    label = f"many{secrets.token_hex(3)}"
    await fill(server, label, MANY)
    page = await open_page(token=server.token("agent", "scroller"))
    await page.goto("/inbox#/inbox/all")
    await page.get_by_role("button", name="Filters").click()
    await page.reload()  # labels are loaded once
    await page.get_by_role("button", name="Filters").click()
    await page.locator("select[name=label]").select_option(label)
    await page.locator(".row").first.wait_for()
    await page.get_by_role("button", name="Filters").click()
    rows = page.locator("#rows")
    while True:
        height = await rows.evaluate(
            "(box) => { box.scrollTop = box.scrollHeight; return box.scrollHeight; }"
        )
        assert await page.locator(".row").count() <= 60
        if height >= MANY * 76:
            break
        await page.wait_for_function(
            "(height) => document.getElementById('rows').scrollHeight > height", arg=height
        )
    assert await page.locator(".row").count() <= 60


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
