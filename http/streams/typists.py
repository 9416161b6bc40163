"""The typists shown to this gateway's readers. A typist who does not repeat it is shown as stopped.

Each gateway tracks what its own readers were shown, so it does not matter to which gateway the typist is connected, or whether that gateway
is still up. Repetitions are throttled. Nothing is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

TYPING = "conversation:typing"
SHOWN = 5.0
"""Seconds for which a typist is shown after a `start`."""
REPEATED = 2.0
"""Seconds within which a repeated state is not passed on again; less than `SHOWN`, so that a typist stays shown."""
CHANGES = 6
"""Changes of one typist passed on within `REPEATED` seconds. More are dropped: no person starts and stops that often, and the
typing ends after `SHOWN` in any case."""
SWEEP = 0.25
MOST = 10_000
"""Typists remembered; with one more, the one silent for longest is shown as stopped."""

Typist = tuple[str, str, str]
"""Account, conversation, user."""


class HintReaders(Protocol):
    def hint(
        self, account_id: str, type: str, data: dict[str, Any], topics: list[str], conversation_id: str | None
    ) -> bool:
        """Deliver an event that is not an entry. Returns whether any session has its topics."""
        ...


class _LastState(NamedTuple):
    """A typist's last state, when it was passed on, and how many changes were passed on since `since`."""

    state: str
    at: float
    since: float
    changes: int


class Typists:
    """The typists shown at this gateway. Both tables are ordered by time, since all rows of a table last equally long."""

    def __init__(
        self, readers: HintReaders, *, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._readers = readers
        self._clock = clock
        self._last: dict[Typist, _LastState] = {}
        self._shown: dict[Typist, tuple[float, dict[str, Any], list[str]]] = {}

    def is_news(self, typist: Typist, state: str) -> bool:
        """Whether to pass on a typist's state."""
        last = self._last.get(typist)
        if last is None:
            return True
        now = self._clock()
        if state == last.state:
            return now - last.at >= REPEATED
        return last.changes < CHANGES or now - last.since >= REPEATED

    def passed_on(self, typist: Typist, state: str) -> None:
        now = self._clock()
        last = self._last.pop(typist, None)
        if last is None or now - last.since >= REPEATED:
            self._last[typist] = _LastState(state, now, now, 1)
        else:
            self._last[typist] = _LastState(state, now, last.since, last.changes + 1)
        if len(self._last) > self._most:
            del self._last[next(iter(self._last))]

    def deliver(self, account_id: str, data: dict[str, Any], topics: list[str], conversation_id: str) -> None:
        """Deliver a state that any gateway has passed on."""
        has_readers = self._readers.hint(account_id, TYPING, data, topics, conversation_id)
        typist = account_id, conversation_id, str(data["user_id"])
        self._shown.pop(typist, None)
        if has_readers and data["state"] == "start":
            self._shown[typist] = (self._clock() + SHOWN, data, topics)
            if len(self._shown) > self._most:
                self._stop(next(iter(self._shown)))

    def sweep(self) -> None:
        """Show typists as stopped whose time is over."""
        now = self._clock()
        for typist in [t for t, last in self._last.items() if now - last.at >= REPEATED]:
            del self._last[typist]
        while self._shown and self._shown[first := next(iter(self._shown))][0] <= now:
            self._stop(first)

    def _stop(self, typist: Typist) -> None:
        _, data, topics = self._shown.pop(typist)
        self._readers.hint(typist[0], TYPING, data | {"state": "stop"}, topics, typist[1])

    async def main_loop(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep()
