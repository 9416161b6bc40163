"""Reports: figures of the account and of one label, plots, and what is exported."""

from __future__ import annotations

import csv
import io
import secrets

import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from playwright.async_api import expect
from serving import OwnServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


async def test_a_label_has_its_figures_and_plots_and_is_exported(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    label = f"=label-{secrets.token_hex(4)}"
    conversation = await customer.say("Hello")
    lead = server.token("lead", "reports-lead")
    async with server.client(lead) as client:
        ok(await client.patch(f"/v1/conversations/{conversation}", json={"labels": [label]}), 200)
        ok(await client.post(f"/v1/conversations/{conversation}/messages", json={"content": "Hi"}), 201)
    page = await open_page("/inbox", lead)
    await page.goto("/inbox#/reports")
    await expect(page.locator("[data-report] .figure").first).to_be_visible()
    await expect(page.locator(".plot canvas")).to_have_count(5)
    await page.get_by_role("button", name="Labels").click()
    row = page.locator("[data-items] tbody tr", has_text=label)
    await expect(row.locator("td").first).to_have_text("1")
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Export as CSV").click()
    rows = list(csv.DictReader(io.StringIO((await (await saving.value).path()).read_text("utf-8-sig"))))
    (exported,) = [r for r in rows if r["name"] == f"'{label}"]  # no spreadsheet takes it for a formula
    assert (exported["conversations"], exported["now"], exported["scores"]) == ("1", "1", "0")
    await row.get_by_role("button", name=label).click()
    await expect(page.locator(".chosen-item .figure").first).to_contain_text("1")
    await expect(page.locator(".chosen-item .plot canvas")).to_have_count(4)


async def test_an_agents_row_says_what_the_agent_did(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    name = f"worker-{secrets.token_hex(4)}"
    async with server.client(server.token("agent", name)) as client:
        ok(await client.put("/v1/agents/me/presence", json={"status": "online"}), 200)
        ok(await client.post(f"/v1/conversations/{conversation}/assign", json={"agent_id": name}), 200)
        ok(await client.post(f"/v1/conversations/{conversation}/messages", json={"content": "Hi"}), 201)
    page = await open_page("/inbox", server.token("lead", "reports-lead"))
    await page.goto("/inbox#/reports")
    await page.get_by_role("button", name="Agents").click()
    cells = page.locator("[data-items] tbody tr", has_text=name).locator("td")
    await expect(cells.first).to_be_visible()
    assert (await cells.all_inner_texts())[:4] == [
        "1",
        "1",
        "1",
        "1",
    ]  # conversations, live, assigned, messages out
