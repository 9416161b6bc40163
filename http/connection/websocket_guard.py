"""Rate limits of WebSocket frames, applied before frames are parsed.

aiohttp parses everything that one read of the socket brings, up to 256 KiB or 43,000 empty frames, before any other task gets a turn, and
handles pings, pongs and fragments itself. So `FrameGate` wraps its parser: it reads frame headers (RFC 6455 section 5.2), no more
than the client may send at once, and passes nothing on once the client has sent too many. Malformed frames are left to the parser.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from aiohttp import web

from ..streams.lasting_response import LastingResponse
from ..streams.session import CloseCode
from ..streams.stream_limits import BYTES_PER_FRAME
from ..streams.token_bucket import Rate

MAX_FRAGMENTS: Final = 1024
"""Frames of one message; with one more the socket closes with 1008."""
MESSAGE_DEADLINE: Final = 30.0
"""Seconds from the first byte of a message to its last, if it takes several reads; then the socket closes with 1008."""
LINGER: Final = 1.0
"""Seconds between the close frame that ends a flood and the end of the connection, so that the client can read the frame."""


class FrameCounter:
    """Finds the frames of one connection across its reads."""

    __slots__ = ("_final", "_fragments", "_head", "_skip", "finished")

    def __init__(self) -> None:
        self._head = b""
        self._skip = 0
        self._final = False
        self._fragments = 0
        self.finished = False
        """Whether a message ended in the last read."""

    @property
    def unfinished(self) -> bool:
        """Whether a message or frame is incomplete."""
        return bool(self._head or self._skip or self._fragments)

    def feed(self, data: bytes, most: int) -> int:
        """Count the frames that begin in `data`, stopping after `most`. Raises TooManyFragments."""
        if self._head:
            data, self._head = self._head + data, b""
        count, at, size = 0, self._skip, len(data)
        self.finished = self._final and 0 < at <= size
        while at < size and count <= most:
            end = _end_of_frame(data, at, size)
            if end is None:
                self._head = data[at:]
                break
            count += 1
            first = data[at]
            self._final = False
            if not first & 0x08:  # a control frame may stand between fragments
                self._final = bool(first & 0x80)
                self._fragments = 0 if self._final else self._fragments + 1
                if self._fragments > MAX_FRAGMENTS:
                    raise TooManyFragments
            at = end
            if self._final and at <= size:
                self.finished = True
        self._skip = max(0, at - size)
        return count


class TooManyFragments(Exception):
    """A message of more frames than `MAX_FRAGMENTS`."""


def _end_of_frame(data: bytes, at: int, size: int) -> int | None:
    """The index at which the frame that begins at `at` ends; None if its length has not arrived."""
    if size - at < 2:
        return None
    second = data[at + 1]
    length = second & 0x7F
    end = at + (6 if second & 0x80 else 2)
    if length < 126:
        return end + length
    wide = 2 if length == 126 else 8
    if size - at < 2 + wide:
        return None
    return end + wide + int.from_bytes(data[at + 2 : at + 2 + wide], "big")


class FrameGuard(Protocol):
    """The owner of a connection: what they may send, and how the connection ends if they send more."""

    @property
    def rate(self) -> Rate:
        """Of one connection."""
        ...

    def left(self) -> float:
        """Frames that all connections of the same owner may still send together."""
        ...

    def spend(self, cost: float) -> str | None:
        """Count frames; returns whose rate is exceeded, if any."""
        ...

    def refuse(self, code: int, reason: str) -> None:
        """End the connection with this close frame."""
        ...


class FrameGate:
    """Wraps the parser of one connection. `refuse` is called at most once."""

    __slots__ = ("_closed", "_counter", "_full_at", "_guard", "_loop", "_parser", "_timer")

    def __init__(self, parser: Any, guard: FrameGuard, loop: asyncio.AbstractEventLoop) -> None:
        self._parser = parser
        self._guard = guard
        self._loop = loop
        self._counter = FrameCounter()
        self._full_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """As in aiohttp's parser: whether it is finished, and the unread rest."""
        if self._closed:
            return True, b""
        try:
            excess = self._count(data)
        except TooManyFragments:
            return self._end(f"a message of more than {MAX_FRAGMENTS} fragments")
        if excess is not None:
            return self._end(f"too many frames of one {excess}")
        self._time_message()
        return self._parser.feed_data(data)

    def feed_eof(self) -> None:
        """The client has hung up."""
        self._cancel()
        self._parser.feed_eof()

    def _count(self, data: bytes) -> str | None:
        guard, now = self._guard, self._loop.time()
        left = min(guard.rate.left(self._full_at, now), guard.left())
        frames = self._counter.feed(data, max(0, int(left)))
        cost = frames + len(data) / BYTES_PER_FRAME
        enough, self._full_at = guard.rate.spend(self._full_at, now, cost)
        excess = guard.spend(cost)
        return excess if enough else "connection"

    def _time_message(self) -> None:
        if self._counter.finished or not self._counter.unfinished:
            self._cancel()
        if self._timer is None and self._counter.unfinished:
            self._timer = self._loop.call_later(
                MESSAGE_DEADLINE, self._end, "a message took too long to arrive"
            )

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, reason: str) -> tuple[bool, bytes]:
        self._closed = True
        self._cancel()
        self._guard.refuse(CloseCode.POLICY, reason)
        return True, b""


class GuardedWebSocket(LastingResponse, web.WebSocketResponse):
    """aiohttp's WebSocket behind a `FrameGate`."""

    __slots__ = ("_guard",)

    def __init__(self, guard: FrameGuard, **options: Any) -> None:
        super().__init__(**options)
        self._guard = guard

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        connection: Any = request.protocol
        early, connection._message_tail = connection._message_tail, b""
        super()._post_start(request, protocol, writer)
        connection._payload_parser = FrameGate(connection._payload_parser, self._guard, connection._loop)
        if early:
            connection.data_received(early)

    def read_no_more(self) -> None:
        """Stop reading. The client's close frame stays unread as well, so it is waited for only briefly."""
        self._timeout = LINGER
        if self._req is not None and self._req.transport is not None:
            self._req.transport.pause_reading()
