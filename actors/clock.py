"""Time and fresh ids: the only place where actors read the wall clock, and the detection of a clock that was stepped."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from ..core.ids import new_id

STEP = 1000
"""Ms of drift against the monotonic clock that count as a step. Less than that is slewing."""


class WallClock:
    """The wall clock, and whether it was stepped. `wall` and `monotonic`: nanoseconds."""

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._began = self._monotonic_began()

    def now_ms(self) -> int:
        return self._wall() // 1_000_000

    def set_by(self) -> int:
        """By how many ms the clock was stepped since the last call; 0 if it was not."""
        began = self._monotonic_began()
        moved = began - self._began
        if abs(moved) < STEP:
            return 0
        self._began = began
        return moved

    def _monotonic_began(self) -> int:
        """The wall-clock time at which the monotonic clock started, in ms."""
        return (self._wall() - self._monotonic()) // 1_000_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fresh_id() -> str:
    """A UUIDv7."""
    return new_id(now_ms(), random.getrandbits(80))
