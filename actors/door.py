"""A host's end of the connections: takes commands and watches from gateways, answers, and pushes committed entries."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from ..core.entries import Entry
from . import wire
from .connections import MAX_FRAME, MAX_GREETING, Connection, Kind
from .publishing import FeedPublisher

log = structlog.get_logger(__name__)

GREETING_DEADLINE = 5.0
MAX_BACKLOG = 32 * 1024 * 1024
"""Bytes of entries one gateway has not taken yet. Beyond it they are dropped, and it heals the gap from Postgres."""


class GatewayPush:
    """The way to one gateway. See `publishing.GatewayLink`."""

    def __init__(self, name: str, connection: Connection) -> None:
        self._name = name
        self._connection = connection
        self._dropping = False

    def send(self, entries: list[Entry]) -> None:
        full = self._connection.backlog > MAX_BACKLOG
        if full and not self._dropping:
            log.warning("delivery_lost", gateway=self._name, entries=len(entries))
        self._dropping = full
        if not full:
            self._connection.send(Kind.ENTRIES, 0, wire.encode(entries))


class Door:
    """Listens for gateways. `submit` takes a batch of commands and returns their outcomes, both encoded; `learn` is told of
    accounts whose settings or rules have changed, and returns once they count. `secret` is what a gateway must show."""

    def __init__(
        self,
        submit: Callable[[bytes], Awaitable[bytes]],
        learn: Callable[[list[str]], Awaitable[None]],
        publisher: FeedPublisher,
        secret: bytes,
    ) -> None:
        self._submit = submit
        self._learn = learn
        self._publisher = publisher
        self._secret = secret
        self._guests: dict[Connection, str | None] = {}
        self._pushes: dict[Connection, GatewayPush] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, address: str) -> int:
        """Listen on a free port of `address`; which one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, address, 0)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Let no more gateways in, and let those there have their answers."""
        if self._server is not None:
            self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for connection in list(self._guests):
            connection.close()

    def _connection(self) -> Connection:
        connection = Connection(self._on_frame, self._on_lost, MAX_GREETING)
        self._guests[connection] = None
        asyncio.get_running_loop().call_later(GREETING_DEADLINE, self._expect_greeting, connection)
        return connection

    def _expect_greeting(self, connection: Connection) -> None:
        if connection in self._guests and self._guests[connection] is None:
            connection.abort()

    def _on_lost(self, connection: Connection) -> None:
        name = self._guests.pop(connection, None)
        push = self._pushes.pop(connection, None)
        if name is not None and push is not None:
            self._publisher.lost(name, push)

    def _on_frame(self, connection: Connection, kind: int, number: int, payload: bytes) -> None:
        name = self._guests.get(connection)
        if name is None:
            self._greet(connection, kind, number, payload)
        elif kind == Kind.COMMANDS:
            self._start(self._commands(connection, number, payload))
        elif kind == Kind.LEARN:
            self._start(self._learned(connection, number, wire.decode_names(payload)))
        elif kind == Kind.WATCH:
            push = self._pushes.setdefault(connection, GatewayPush(name, connection))
            self._publisher.watch(name, push, wire.decode_names(payload))
            connection.send(Kind.ANSWER, number, b"")
        elif kind == Kind.WATCH_EVENTS:
            push = self._pushes.setdefault(connection, GatewayPush(name, connection))
            self._publisher.watch_events(name, push)
            connection.send(Kind.ANSWER, number, b"")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _greet(self, connection: Connection, kind: int, number: int, payload: bytes) -> None:
        size = len(self._secret)
        if kind != Kind.HELLO or not hmac.compare_digest(payload[:size], self._secret):
            log.warning("connection_refused")
            connection.abort()
            return
        self._guests[connection] = payload[size:].decode()
        connection.limit = MAX_FRAME
        connection.send(Kind.ANSWER, number, b"")

    async def _learned(self, connection: Connection, number: int, accounts: list[str]) -> None:
        await self._learn(accounts)
        connection.send(Kind.ANSWER, number, b"")

    async def _commands(self, connection: Connection, number: int, payload: bytes) -> None:
        try:
            answer = await self._submit(payload)
        except Exception:  # without an answer the gateway asks again, under the same ids
            log.exception("submit_failed")
            connection.abort()
        else:
            connection.send(Kind.ANSWER, number, answer)
