"""A customer's side for tests of the widget: a site of another origin under a strict policy, and the widget on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Any

from aiohttp import web
from desks import fresh, ok
from playwright.async_api import FrameLocator, Locator, Page
from serving import OwnServer, free_port

from tertulia.serving.demo import demo_id

SECRET = "an-identity-secret-of-many-bytes"
AGENT = demo_id(21)


class Site:
    """A shop at `url`, whose policy allows what docs/guides/widget.md says that the widget needs, and nothing else."""

    def __init__(self, server: OwnServer, port: int) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{port}"
        self.attributes: dict[str, str] = {}

    async def page(self, request: web.Request) -> web.Response:
        given = "".join(f' data-{name}="{escape(value)}"' for name, value in self.attributes.items())
        policy = (
            f"default-src 'none'; script-src {self.server.url}/widget.js; frame-src {self.server.url}; base-uri 'none';"
            " require-trusted-types-for 'script'; trusted-types 'none'"
        )
        body = f"""<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>Shop</title>
          <script async src="{self.server.url}/widget.js"{given}></script></head><body><main><h1>Shop</h1></main></body></html>"""
        return web.Response(text=body, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def channel(self, **config: Any) -> str:
        """A channel of its own for this site, on every page from now on."""
        config = {"allowed_origins": [self.url], **config}
        body = {
            "type": "webchat",
            "name": fresh("shop"),
            "config": config,
            "credentials": {"identity_secret": SECRET},
        }
        async with self.server.client(self.server.token("admin", "site-admin")) as admin:
            made = ok(await admin.post("/v1/channels", json=body), 201)["id"]
        self.attributes = {"channel": made}
        return made


@asynccontextmanager
async def serving(server: OwnServer) -> AsyncIterator[Site]:
    site = Site(server, port := free_port())
    app = web.Application()
    app.router.add_get("/{path:.*}", site.page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield site
    finally:
        await runner.cleanup()


class Widget:
    """The widget on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.button: Locator = page.locator("tertulia-widget button")
        self.frame: FrameLocator = page.frame_locator("tertulia-widget iframe")
        self.box = self.frame.locator("#message")
        self.own = self.frame.locator(".message.own:not(.unsent)")
        self.theirs = self.frame.locator(".message:not(.own):not(.greeting)")

    async def open(self) -> Widget:
        await self.button.click()
        await self.frame.locator(".panel").wait_for()
        return self

    async def say(self, text: str) -> None:
        await self.box.fill(text)
        await self.box.press("Enter")
        await self.own.filter(has_text=text).wait_for()

    async def texts(self) -> list[str]:
        return await self.frame.locator(".message:not(.greeting) .text").all_text_contents()


async def newest(server: OwnServer, channel: str) -> dict[str, Any]:
    """The newest conversation of a channel, as the team sees it."""
    async with server.client(server.token("service", "looker")) as client:
        page = ok(await client.get("/v1/conversations", params={"channel_id": channel, "limit": 1}))
    return page["items"][0]


async def answer(server: OwnServer, channel: str, *texts: str, **fields: Any) -> str:
    """An agent answers in a channel's newest conversation. Returns its id."""
    conversation = (await newest(server, channel))["id"]
    async with server.client(server.token("service", "answerer")) as client:
        for text in texts:
            body = {"content": text, "sender_type": "agent", **fields}
            ok(await client.post(f"/v1/conversations/{conversation}/messages", json=body), 201)
    return conversation
