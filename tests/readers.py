"""Stream clients that reconnect: each records every event exactly as received, over all its connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import httpx_sse
import websockets
from serving import OwnServer
from websockets.asyncio.client import ClientConnection, connect

Event = dict[str, Any]
PAUSE = 0.05
"""Seconds before a reader reconnects, so that it does not hammer a server that refuses it."""
BROKEN = (OSError, httpx.HTTPError, httpx_sse.SSEError, websockets.WebSocketException, ssl.SSLError)


class Reader:
    """Follows one stream until stopped, and resumes after its last event whenever the connection ends."""

    def __init__(
        self, server: OwnServer, token: str, topics: str | None = None, since: str | None = None
    ) -> None:
        self._server = server
        self._token = token
        self._topics = topics
        self.cursor = since
        self.events: list[Event] = []
        self.connections = 0
        self.resets = 0
        self.closes: list[tuple[int | None, str]] = []
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Reader:
        self._task = asyncio.ensure_future(self._run())
        await self.until(lambda: self.connections > 0, "the first connection")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            self._connection = asyncio.ensure_future(self._connect())
            try:
                await asyncio.wait({self._connection})
            finally:
                self._connection.cancel()
                with contextlib.suppress(asyncio.CancelledError, *BROKEN):
                    await self._connection
            self._news.set()
            await asyncio.sleep(PAUSE)

    async def _connect(self) -> None:
        raise NotImplementedError

    def drop(self) -> None:
        """Drop the connection without closing it properly."""
        if self._connection is not None:
            self._connection.cancel()

    def take(self, event: Event) -> None:
        """Record an event from the connection."""
        if event["type"] == "ready":
            self.connections += 1
            self.cursor = self.cursor or event["data"]["cursor"]
        elif event["type"] == "reset":
            self.resets += 1
            self.cursor = event["data"]["cursor"]
        elif event["type"] == "close":
            self.closes.append((event["data"]["code"], event["data"]["reason"]))
            assert event["id"] == self.cursor
        else:
            self.events.append(event)
            self.cursor = event["id"]
        self._news.set()

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = 45) -> None:
        """Wait for `condition`, which is checked after every event."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; last: {self.events[-1:]}") from None

    def entries(self, type: str = "conversation:message") -> list[Event]:
        return [e for e in self.events if e["type"] == type]

    def numbers(self) -> dict[str, list[int]]:
        """Conversation → seqs of its events in order of arrival. Several events of one entry count once."""
        seen: dict[str, list[int]] = defaultdict(list)
        for event in self.events:
            if event["seq"] is not None and not event["type"].startswith("notification:"):
                seen[event["conversation_id"]].append(event["seq"])
        return seen


class SseReader(Reader):
    async def _connect(self) -> None:
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        params = {"topics": self._topics} if self._topics else {}
        async with (
            self._server.client(self._token) as client,
            httpx_sse.aconnect_sse(
                client, "GET", "/v1/stream", params=params, headers=headers, timeout=60
            ) as source,
        ):
            source.response.raise_for_status()
            async for sse in source.aiter_sse():
                if sse.data:  # an event without data is not dispatched, such as a lone `retry:`
                    self.take(json.loads(sse.data))


class WsReader(Reader):
    socket: ClientConnection

    async def _connect(self) -> None:
        query = "&".join(f"{k}={v}" for k, v in (("topics", self._topics), ("since", self.cursor)) if v)
        async with open_socket(self._server, self._token, query) as self.socket:
            try:
                async for text in self.socket:
                    message = json.loads(text)
                    if message["type"] not in ("ack", "error"):
                        self.take(message)
            finally:
                self.closes.append((self.socket.close_code, self.socket.close_reason or ""))


READERS: dict[str, type[Reader]] = {"sse": SseReader, "websocket": WsReader}


def open_socket(server: OwnServer, token: str | None, query: str = "", **options: Any) -> connect:
    """Connect a plain WebSocket to `/v1/ws`, or to another `path`."""
    path = options.pop("path", "/v1/ws")
    headers = options.pop("additional_headers", {})
    if token is not None:
        headers = {"Authorization": f"Bearer {token}", **headers}
    return connect(
        f"ws://127.0.0.1:{server.port}{path}?{query}",
        additional_headers=headers,
        compression=None,
        max_size=None,
        open_timeout=30,
        close_timeout=1,  # a client that stopped reading misses the server's part of the closing handshake
        proxy=None,
        **options,
    )


class Chat:
    """A WebSocket for commands: `ask` waits for the response with its `ref`; other messages go to `events`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []
        self._ref = 0

    async def next(self, seconds: float = 20) -> Event:
        async with asyncio.timeout(seconds):
            return json.loads(await self.socket.recv())

    async def event(self, type: str) -> Event:
        """The next event of this type."""
        while True:
            found = next((e for e in self.events if e["type"] == type), None)
            if found is not None:
                self.events.remove(found)
                return found
            self.events.append(await self.next())

    async def ask(self, type: str, **fields: Any) -> Event:
        self._ref += 1
        ref = str(self._ref)
        await self.socket.send(json.dumps({"type": type, "ref": ref, **fields}))
        return await self.answer(ref)

    async def answer(self, ref: str | None) -> Event:
        while True:
            message = await self.next()
            if message["type"] in ("ack", "error") and message.get("ref") == ref:
                return message
            self.events.append(message)
