"""Deadlines of a client: for a request's header, for its body, and for reading the answers.

Owns one timer per connection. The timer is not reset for every request, which would slow each of them down; when it fires, it checks
what the connection waits for, acts, and is set to the earliest time at which something could be due. Not covered here: idle time between
requests (aiohttp), the running time of handlers, and slow readers of streams (`streams/session.py`).
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import msgspec

from ...settings import Settings

_NEVER: Final = float("inf")


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds; `min_rate` bytes a second. See `Settings` for what each means."""

    header: float = 10.0
    body: float = 10.0
    write: float = 30.0
    keepalive: float = 75.0
    min_rate: float = 512.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Deadlines:
        s = settings
        return cls(s.header_timeout, s.body_timeout, s.write_timeout, s.keepalive_timeout, s.min_rate)


class Watched(Protocol):
    """A connection, as seen by its `Watch`. Times are the event loop's."""

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a request, or for the rest of a header."""
        ...

    @property
    def header_since(self) -> float | None:
        """The time at which the wait for a required header began; None if none is awaited."""
        ...

    @property
    def body_received(self) -> int | None:
        """Bytes received of the current body; None if there is none, or if reading is paused on this side."""
        ...

    @property
    def answers(self) -> tuple[int, int]:
        """Bytes of answers that the client has taken, and bytes that still wait."""
        ...

    def header_overdue(self) -> None: ...
    def body_overdue(self) -> None: ...
    def answers_overdue(self) -> None: ...


class _Pace:
    """Checks that bytes move at the minimum rate in each interval."""

    __slots__ = ("_mark", "_since")

    def __init__(self) -> None:
        self._since = _NEVER
        self._mark = 0

    def rest(self) -> None:
        """Stop measuring: nothing is awaited."""
        self._since = _NEVER

    def left(self, now: float, moved: int, interval: float, min_rate: float) -> float:
        """Seconds until the next check; 0 if too slow. `moved`: bytes so far."""
        if self._since == _NEVER:
            self._since, self._mark = now, moved
        if now < self._since + interval:
            return self._since + interval - now
        if moved - self._mark < max(1.0, min_rate * interval):
            return 0.0
        self._since, self._mark = now, moved
        return interval


class Watch:
    """The timer of one connection."""

    __slots__ = ("_answers", "_at", "_body", "_connection", "_deadlines", "_handle", "_loop")

    def __init__(self, connection: Watched, deadlines: Deadlines, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._deadlines = deadlines
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self._at = _NEVER
        self._body = _Pace()
        self._answers = _Pace()

    def start(self) -> None:
        """The connection is open."""
        self._arm(self._deadlines.header)

    def stop(self) -> None:
        """The connection is lost."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def rest(self) -> None:
        """Stop until something begins, or `go_on`."""
        self.stop()
        self._at = _NEVER

    def go_on(self) -> None:
        """After `rest`."""
        self._need(self._deadlines.write)

    def header_began(self) -> None:
        """A header has arrived in part."""
        self._need(self._deadlines.header)

    def body_began(self) -> None:
        """A body has arrived in part."""
        self._body.rest()
        received = self._connection.body_received
        self._need(self._body.left(self._loop.time(), received or 0, self._deadlines.body, 0))

    def answers_wait(self) -> None:
        """The client reads more slowly than it is answered."""
        self._need(self._deadlines.write)

    def _need(self, seconds: float) -> None:
        if self._loop.time() + seconds < self._at:
            self.stop()
            self._arm(seconds)

    def _arm(self, seconds: float) -> None:
        self._at = self._loop.time() + seconds
        self._handle = self._loop.call_later(seconds, self._fire)

    def _fire(self) -> None:
        self._handle, self._at = None, _NEVER
        now = self._loop.time()
        left = self._look(now)
        if left is not None:
            self._arm(min(left, self._deadlines.keepalive))

    def _look(self, now: float) -> float | None:
        """Act on what is overdue. Returns seconds until the next check; None if the connection was cut."""
        connection, limits = self._connection, self._deadlines
        taken, waiting = connection.answers
        if waiting:
            writing = self._answers.left(now, taken, limits.write, limits.min_rate)
            if not writing:
                connection.answers_overdue()
                return None
        else:
            self._answers.rest()
            writing = limits.keepalive
        received = connection.body_received
        if received is not None:
            reading = self._body.left(now, received, limits.body, limits.min_rate)
            if not reading:
                connection.body_overdue()
                return min(writing, limits.write)
            return min(writing, reading)
        self._body.rest()
        since = connection.header_since
        if since is not None and connection.is_waiting:
            if now >= since + limits.header:
                connection.header_overdue()
                return min(writing, limits.write)
            return min(writing, since + limits.header - now)
        return writing
