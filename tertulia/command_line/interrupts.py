"""Ctrl-C and SIGTERM during a run: the first ends it early, with its report; a second one at once. Both clean up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .common import note

EXIT_CODE = 128 + signal.SIGINT
"""Of a command that was interrupted, as shells have it."""


class Interrupted(Exception):
    """A run ended before its time."""


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """While inside, a first signal calls `stop`, and a second one cancels the task that runs."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    heard = 0

    def hear() -> None:
        nonlocal heard
        heard += 1
        if heard == 1:
            note("interrupted: the run ends now, and cleans up; once more to end without a report")
            stop()
        else:
            task.cancel()

    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, hear)
    try:
        yield
    finally:
        for which in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(which)
