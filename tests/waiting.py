"""Waiting for what nobody announces: look again and again, until a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.005
"""Seconds between looks at something in this process."""
LONGER_PAUSE = 0.02
"""Seconds between looks that ask another process."""


async def until(condition: Callable[[], Any], what: str = "it", seconds: float = 30) -> Any:
    """Wait until `condition`, which may be a coroutine function, is true, and return its value. Raises AssertionError after
    `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value, pause = condition(), PAUSE
        if asyncio.iscoroutine(value):
            value, pause = await value, LONGER_PAUSE
        if value:
            return value
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(pause)
