"""The cost of an agent's hour for the server: requests and WebSocket frames, of a working agent and of one who only has a conversation open.

`make agent-hour` prints the figures. Work is counted by the conversation, and quiet by the minute; the hour is put together from both.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from urllib.parse import urlsplit

import pytest
from browser_pages import Customer, OpenPage
from playwright.async_api import Page, Request, WebSocket, expect
from serving import OwnServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

QUIET_S = float(os.environ.get("QUIET_SECONDS", "30"))
CONVERSATIONS = 4
AN_HOUR = 15
"""Conversations that an agent answers and resolves in an hour."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class Traffic:
    """Counts what a page sends and receives, files of the page left out."""

    def __init__(self, page: Page) -> None:
        self.seen: Counter[str] = Counter()
        page.on("request", self._request)
        page.on("websocket", self._websocket)

    def _request(self, request: Request) -> None:
        if (path := urlsplit(request.url).path).startswith("/v1/"):
            self.seen[f"{request.method} {_ID.sub('{id}', path)}"] += 1

    def _websocket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda _: self.seen.update(["frame to the server"]))
        socket.on("framereceived", lambda _: self.seen.update(["frame from the server"]))

    def take(self) -> Counter[str]:
        seen, self.seen = self.seen, Counter()
        return seen


def requests(seen: Counter[str]) -> int:
    return sum(n for what, n in seen.items() if what.startswith(("GET", "POST", "PUT", "PATCH", "DELETE")))


async def answer_and_resolve(page: Page, customer: Customer, text: str) -> None:
    conversation = await customer.say("Where is my order?")
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.get_by_role("button", name="Take it").click()
    await page.locator("#composer").press_sequentially(text, delay=30)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message", has_text=text)).to_have_count(1)
    await customer.say("Thank you!")
    await expect(page.locator(".message", has_text="Thank you!")).to_have_count(1)
    async with page.expect_response(
        lambda r: r.request.method == "PATCH" and conversation in r.url
    ) as resolved:
        await page.get_by_role("button", name="Resolve", exact=True).click()
    assert (await resolved.value).ok


async def test_an_agents_hour(server: OwnServer, open_page: OpenPage) -> None:
    page = await open_page()
    traffic = Traffic(page)
    await page.get_by_label("Access token").fill(server.token("agent", "hourly"))
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(".list").wait_for()
    await page.wait_for_load_state("load")
    opening = traffic.take()
    for n in range(CONVERSATIONS):
        await answer_and_resolve(page, await Customer.arrive(server), f"It left our house today, number {n}.")
    working = traffic.take()
    conversation = await (await Customer.arrive(server)).say("Hello")
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.locator(".message").first.wait_for()
    await page.wait_for_load_state("load")
    traffic.take()
    await asyncio.sleep(QUIET_S)  # what is measured is that little happens
    quiet = traffic.take()
    per_hour = 3600 / QUIET_S
    total = requests(opening) + requests(working) / CONVERSATIONS * AN_HOUR + requests(quiet) * per_hour
    for name, seen in (
        ("opening", opening),
        (f"{CONVERSATIONS} conversations", working),
        (f"{QUIET_S:g} s quiet", quiet),
    ):
        print(name, requests(seen), dict(seen.most_common()))
    print(f"an agent's hour with {AN_HOUR} conversations: {total:.0f} requests, {total / 3600:.2f}/s")
    assert requests(opening) <= 40
    assert requests(working) / CONVERSATIONS <= 40
    assert requests(quiet) * per_hour <= 1200
