"""One reader of a stream: its bounded queue, its deadlines, its end. A `Transport` moves the bytes.

The queue holds at most `limit` bytes. A reader whose queue overflows, or that takes nothing until the send deadline, is closed
with 1013 and resumes from its last event id; it never delays others. The queues of all readers of an account are bounded together
as well (`stream_limits.AccountStreams`). At most one pong is pending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import ClassVar, Final, NamedTuple, Protocol

from ...core.accounts.principal import Principal
from .stream_limits import UNCOUNTED, AccountStreams

SendFrame = Callable[[], Awaitable[None]]


NEVER: Final = float("inf")


class CloseCode(IntEnum):
    """Why a stream ends (RFC 6455 section 7.4 and its registry)."""

    NORMAL = 1000
    DRAINING = 1001
    PROTOCOL = 1002
    POLICY = 1008
    TOO_BIG = 1009
    RESTART = 1012
    OVERLOADED = 1013


class CloseReason(NamedTuple):
    """For clients: when a stream ends with a code, which error codes say the same, and whether to reconnect."""

    when: str
    errors: tuple[str, ...]
    reconnect: str


CLOSE_REASONS: Final[dict[CloseCode, CloseReason]] = {
    CloseCode.NORMAL: CloseReason("the client closed the stream", (), "as the client likes"),
    CloseCode.DRAINING: CloseReason(
        "the server is stopping", (), "yes, at once, with the last event id; another gateway answers"
    ),
    CloseCode.PROTOCOL: CloseReason(
        "a frame breaks RFC 6455", ("malformed",), "no: the client must be fixed"
    ),
    CloseCode.POLICY: CloseReason(
        "the token has ended, the API client was deleted, frames came too fast, or a message was not text",
        ("unauthenticated", "rate_limited"),
        "with a new token, or more slowly",
    ),
    CloseCode.TOO_BIG: CloseReason(
        "a message is too large", ("too_large",), "no: the message would fail again"
    ),
    CloseCode.RESTART: CloseReason("the server restarts", (), "yes, with the last event id"),
    CloseCode.OVERLOADED: CloseReason(
        "the client, or all readers of its account together, read too slowly",
        ("overloaded",),
        "yes, with the last event id, after a random delay",
    ),
}


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
    """Moves frames. `send` returns once the bytes are in the kernel's buffer or in a bounded one."""

    kind: ClassVar[str]

    async def send(self, frames: list[Frame]) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...
    @property
    def gone(self) -> bool:
        """Whether the client has disconnected."""
        ...

    def abort(self) -> None:
        """Cut the connection without a close frame."""
        ...


class Session:
    """A reader and its queue."""

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
        "ping_at",
        "principal",
        "send_ping",
        "sending_since",
        "topics",
    )

    def __init__(self, principal: Principal, transport: Transport, limit: int) -> None:
        self.principal = principal
        self.limit = limit
        self.order: asyncio.Lock | None = None
        """Held while a change of topics takes effect; created by the first one."""
        self.topics: set[str] = set()
        self.sending_since = 0.0
        self.ping_at = NEVER
        self.send_ping: SendFrame | None = None
        """When the next ping is due, by the event loop's clock, and what sends it; NEVER if the transport does so itself."""
        self.closing: tuple[int, str] | None = None
        self.account: AccountStreams = UNCOUNTED
        self.address = ""
        """Both set when the session is counted (`stream_limits.StreamCounts.take`)."""
        self._transport = transport
        self._pong: SendFrame | None = None
        # Thousands of sessions are idle: a list and a future take a tenth of the memory of a deque and an event.
        self._queue: list[Frame] = []
        self._queued = 0
        self._room: asyncio.Future[None] | None = None
        self._wake: asyncio.Future[None] | None = None

    @property
    def queued(self) -> int:
        """Bytes in the queue."""
        return self._queued

    def push(self, frame: Frame) -> None:
        """Queue a frame; close the session if the queue is full."""
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

    def answer_ping(self, send_pong: SendFrame) -> None:
        """Send a pong next. One for the newest ping is enough (RFC 6455 section 5.5.3), so pongs are not queued."""
        self._pong = send_pong
        _resolve(self._wake)

    def ping(self) -> None:
        """Send a ping next, unless a pong is sent."""
        if self._pong is None:
            self._pong = self.send_ping
            _resolve(self._wake)

    def close(self, code: int, reason: str) -> None:
        """End the stream. What is queued is still sent, unless the reader was too slow."""
        if self.closing is None:
            self.closing = (code, reason)
            if code == CloseCode.OVERLOADED:
                self.release()
            _resolve(self._room)
            _resolve(self._wake)

    def cut(self, reason: str) -> None:
        """End the stream of a slow reader; at once, if a send is in progress."""
        self.close(CloseCode.OVERLOADED, reason)
        if self.sending_since:
            self._transport.abort()

    def release(self) -> None:
        """Drop the queue."""
        frames, self._queue = self._queue, []
        self._let_go(frames)

    def _let_go(self, frames: list[Frame]) -> None:
        """Stop counting frames that have left the queue."""
        freed = 0
        for frame in frames:
            size = len(frame.json)
            self._queued -= size
            frame.waiting -= 1
            if not frame.waiting:
                freed += size
        self.account.queued -= freed

    async def room(self, size: int) -> None:
        """Wait until `size` bytes of the queue are free; used by replays."""
        while self._queued > max(0, self.limit - size) and self.closing is None:
            if self._room is None or self._room.done():
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    async def write_loop(self, clock: asyncio.AbstractEventLoop) -> None:
        """Send what is queued until closed or cancelled."""
        while True:
            if not self._queue and self._pong is None:
                if self.closing is not None:
                    self.sending_since = (
                        clock.time()
                    )  # a client that reads nothing does not read the close frame either
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
