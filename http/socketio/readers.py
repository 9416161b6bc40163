"""Readers: the sessions of a connection, one for each namespace that it has joined, and the transport that they share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Final

import msgspec
import orjson
from aiohttp import web

from ...core.accounts.principal import Principal
from ...core.views.stream_events import EventView
from ..framework.endpoint import Call
from ..streams.session import CloseCode, Frame, Session
from .engine import Engine

Event = tuple[str, Any]
"""The name and the payload of an event for a client."""
Shape = Callable[[Session, EventView], Awaitable[Sequence[Event]]]
"""A namespace's messages for an event of the hub; none if it does not concern the reader."""
REPLAYED_WITHIN: Final = 60.0
"""Seconds after a reconnect within which a joined room is replayed from the last event that the client saw."""
_decode = msgspec.json.Decoder(EventView).decode


def packet(namespace: str, name: str, *arguments: Any) -> str:
    """An EVENT packet of Socket.IO's protocol 5."""
    place = "" if namespace == "/" else f"{namespace},"
    return f"2{place}{orjson.dumps([name, *arguments]).decode()}"


class SocketIoTransport:
    """`streams.session.Transport` over one namespace of a connection."""

    kind: ClassVar[str] = "socketio"

    def __init__(self, engine: Engine, eio_sid: str, sid: str, namespace: str, shape: Shape) -> None:
        self._engine = engine
        self._eio_sid = eio_sid
        self._sid = sid
        self._namespace = namespace
        self._shape = shape
        self.session: Session
        """Set before the first frame is sent."""

    async def send(self, frames: list[Frame]) -> None:
        packets = []
        for frame in frames:
            event = _decode(frame.json)
            for name, payload in await self._shape(self.session, event):
                arguments = (payload,) if frame.cursor is None else (payload, frame.cursor)
                packets.append(packet(self._namespace, name, *arguments))
        if packets:
            await self._engine.send(self._eio_sid, packets)

    async def close(self, code: int, reason: str) -> None:
        """A client whose token has ended is told, and stays away; all others lose the connection, and so return."""
        if code == CloseCode.POLICY:
            error = {"code": "unauthenticated", "detail": reason}
            with contextlib.suppress(ConnectionResetError):
                await self._engine.send(self._eio_sid, [packet(self._namespace, "error", error)])
            await self._engine.server.disconnect(self._sid, namespace=self._namespace)
        else:
            await self._engine.end(self._eio_sid)

    @property
    def gone(self) -> bool:
        return not self._engine.is_open(self._eio_sid)

    def abort(self) -> None:
        self._engine.abort(self._eio_sid)


class LastSeen:
    """The last event that a client had seen when it came; None for a new one."""

    def __init__(self, event_id: str | None) -> None:
        self._event_id = event_id
        self._came = asyncio.get_running_loop().time()

    @property
    def since(self) -> str | None:
        """From where a room joined now is replayed."""
        recent = asyncio.get_running_loop().time() - self._came < REPLAYED_WITHIN
        return self._event_id if recent else None


class Reader:
    """One namespace of one connection: its call (who, and the services), session, and task."""

    def __init__(self, call: Call[Any], session: Session, seen: LastSeen) -> None:
        self.call = call
        self.session = session
        self._seen = seen
        self.entered = asyncio.Event()
        """Set once the client knows that it is in."""
        self.task: asyncio.Future[None] | None = None

    @property
    def since(self) -> str | None:
        """From where a room joined now is replayed."""
        return self._seen.since


class Readers:
    """The readers of one gateway by connection and namespace."""

    def __init__(self, app: web.Application) -> None:
        self.app = app
        self._by_connection: dict[str, dict[tuple[str, str], Reader]] = {}

    def principals(self, eio_sid: str) -> list[Principal]:
        return [reader.session.principal for reader in self._by_connection.get(eio_sid, {}).values()]

    def entered(self, eio_sid: str, namespace: str) -> None:
        """A client knows that it is in."""
        for reader in self.get(eio_sid, namespace):
            reader.entered.set()

    def has_joined(self, eio_sid: str) -> bool:
        return eio_sid in self._by_connection

    def let_in(self, eio_sid: str) -> None:
        """Note a connection that reads nothing yet."""
        self._by_connection.setdefault(eio_sid, {})

    def get(self, eio_sid: str, namespace: str) -> list[Reader]:
        """A connection's readers in a namespace, one for each account."""
        found = self._by_connection.get(eio_sid, {})
        return [reader for (place, _), reader in found.items() if place == namespace]

    def add(self, eio_sid: str, namespace: str, reader: Reader) -> None:
        account = reader.session.principal.account_id
        self._by_connection.setdefault(eio_sid, {})[namespace, account] = reader

    def remove(self, eio_sid: str, namespace: str) -> list[Reader]:
        """Forget a namespace of a connection."""
        found = self._by_connection.get(eio_sid, {})
        gone = {key: reader for key, reader in found.items() if key[0] == namespace}
        for key in gone:
            del found[key]
        if not found:
            self._by_connection.pop(eio_sid, None)
        return list(gone.values())
