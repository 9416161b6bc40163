"""Reports: figures of the account and of one label, of suggested replies, plots, and what is exported. The board at an earlier time."""

from __future__ import annotations

import csv
import io
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from playwright.async_api import expect
from serving import OwnServer
from waiting import until

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


async def test_what_agents_did_with_suggested_replies(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Where is my refund?")
    lead = server.token("lead", "reports-lead")
    async with server.client(lead) as client:
        path = f"/v1/conversations/{conversation}/suggestions"
        ok(await client.post(f"{path}/{(await drafted(client, path))['id']}/reject", json={}), 200)
        sent = {"content": "It is on its way, I promise."}
        ok(await client.post(f"{path}/{(await drafted(client, path))['id']}/approve", json=sent), 201)
        stats = ok(await client.get("/v1/suggestions/stats"), 200)
    (model,) = stats["models"]
    page = await open_page("/inbox", lead)
    await page.goto("/inbox#/reports")
    await page.get_by_role("button", name="Suggested replies").click()
    table = page.get_by_role("region", name="What agents did with them")
    cells = table.locator("tbody tr", has_text=model["model"]).locator("td")
    await expect(cells.first).to_have_text(str(model["drafted"]))
    shown = await cells.all_inner_texts()
    assert model["edited"] >= 1 and model["rejected"] >= 1
    assert [shown[2], shown[3], shown[5]] == [str(model[n]) for n in ("approved", "edited", "rejected")]
    calls = page.get_by_role("region", name="Calls of models").locator("tbody tr")
    await expect(calls.filter(has_text="Draft of a reply").filter(has_text="Succeeded")).to_have_count(1)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Export as CSV").click()
    (row,) = csv.DictReader(io.StringIO((await (await saving.value).path()).read_text("utf-8-sig")))
    assert (row["model"], row["edited"]) == (model["model"], str(model["edited"]))


async def drafted(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    return ok(await client.post(path, json={}), 201)


async def test_the_floor_at_an_earlier_time(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    name = f"Nora {secrets.token_hex(4)}"
    me = f"board-{secrets.token_hex(4)}"
    waiting = await customer.say("Is anybody there?")
    async with server.client(server.token("agent", me, name=name)) as client:
        ok(await client.put("/v1/agents/me/presence", json={"status": "online"}), 200)
    lead = server.token("lead", "reports-lead")
    async with server.client(lead) as client:

        async def recorded() -> bool:
            at = datetime.now(UTC).isoformat()
            answer = await client.get("/v1/routing/board", params={"at": at})
            if answer.status_code == 404:  # nothing is written yet
                return False
            found = ok(answer, 200)
            return waiting in found["waiting"] and any(
                (a["user_id"], a["status"]) == (me, "online") for a in found["agents"]
            )

        await until(recorded, "the journal to be written")
    then = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    await until(lambda: datetime.now(UTC) > then, "the next second, which the field can say")
    async with server.client(server.token("agent", me)) as client:
        ok(await client.put("/v1/agents/me/presence", json={"status": "offline"}), 200)
    page = await open_page("/inbox", lead, timezone_id="Africa/Addis_Ababa")
    await page.goto("/inbox#/floor")
    board = page.locator("[data-board]")
    local = then.astimezone(ZoneInfo("Africa/Addis_Ababa"))
    await board.get_by_label("Time", exact=True).fill(f"{local:%Y-%m-%dT%H:%M:%S}")
    await board.get_by_role("button", name="Show", exact=True).click()
    row = board.locator("tbody tr", has_text=name)
    await expect(row.locator("td").first).to_have_text("online")
    await expect(row.locator("td").nth(1)).to_have_text("0")
    more = board.get_by_role("button", name="Show more")
    while await more.count():
        await more.click()
    await expect(board.get_by_role("link", name=customer.name)).to_be_visible()
    await board.get_by_label("Time", exact=True).fill("2020-01-01T00:00:00")
    await board.get_by_role("button", name="Show", exact=True).click()
    await expect(board).to_contain_text("Nothing was recorded before this time.")
