"""Whether the wall clock was set: it then moves otherwise than the monotonic one, which nobody can set."""

from __future__ import annotations

import random
import time

from ..core.ids import new_id

SET = 1000
"""Ms of difference from which on it counts as set. Below it, it was slowed or hurried on."""


class WallClock:
    def __init__(self) -> None:
        self._began = _monotonic_began()

    def set_by(self) -> int:
        """By how many ms the clock was set since this was asked last; 0 where it was not."""
        began = _monotonic_began()
        moved = began - self._began
        if abs(moved) < SET:
            return 0
        self._began = began
        return moved


def _monotonic_began() -> int:
    """When, by the wall clock, the monotonic one began, in ms."""
    return (time.time_ns() - time.monotonic_ns()) // 1_000_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fresh_id() -> str:
    """A UUIDv7."""
    return new_id(now_ms(), random.getrandbits(80))
