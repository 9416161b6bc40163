"""Who is typing, as readers of this gateway are told: who does not say so again has stopped, whatever became of them.

Each gateway watches over what its own readers were told, so it does not matter where the typist was connected, nor whether that
gateway is still there. What a typist repeats is not passed on each time. Nothing here is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

TYPING = "conversation:typing"
SHOWN = 5.0
"""Seconds for which somebody is typing who has said so."""
REPEATED = 2.0
"""Seconds within which the same word of the same typist is not passed on again. Readers must hear it again within `SHOWN`."""
CHANGES = 6
"""Words of one typist passed on within `REPEATED` of the first of them. More are dropped: whoever starts and stops that often is no
person, and readers see the typing end after `SHOWN` in any case."""
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


class _Said(NamedTuple):
    """The last word of a typist, when it was passed on, and how many were passed on since `since`."""

    state: str
    at: float
    since: float
    changes: int


class Typists:
    """See the module. Both tables are in the order of their times, as each says how long all of its lines last."""

    def __init__(self, readers: Readers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._readers = readers
        self._clock = clock
        self._said: dict[Typist, _Said] = {}
        self._shown: dict[Typist, tuple[float, dict[str, Any], list[str]]] = {}

    def is_news(self, typist: Typist, state: str) -> bool:
        """Whether a word of a typist is to be passed on."""
        said = self._said.get(typist)
        if said is None:
            return True
        now = self._clock()
        if state == said.state:
            return now - said.at >= REPEATED
        return said.changes < CHANGES or now - said.since >= REPEATED

    def passed_on(self, typist: Typist, state: str) -> None:
        now = self._clock()
        said = self._said.pop(typist, None)
        if said is None or now - said.since >= REPEATED:
            self._said[typist] = _Said(state, now, now, 1)
        else:
            self._said[typist] = _Said(state, now, said.since, said.changes + 1)
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
        for typist in [t for t, said in self._said.items() if now - said.at >= REPEATED]:
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
