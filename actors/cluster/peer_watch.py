"""Which of the supervisors are alive, by their heartbeats in Postgres: independent of Ray, whose head may be away.

Nobody's clock is compared with another's. A peer is alive as long as its count of heartbeats changes, as seen from here, and for a
while after the watch began; a database that cannot be read kills nobody.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ...core.ports.ownership import Processes, ProcessKind

SILENT_AFTER = 3.5
"""Seconds without a heartbeat after which a peer counts as gone: three of its heartbeats (`process_beat.BEAT`)."""
LOOK_EVERY = 0.5


class PeerWatch:
    """Watches the processes of a kind: number 0 … `count` - 1, which may yet come, and whoever else announces itself. While the number
    changes, processes differ in what they expect."""

    def __init__(
        self,
        processes: Processes,
        kind: ProcessKind,
        count: int,
        *,
        silent_after: float = SILENT_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processes = processes
        self._kind = kind
        self._count = count
        self._silent_after = silent_after
        self._clock = clock
        self._looked = -math.inf
        self._seen: dict[int, tuple[int | None, float]] = {}
        self.alive = frozenset(range(count))
        self.numbers: dict[str, int] = {}
        """Incarnation → number, of those who are alive."""

    async def look(self) -> frozenset[int]:
        """Read the heartbeats: the numbers of those who live. Raises StorageUnavailable, after which everybody's silence starts anew."""
        before = self._looked
        self.forget_silence()
        states = {_number(p.name): p for p in await self._processes.all() if p.kind == self._kind}
        now = self._looked = self._clock()
        if now - before > self._silent_after / 2:  # the first look, or this process was suspended
            self._seen = {
                n: (beats, now if since > -math.inf else since) for n, (beats, since) in self._seen.items()
            }
        for number in {*range(self._count), *states, *self._seen}:
            state = states.get(number)
            beats = None if state is None else state.beats
            known, since = self._seen.get(number, (None, now))
            if beats is None and known is not None:
                since = -math.inf  # it has taken its leave
            elif beats != known:
                since = now
            self._seen[number] = beats, since
        self.alive = frozenset(n for n, (_, since) in self._seen.items() if now - since < self._silent_after)
        self.numbers = {p.incarnation: number for number, p in states.items() if number in self.alive}
        self._seen = {n: seen for n, seen in self._seen.items() if n < self._count or n in states}
        return self.alive

    def forget_silence(self) -> None:
        """Everybody's silence starts anew with the next look: until then, nothing can be seen from here."""
        self._looked = -math.inf


def _number(name: str) -> int:
    return int(name.rpartition(":")[2])
