"""Transports of a session's frames: WebSocket text messages, or Server-Sent Events."""

from __future__ import annotations

import random
from typing import ClassVar, Final, Protocol

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from ...actors.clock import now_ms
from ...core.times import rfc3339
from ...core.views.stream_events import EventView
from .session import CloseCode, Frame

RETRY: Final = 1_000
"""Milliseconds after which clients of a stream come back, at least; at most twice as many."""
RETRY_OVERLOADED: Final = 2_000
"""The same for a client that read too slowly."""


PING: Final = b": ping\r\n\r\n"


class ClientSocket(Protocol):
    """An open WebSocket (`connection/websocket_guard.py`)."""

    async def send_frame(self, message: bytes, opcode: web.WSMsgType) -> None: ...
    async def close(self, *, code: int, message: bytes) -> bool: ...
    def read_no_more(self) -> None:
        """Stop reading."""
        ...


class WebSocketTransport:
    """`session.Transport` over an aiohttp WebSocket."""

    __slots__ = ("_request", "socket")

    kind: ClassVar[str] = "websocket"

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.socket: ClientSocket
        """Set before the first frame is sent."""

    async def send(self, frames: list[Frame]) -> None:
        for frame in frames:
            await self.socket.send_frame(frame.json, web.WSMsgType.TEXT)

    async def close(self, code: int, reason: str) -> None:
        await self.socket.close(code=code, message=reason.encode())

    def ended(self) -> None:
        """The stream has ended."""

    @property
    def gone(self) -> bool:
        return _gone(self._request)

    def abort(self) -> None:
        _abort(self._request)


class SseTransport:
    """`session.Transport` over an event stream.

    It ends with a `close` event. If `breaks_off`, the connection then ends without the body's last chunk, as an error: scripts that
    read streams with fetch take a complete answer for the end of the stream, and stay away. Other clients take a broken one for a
    fault. An EventSource comes back from both.
    """

    __slots__ = ("_breaks_off", "_request", "_response", "cursor")

    kind: ClassVar[str] = "sse"

    def __init__(self, request: web.Request, response: EventSourceResponse, *, breaks_off: bool) -> None:
        self._request = request
        self._response = response
        self._breaks_off = breaks_off
        self.cursor: str | None = None
        """The cursor to continue from: after the last event that was sent."""

    async def send(self, frames: list[Frame]) -> None:
        for frame in reversed(frames):
            if frame.cursor is not None:
                self.cursor = frame.cursor
                break
        await self._response.write(b"".join(f.sse for f in frames) if len(frames) > 1 else frames[0].sse)

    async def ping(self) -> None:
        await self._response.write(PING)

    async def close(self, code: int, reason: str) -> None:
        await self._response.write(last_words(code, reason, self.cursor, now_ms()))
        if self._breaks_off and self._request.transport is not None:
            self._request.transport.close()
        else:
            await self._response.write_eof()

    @property
    def gone(self) -> bool:
        return _gone(self._request)

    def abort(self) -> None:
        _abort(self._request)


def last_words(code: int, reason: str, cursor: str | None, now: int) -> bytes:
    """The `close` event: why a stream ends, with what every event has. `retry:` spreads those that come back over time."""
    event = EventView(cursor or "", "close", "", None, None, rfc3339(now), {"code": code, "reason": reason})
    shortest = RETRY_OVERLOADED if code == CloseCode.OVERLOADED else RETRY
    head = f": closed {code} {reason}\nretry: {round(random.uniform(shortest, 2 * shortest))}\nevent: close\n"
    return head.encode() + b"data: " + msgspec.json.encode(event) + b"\n\n"


def _gone(request: web.Request) -> bool:
    transport = request.transport
    return transport is None or transport.is_closing()


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
