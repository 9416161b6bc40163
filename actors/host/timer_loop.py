"""A host's clock: finds the conversations of its partitions in which something is due, and has them look.

Owns nothing but the pace. What is due the turn decides, and that it has its effect once the journal's fence holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from ...core.conversation.commands import By, Envelope, Refused, Tick
from ...core.ports.bots import DueTimer, TimerArchive
from .host import ConversationHost

log = structlog.get_logger(__name__)

EVERY = 1.0
AT_ONCE = 200
"""Conversations that look at a time; those beyond are next."""
DEADLINE = 30.0
REST = 60.0
"""Seconds for which a conversation that could not look is left alone."""
MAX_RESTING = 10_000
CLOCK = By("system", None, "service")


class TimerLoop:
    """See the module."""

    def __init__(
        self,
        timers: TimerArchive,
        host: ConversationHost,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._timers = timers
        self._host = host
        self._now = now
        self._new_id = new_id
        self._resting: dict[str, float] = {}

    async def main_loop(self) -> None:
        while True:
            try:
                while await self.look() == AT_ONCE:
                    pass
            except Exception as error:
                log.warning("timers_not_looked_at", error=repr(error))
            await asyncio.sleep(EVERY)

    async def look(self) -> int:
        """One round; how many conversations were due."""
        if not self._host.owned or self._host.draining:
            return 0
        now = time.monotonic()
        self._resting = {i: until for i, until in self._resting.items() if until > now}
        due = await self._timers.due(self._now(), set(self._host.owned), AT_ONCE, list(self._resting))
        if due:
            await self.look_at(due)
        return len(due)

    async def look_at(self, due: Sequence[DueTimer]) -> bool:
        """Have conversations look, `AT_ONCE` at most. Returns whether all could: some may have to look again later.
        Raises TimeoutError where it takes too long."""
        now = time.monotonic()
        ticks = [Envelope(self._new_id(), t.account_id, CLOCK, Tick(t.at), t.conversation_id) for t in due]
        async with asyncio.timeout(DEADLINE):
            outcomes = await self._host.run(ticks)
        put_off = [o for o in outcomes if isinstance(o, Refused) and o.retry_after is not None]
        for timer, outcome in zip(due, outcomes, strict=True):
            if not isinstance(outcome, Refused) or outcome.retry_after is not None:
                continue
            log.warning("timer_failed", conversation=timer.conversation_id, outcome=repr(outcome)[:200])
            if len(self._resting) < MAX_RESTING:
                self._resting[timer.conversation_id] = now + REST
        return not put_off
