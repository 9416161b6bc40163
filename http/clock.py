"""The clock and the ids of the HTTP side."""

from __future__ import annotations

import random
import time

from ..core.ids import new_id


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fresh_id() -> str:
    """A UUIDv7."""
    return new_id(now_ms(), random.getrandbits(80))
