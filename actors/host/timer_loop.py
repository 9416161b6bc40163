"""A host's timer loop: finds conversations of its partitions with a due timer and sends each a `Tick`.

Owns only the pace. The turn decides what is due, and the journal's fence makes it happen once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from ...core.conversation.commands import By, Envelope, Refused, Tick
from ...core.ports.bots import DueTimer, TimerArchive
from ..recurring import recur
from .host import ConversationHost

log = structlog.get_logger(__name__)

EVERY = 1.0
BATCH = 200
"""Conversations ticked at a time."""
DEADLINE = 30.0
SKIP_FAILED_FOR = 60.0
"""Seconds for which a conversation whose tick failed is skipped."""
MAX_SKIPPED = 10_000
CLOCK = By("system", None, "service")


class TimerLoop:
    """Sends `Tick` commands to conversations with due timers."""

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
        self._skipped: dict[str, float] = {}

    async def main_loop(self) -> None:
        async def scan() -> bool:
            return await self.scan() == BATCH

        await recur(scan, "timer_scan", EVERY, at_once=True, while_busy=True)

    async def scan(self) -> int:
        """One round; returns how many conversations were due."""
        if not self._host.owned or self._host.draining:
            return 0
        now = time.monotonic()
        self._skipped = {i: until for i, until in self._skipped.items() if until > now}
        due = await self._timers.due(self._now(), set(self._host.owned), BATCH, list(self._skipped))
        if due:
            await self.run_timers(due)
        return len(due)

    async def run_timers(self, due: Sequence[DueTimer]) -> bool:
        """Tick conversations, at most `BATCH`. Returns whether all could run; otherwise some must be ticked again later.
        Raises TimeoutError if it takes too long."""
        now = time.monotonic()
        ticks = [Envelope(self._new_id(), t.account_id, CLOCK, Tick(t.at), t.conversation_id) for t in due]
        async with asyncio.timeout(DEADLINE):
            outcomes = await self._host.run(ticks)
        put_off = [o for o in outcomes if isinstance(o, Refused) and o.retry_after is not None]
        for timer, outcome in zip(due, outcomes, strict=True):
            if not isinstance(outcome, Refused) or outcome.retry_after is not None:
                continue
            log.warning("timer_failed", conversation=timer.conversation_id, outcome=repr(outcome)[:200])
            if len(self._skipped) < MAX_SKIPPED:
                self._skipped[timer.conversation_id] = now + SKIP_FAILED_FOR
        return not put_off
