"""Estimated waits, from the recent speed of service.

Only time while somebody waited counts: an hour without customers says nothing about the speed of agents.
"""

from __future__ import annotations

from collections import deque

RECENT = 50
"""Departures that the rate is computed from."""
ENOUGH = 3
"""Departures needed for an estimate."""


class ServiceRate:
    def __init__(self) -> None:
        self._departures: deque[int] = deque(maxlen=RECENT)
        self._busy = 0
        self._since: int | None = None

    def waits(self, anybody: bool, now: int) -> None:
        """Note whether anybody waits."""
        if anybody and self._since is None:
            self._since = now
        elif not anybody and self._since is not None:
            self._busy += now - self._since
            self._since = None

    def served(self, now: int) -> None:
        """Note that a conversation left the queue for an agent."""
        self._departures.append(self._clock(now))

    def estimate(self, position: int, now: int) -> int | None:
        """The wait in ms at `position`; None while too few were served to tell."""
        if len(self._departures) < ENOUGH:
            return None
        spent = self._clock(now) - self._departures[0]
        return spent * position // (len(self._departures) - 1)

    def _clock(self, now: int) -> int:
        """Ms during which somebody waited, so far."""
        return self._busy + (0 if self._since is None else now - self._since)
