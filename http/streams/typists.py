"""Who is typing, as readers of this gateway are told: who does not say so again has stopped, whatever became of them.

Each gateway watches over what its own readers were told, so it does not matter where the typist was connected, nor whether that
gateway is still there. What a typist repeats is not passed on each time. Nothing here is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

TYPING = "conversation:typing"
SHOWN = 5.0
"""Seconds for which somebody is typing who has said so."""
REPEATED = 2.0
"""Seconds within which the same word of the same typist is not passed on again. Readers must hear it again within `SHOWN`."""
SWEEP = 0.25
MOST = 10_000
"""Typists that are kept in mind. With one more the longest silent has stopped."""

Typist = tuple[str, str, str]
"""Account, conversation, and who."""


class Readers(Protocol):
    def hint(
        self, account_id: str, type: str, data: dict[str, Any], topics: list[str], conversation_id: str | None
    ) -> bool:
        """Deliver an event that is no entry. Whether anybody listens to these topics."""
        ...


class Typists:
    """See the module. Both tables are in the order of their times, as each says how long all of its lines last."""

    def __init__(self, readers: Readers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._readers = readers
        self._clock = clock
        self._said: dict[Typist, tuple[str, float]] = {}
        self._shown: dict[Typist, tuple[float, dict[str, Any], list[str]]] = {}

    def is_news(self, typist: Typist, state: str) -> bool:
        """Whether a word of a typist is to be passed on."""
        known, at = self._said.get(typist, ("", 0.0))
        return state != known or self._clock() - at >= REPEATED

    def passed_on(self, typist: Typist, state: str) -> None:
        self._said.pop(typist, None)
        self._said[typist] = (state, self._clock())
        if len(self._said) > MOST:
            del self._said[next(iter(self._said))]

    def deliver(self, account_id: str, data: dict[str, Any], topics: list[str], conversation_id: str) -> None:
        """What any gateway has passed on."""
        heard = self._readers.hint(account_id, TYPING, data, topics, conversation_id)
        typist = account_id, conversation_id, str(data["user_id"])
        self._shown.pop(typist, None)
        if heard and data["state"] == "start":
            self._shown[typist] = (self._clock() + SHOWN, data, topics)
            if len(self._shown) > MOST:
                self._stop(next(iter(self._shown)))

    def sweep(self) -> None:
        """Tell of those who have stopped without a word."""
        now = self._clock()
        for typist in [t for t, (_, at) in self._said.items() if now - at >= REPEATED]:
            del self._said[typist]
        while self._shown and self._shown[first := next(iter(self._shown))][0] <= now:
            self._stop(first)

    def _stop(self, typist: Typist) -> None:
        _, data, topics = self._shown.pop(typist)
        self._readers.hint(typist[0], TYPING, data | {"state": "stop"}, topics, typist[1])

    async def main_loop(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep()
