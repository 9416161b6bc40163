"""One reader: its bounded queue, its deadlines, its end. What the bytes travel over is the transport's business.

The queue holds at most `limit` bytes. A reader that lets it overflow, or takes nothing for the send deadline, is closed
with 1013 and comes back with its last event id; it never delays another. What waits for all readers of an account is bounded
as well (`stream_limits.AccountStreams`). Of a client's pings one at most waits for its pong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import ClassVar, Protocol

from ...core.accounts.principal import Principal
from .stream_limits import UNCOUNTED, AccountStreams

SendPong = Callable[[], Awaitable[None]]


class CloseCode(IntEnum):
    """Why a stream ends (RFC 6455 section 7.4 and its registry)."""

    NORMAL = 1000
    DRAINING = 1001
    POLICY = 1008
    TOO_BIG = 1009
    RESTART = 1012
    OVERLOADED = 1013


class Frame:
    """An event, encoded once for all of its readers. `waiting`: how many of them have it in their queues."""

    __slots__ = ("_sse", "cursor", "json", "type", "waiting")

    def __init__(self, type: str, json: bytes, cursor: str | None) -> None:
        self.type = type
        self.json = json
        self.cursor = cursor
        self.waiting = 0
        self._sse: bytes | None = None

    @property
    def sse(self) -> bytes:
        """As an SSE event; `id:` only where the client may take it for seen."""
        if self._sse is None:
            head = f"event: {self.type}\n" + (f"id: {self.cursor}\n" if self.cursor else "")
            self._sse = head.encode() + b"data: " + self.json + b"\n\n"
        return self._sse


class Transport(Protocol):
    """Moves frames. `send` returns when the bytes are in the kernel's or a bounded buffer."""

    kind: ClassVar[str]

    async def send(self, frames: list[Frame]) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...
    @property
    def gone(self) -> bool:
        """Whether the other side has hung up."""
        ...

    def abort(self) -> None:
        """Cut the connection without a word."""
        ...


class Session:
    """A reader and what waits for it."""

    __slots__ = (
        "_pong",
        "_queue",
        "_queued",
        "_room",
        "_transport",
        "_wake",
        "account",
        "address",
        "closing",
        "limit",
        "order",
        "principal",
        "sending_since",
        "topics",
    )

    def __init__(self, principal: Principal, transport: Transport, limit: int) -> None:
        self.principal = principal
        self.limit = limit
        self.order: asyncio.Lock | None = None
        """Held while a client's word about its topics takes effect; there once it has said one."""
        self.topics: set[str] = set()
        self.sending_since = 0.0
        self.closing: tuple[int, str] | None = None
        self.account: AccountStreams = UNCOUNTED
        self.address = ""
        """Both set where the session gets its place (`stream_limits.StreamCounts.take`)."""
        self._transport = transport
        self._pong: SendPong | None = None
        # Thousands of sessions are idle: a list and a future take a tenth of what a deque and an event would.
        self._queue: list[Frame] = []
        self._queued = 0
        self._room: asyncio.Future[None] | None = None
        self._wake: asyncio.Future[None] | None = None

    @property
    def queued(self) -> int:
        """Bytes waiting."""
        return self._queued

    def push(self, frame: Frame) -> None:
        """Queue a frame; close when the queue is full."""
        if self.closing is not None:
            return
        size = len(frame.json)
        if self._queued + size > self.limit:
            self.close(CloseCode.OVERLOADED, "too slow: reconnect with your last event id")
            return
        self._queued += size
        self._queue.append(frame)
        frame.waiting += 1
        if frame.waiting == 1:
            account = self.account
            account.queued += size
            if account.queued > account.limit:
                account.relieve(asyncio.get_running_loop().time())
        _resolve(self._wake)

    def answer_ping(self, send_pong: SendPong) -> None:
        """Send a pong next. One for the newest ping is enough (RFC 6455 section 5.5.3), so none wait behind each other."""
        self._pong = send_pong
        _resolve(self._wake)

    def close(self, code: int, reason: str) -> None:
        """End the stream: what is queued is dropped when the reader was too slow, else still sent."""
        if self.closing is None:
            self.closing = (code, reason)
            if code == CloseCode.OVERLOADED:
                self.release()
            _resolve(self._room)
            _resolve(self._wake)

    def cut(self, reason: str) -> None:
        """End the stream of a reader that is too slow, at once where it is in the middle of something."""
        self.close(CloseCode.OVERLOADED, reason)
        if self.sending_since:
            self._transport.abort()

    def release(self) -> None:
        """Drop what is queued."""
        frames, self._queue = self._queue, []
        self._let_go(frames)

    def _let_go(self, frames: list[Frame]) -> None:
        """These wait for this reader no more."""
        freed = 0
        for frame in frames:
            size = len(frame.json)
            self._queued -= size
            frame.waiting -= 1
            if not frame.waiting:
                freed += size
        self.account.queued -= freed

    async def room(self, size: int) -> None:
        """Wait until `size` bytes of the queue are free: for replays, which may take their time."""
        while self._queued > max(0, self.limit - size) and self.closing is None:
            if self._room is None or self._room.done():
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    async def write_loop(self, clock: asyncio.AbstractEventLoop) -> None:
        """Send what is queued until closed or cancelled."""
        while True:
            if not self._queue and self._pong is None:
                if self.closing is not None:
                    self.sending_since = clock.time()  # who reads nothing does not read the close either
                    await self._transport.close(*self.closing)
                    return
                self._wake = clock.create_future()
                await self._wake
                continue
            self.sending_since = clock.time()
            await self._send()
            self.sending_since = 0.0
            _resolve(self._room)

    async def _send(self) -> None:
        if self._pong is not None:
            send_pong, self._pong = self._pong, None
            await send_pong()
        if self._queue:
            frames, self._queue = self._queue, []
            try:
                await self._transport.send(frames)
            finally:
                self._let_go(frames)

    @property
    def kind(self) -> str:
        """The transport's name."""
        return self._transport.kind

    @property
    def gone(self) -> bool:
        return self._transport.gone

    def abort(self) -> None:
        """Cut the connection; the write loop ends by itself."""
        self.close(CloseCode.OVERLOADED, "aborted")
        self._transport.abort()


def _resolve(waited_for: asyncio.Future[None] | None) -> None:
    if waited_for is not None and not waited_for.done():
        waited_for.set_result(None)
