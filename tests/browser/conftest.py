"""A real browser for tests of the pages: Debian's chromium-headless-shell, driven by playwright.

`make test` runs the short tests, `make browser` all. As root the browser is installed if it is missing; else the tests say what to install.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from node import program
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from serving import OwnServer

PROGRAM = "chromium-headless-shell"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests unless they are asked for."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.server)
    if "browser" in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker("browser")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("browser")]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=program(PROGRAM, PROGRAM), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        await launched.close()


class Faults(list[str]):
    """What a page complained of: uncaught errors, errors on the console, violations of its policy."""

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "console",
            lambda said: (
                self.append(said.text) if said.type == "error" and not _expected(said.text) else None
            ),
        )


def _expected(text: str) -> bool:
    # the browser logs refused and failed requests by itself; tests look at what the page makes of them
    return (
        text.startswith("Failed to load resource") or "WebSocket connection to" in text or "net::ERR" in text
    )


@pytest.fixture
async def faults() -> AsyncIterator[Faults]:
    found = Faults()
    yield found
    assert found == []


@pytest.fixture
async def contexts(browser: Browser) -> AsyncIterator[list[BrowserContext]]:
    made: list[BrowserContext] = []
    yield made
    for context in made:
        await context.close()


@pytest.fixture
def open_page(
    browser: Browser, server: OwnServer, faults: Faults, contexts: list[BrowserContext], calm: None
) -> OpenPage:
    """Opens a page in a context of its own; `token` signs it in through the page's own form."""

    async def opened(path: str = "/inbox", token: str | None = None, **options: object) -> Page:
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, **options}
        context = await browser.new_context(base_url=server.url, **options)  # pyright: ignore[reportArgumentType]
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = await context.new_page()
        faults.watch(page)
        await page.goto(path)
        if token is not None:
            await page.get_by_label("Access token").fill(token)
            await page.get_by_role("button", name="Sign in", exact=True).click()
            await page.locator(".list").wait_for()
        return page

    return opened


@pytest.fixture
async def customer(server: OwnServer) -> Customer:
    return await Customer.arrive(server)


@pytest.fixture
async def calm(server: OwnServer) -> AsyncIterator[None]:
    """Nothing is routed to anybody: agents of these tests take conversations themselves."""
    async with server.client(server.token("admin", "browser-admin")) as client:
        by_hand = {"settings": {"routing": {"strategy": "manual_queue"}}}
        ok(await client.patch("/v1/account", json=by_hand), 200)
        yield
        ok(await client.patch("/v1/account", json={"settings": {"routing": None}}), 200)
