"""How a session's frames are sent: as WebSocket text messages, or as Server-Sent Events."""

from __future__ import annotations

from typing import ClassVar, Protocol

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from .session import Frame


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

    @property
    def gone(self) -> bool:
        return _gone(self._request)

    def abort(self) -> None:
        _abort(self._request)


class SseTransport:
    """`session.Transport` over an event stream. It closes with a comment that gives code and reason, and `retry:` of 1 s."""

    __slots__ = ("_request", "_response")

    kind: ClassVar[str] = "sse"

    def __init__(self, request: web.Request, response: EventSourceResponse) -> None:
        self._request = request
        self._response = response

    async def send(self, frames: list[Frame]) -> None:
        await self._response.write(b"".join(f.sse for f in frames) if len(frames) > 1 else frames[0].sse)

    async def close(self, code: int, reason: str) -> None:
        await self._response.write(f": closed {code} {reason}\nretry: 1000\n\n".encode())
        await self._response.write_eof()

    @property
    def gone(self) -> bool:
        return _gone(self._request)

    def abort(self) -> None:
        _abort(self._request)


def _gone(request: web.Request) -> bool:
    transport = request.transport
    return transport is None or transport.is_closing()


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
