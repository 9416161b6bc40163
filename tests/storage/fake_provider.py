"""A provider for tests of sending: a server that behaves as a test wants and records every request, and the kind that speaks
its format. A message's lines are its parts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web
from msgspec.structs import replace

from tertulia.core.channels.messages import Credentials, NotSent, Outbound, ProviderRequest, SendOutcome, Sent


class FakeKind:
    """`core.ports.channels.ChannelKind`, as far as sending goes."""

    base_url = "http://127.0.0.1:9"  # nobody
    rate = 1000.0
    needs_files = False

    def requests(
        self, message: Outbound, credentials: Credentials, base_url: str, status_url: str
    ) -> list[ProviderRequest]:
        headers = {"Authorization": credentials["token"], "X-Status-Url": status_url}
        common = {"message_id": message.message_id, "conversation": message.conversation_id, "to": message.to}
        made = (
            ProviderRequest("POST", f"{base_url}/send", headers, {**common, "part": n, "text": text})
            for n, text in enumerate(message.content.splitlines())
        )
        return [
            replace(r, otherwise=replace(r, json={**r.json, "text": f"{r.json['text']}, elsewhere"}))
            for r in made
        ]

    def outcome(self, status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
        if status == 200:
            return Sent(json.loads(body)["id"])
        after = headers.get("retry-after")
        return NotSent(
            f"http_{status}", body.decode()[:100], retry=status == 429 or status >= 500,
            retry_after=float(after) if after else None, slow_down=status == 429, otherwise=status == 410,
        )  # fmt: skip


class Analysis(NamedTuple):
    at: float
    message: str
    conversation: str
    part: int
    text: str


Behaviour = Callable[[web.Request, int], Awaitable[web.StreamResponse | None]]
"""The response to the n-th request (from 1); None accepts it."""


class FakeProvider:
    """`heard` is every request in the order of arrival; `taken` those that were answered well."""

    def __init__(self) -> None:
        self.heard: list[Analysis] = []
        self.requests: list[dict[str, Any]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.behaviour: Behaviour | None = None
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_post("/send", self._send)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append({**body, "headers": dict(request.headers)})
        now = asyncio.get_running_loop().time()
        self.heard.append(Analysis(now, body["message_id"], body["conversation"], body["part"], body["text"]))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with self._changed:
                self._changed.notify_all()
            number = len(self.heard)
            answer = None if self.behaviour is None else await self.behaviour(request, number)
            return answer or web.json_response({"id": f"{body['message_id']}:{body['part']}:{number}"})
        finally:
            self.at_once -= 1

    async def until(self, count: int, seconds: float = 20) -> None:
        """Until so many requests have arrived."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.heard) >= count)
