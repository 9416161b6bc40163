"""Work that a process repeats as long as it lives. A step that fails is logged, counted and tried again, so that an error of the
database, also one that nobody expected, ends no process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from ..core.errors import TertuliaError

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.25
"""Seconds to pause after a failure; twice as long after each further one."""
LONGEST_PAUSE = 2.0

_counts: Counter[str] = Counter()


def failed_steps() -> dict[str, int]:
    """How many steps of each kind of work have failed in this process, for /metrics."""
    return dict(_counts)


class Failures:
    """The failures of one kind of work. A failure that goes on is logged once, with its traceback if nobody expected it."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._last = ""
        self._pause = FIRST_PAUSE

    def note(self, error: Exception) -> float:
        """Count a failure; returns the seconds to pause."""
        _counts[self._work] += 1
        if (last := repr(error)) != self._last:
            self._last = last
            if isinstance(error, (TertuliaError, OSError, TimeoutError)):
                log.warning("background_work_failed", work=self._work, error=last)
            else:
                log.error("background_work_failed", work=self._work, exc_info=error)
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause

    def end(self) -> None:
        """A step has succeeded."""
        if self._last:
            log.info("background_work_continues", work=self._work)
            self._last, self._pause = "", FIRST_PAUSE


async def recur(
    step: Callable[[], Awaitable[object]],
    work: str,
    every: float,
    *,
    at_once: bool = False,
    while_busy: bool = False,
    survives: type[Exception] = Exception,
) -> None:
    """Call `step` every `every` seconds until cancelled, first after that time or `at_once`. `while_busy`: again without a pause after
    one that returns something true. A failure that is not `survives` ends it, for work that changes what is in memory alone: a fault
    there is for the process's owner."""
    failures = Failures(work)
    pause = 0.0 if at_once else every
    while True:
        await asyncio.sleep(pause)
        try:
            busy = await step()
        except survives as error:
            pause = failures.note(error)
        else:
            failures.end()
            pause = 0.0 if while_busy and busy else every
