"""Saved filters and changed shortcuts follow the agent: from an older page's browser, to other tabs, to other browsers."""

from __future__ import annotations

import json
import secrets

import pytest
from browser_pages import OpenPage
from desks import ok
from playwright.async_api import Locator, Page, expect
from serving import OwnServer

pytestmark = pytest.mark.browser
KEPT = "/v1/agent-preferences/me/inbox"
OLD_FILTER = {"status": ["open"], "team_id": "", "channel_type": "email", "label": "", "priority": "urgent", "q": "", "sort": "created_at:asc"}  # fmt: skip


def chips(page: Page) -> Locator:
    return page.locator(".saved .chip button:first-child")


async def show_filters(page: Page) -> None:
    await page.goto("/inbox#/inbox/all")
    await page.get_by_role("button", name="Filters", exact=True).click()


async def test_what_an_older_page_left_in_the_browser_moves_to_the_server(
    server: OwnServer, open_page: OpenPage
) -> None:
    token = server.token("agent", f"mover-{secrets.token_hex(3)}")
    async with server.client(token) as client:
        ok(await client.patch(KEPT, json={"shortcuts": {"resolve": "x"}}), 200)
    page = await open_page()
    left = {
        "theme": "dark",
        "filters": [{"name": "Urgent mail", "filter": OLD_FILTER}],
        "shortcuts": {"resolve": "y", "note": "g n", "claim": "too long"},
    }
    await page.evaluate("(text) => localStorage.setItem('tertulia.preferences', text)", json.dumps(left))
    await page.reload()
    await page.get_by_label("Access token").fill(token)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_text("that could not be kept: 1")).to_be_visible()
    await show_filters(page)
    await chips(page).get_by_text("Urgent mail").click()
    await expect(page.locator("select[name=priority]")).to_have_value("urgent")
    await expect(page.locator("select[name=team_id]")).to_have_value("")
    async with server.client(token) as client:
        kept = ok(await client.get(KEPT), 200)
    assert kept["shortcuts"] == {"resolve": "x", "note": "g n"}, "what the server has stays"
    assert kept["filters"]["Urgent mail"]["channel_type"] == "email"
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")  # of this browser, as before


async def test_filters_and_shortcuts_are_the_same_in_every_tab_and_browser(
    server: OwnServer, open_page: OpenPage
) -> None:
    token = server.token("agent", f"roamer-{secrets.token_hex(3)}")
    office = await open_page(token=token)
    home = await open_page(token=token)
    tab = await office.context.new_page()
    for page in (office, home, tab):
        await show_filters(page)
    await office.locator("select[name=priority]").select_option("high")
    await office.get_by_label("Name of this filter").fill("Hot")
    async with office.expect_response(lambda r: r.url.endswith(KEPT) and r.request.method == "PATCH"):
        await office.get_by_label("Name of this filter").press("Enter")
    await expect(chips(tab)).to_have_text(["Hot"])  # at once
    await home.reload()
    await show_filters(home)
    await chips(home).get_by_text("Hot").click()
    await expect(home.locator("select[name=priority]")).to_have_value("high")
    async with home.expect_response(lambda r: r.url.endswith(KEPT) and r.request.method == "PATCH"):
        await home.get_by_role("button", name="Delete filter Hot").click()
    await home.goto("/inbox#/preferences")
    field = home.locator(".shortcuts").get_by_label("Write a note")
    await field.fill("e")  # taken
    await field.blur()
    await expect(home.get_by_text("e is already used for")).to_be_visible()
    await expect(field).to_have_value("n")
    await field.fill("x")
    async with home.expect_response(lambda r: r.url.endswith(KEPT) and r.request.method == "PATCH"):
        await field.blur()
    await office.reload()
    await show_filters(office)
    await expect(chips(office)).to_have_count(0)
    await expect(chips(tab)).to_have_count(0)
    await office.locator(".rows").focus()
    await office.keyboard.press("?")
    note = office.get_by_role("dialog").locator(".keys div", has_text="Write a note").locator("kbd")
    await expect(note).to_have_text("x")
    # another agent in the same browser sees none of it
    await office.keyboard.press("Escape")
    await home.goto("/inbox")
    await home.evaluate("fetch('/inbox/session', { method: 'DELETE' })")
    await home.reload()
    await home.get_by_label("Access token").fill(server.token("agent", f"other-{secrets.token_hex(3)}"))
    await home.get_by_role("button", name="Sign in", exact=True).click()
    await home.locator(".list").wait_for()
    await home.goto("/inbox#/preferences")
    await expect(home.locator(".shortcuts").get_by_label("Write a note")).to_have_value("n")


async def test_what_the_server_refuses_is_not_kept(server: OwnServer, open_page: OpenPage) -> None:
    token = server.token("agent", f"keeper-{secrets.token_hex(3)}")
    async with server.client(token) as client:
        ok(await client.patch(KEPT, json={"filters": {f"Filter {n}": {} for n in range(50)}}), 200)
    page = await open_page(token=token)
    await show_filters(page)
    await expect(chips(page)).to_have_count(50)
    await page.get_by_label("Name of this filter").fill("One more")
    await page.get_by_label("Name of this filter").press("Enter")
    await expect(page.locator(".toast.error")).to_contain_text("at most 50")
    await expect(chips(page)).to_have_count(50)
