"""Reschedules conversations' timers after their account's settings have changed.

Every host does this for its own partitions, once it has read the change and so stores nothing by the old settings.
Conversations in memory are ticked; the rest are paged through in the database, slowly, and only get a new `timer_at`. If a
host dies on the way, its successor starts over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from ...core.conversation.state import Conversation
from ...core.conversation.status import FINAL, Status
from ...core.errors import Overloaded, StorageUnavailable
from ...core.ports.bots import DueTimer, ReschedulingArchive, TimerRescheduling
from ...core.turn.account_rules import AccountRules
from ...core.turn.timers import sooner
from ..recurring import recur
from .host import ConversationHost
from .timer_loop import BATCH, TimerLoop

log = structlog.get_logger(__name__)

EVERY = 1.0
PAGE = 500
MAX_ACCOUNTS = 100
"""Accounts in one round."""
TURN = 0.005
"""Seconds of computing after which other tasks get a turn."""
FIRST_ID = "00000000-0000-0000-0000-000000000000"
UNKNOWN = 0
"""`timer_at` for a tick whose timer only the conversation knows."""


@contextmanager
def _isolated(account_id: str) -> Iterator[None]:
    """Log a failure in one account and continue with the next."""
    try:
        yield
    except StorageUnavailable:
        raise
    except Exception as error:
        log.warning("rescheduling_failed", account=account_id, error=repr(error))


class TimerRescheduler:
    """Reschedules timers after changes of account settings."""

    def __init__(
        self,
        archive: ReschedulingArchive,
        host: ConversationHost,
        timer_loop: TimerLoop,
        *,
        now: Callable[[], int],
    ) -> None:
        self._archive = archive
        self._host = host
        self._timer_loop = timer_loop
        self._now = now

    async def main_loop(self) -> None:
        await recur(self.scan, "timer_rescheduling", EVERY)

    async def scan(self) -> int:
        """One round; returns how many accounts had to be rescheduled. An account that fails stays for the next round and
        holds up no other. Raises StorageUnavailable."""
        rules, partitions = self._host.rules, set(self._host.owned)
        if rules is None or not partitions or self._host.draining:
            return 0
        wanted = await self._archive.wanted(partitions, MAX_ACCOUNTS)
        await rules.refresh({w.account_id for w in wanted if rules.get(w.account_id).version < w.version})
        for account_id in sorted(rules.outdated_timers):
            rules.outdated_timers.discard(account_id)
            done = False
            try:
                with _isolated(account_id):
                    await self._run_timers(account_id, self._host.activations.of_account(account_id))
                    done = True
            finally:
                if not done:
                    rules.outdated_timers.add(account_id)
        for rescheduling in wanted:
            account = rules.get(rescheduling.account_id)
            if account.version >= rescheduling.version:
                with _isolated(rescheduling.account_id):
                    await self._stored(rescheduling, account, partitions)
        return len(wanted)

    async def _run_timers(self, account_id: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            due = [DueTimer(i, account_id, UNKNOWN) for i in ids[start : start + BATCH]]
            if not await self._timer_loop.run_timers(due):
                raise Overloaded("conversations could not process their timers", retry_after=EVERY)

    async def _stored(
        self, rescheduling: TimerRescheduling, account: AccountRules, partitions: set[int]
    ) -> None:
        epochs = {p: e for p, e in self._host.epochs.items() if p in partitions}
        for status in Status:
            after = None if status in FINAL else FIRST_ID
            while after is not None:
                started = time.monotonic()
                page = await self._archive.page(rescheduling.account_id, status, after, partitions, PAGE)
                await self._move(rescheduling.account_id, page, account)
                after = page[-1].id if len(page) == PAGE else None
                await asyncio.sleep(time.monotonic() - started)  # leave other tasks as much time as this took
        await self._archive.done(rescheduling, epochs)

    async def _move(self, account_id: str, page: Sequence[Conversation], account: AccountRules) -> None:
        found: list[tuple[Conversation, int]] = []
        paused = time.monotonic()
        for c in page:
            if (due := sooner(c, account.settings, self._now())) is not None:
                found.append((c, due))
            if time.monotonic() - paused > TURN:
                await asyncio.sleep(0)
                paused = time.monotonic()
        if found:
            moved = await self._archive.move(found)
            await self._run_timers(account_id, [c.id for c, _ in found if c.id not in moved])
