"""A webhook receiver for tests: a real HTTP server that records requests and answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from standardwebhooks.webhooks import Webhook
from waiting import until


class Got(NamedTuple):
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def verified(self, secret: str) -> Any:
        """The body, verified by the standard's own library. Raises if the signature does not match `secret`."""
        return Webhook(secret).verify(self.body, self.headers)


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """`answering` may be replaced at any time; 204 at first. `most`: the most requests that were under way at once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: list[Got] = []
        self.under_way = 0
        self.most = 0
        self.answering: Answering = with_status(204)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        got = Got({k.lower(): v for k, v in request.headers.items()}, await request.read())
        self.got.append(got)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self.answering(request)
        finally:
            self.under_way -= 1

    async def count(self, n: int) -> list[Got]:
        """Wait for `n` requests, and return them."""
        await until(lambda: len(self.got) >= n, f"{n} requests")
        return self.got

    def contents(self) -> list[str]:
        """The texts of the received messages."""
        return [
            g.json["data"]["data"]["content"] for g in self.got if g.json["type"] == "conversation:message"
        ]


def with_status(status: int, text: str = "", **headers: str) -> Answering:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return answer


def after(gate: asyncio.Event) -> Answering:
    """Answers once the gate is open."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response(status=204)

    return answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver("")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/in"
        yield receiver
    finally:
        await runner.cleanup()
