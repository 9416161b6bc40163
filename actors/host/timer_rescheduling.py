"""Has the timers of conversations follow their account's settings, after these have changed.

Every host does so for its own partitions: once it has read the change, nothing that it stores goes by what was before. What it
has in memory looks for itself; the rest is looked through in the database, page by page and at a walk, and is merely told when
to be looked at. Whatever is lost with a host on the way is done anew by its successor.
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
from .host import ConversationHost
from .timer_loop import AT_ONCE, TimerLoop

log = structlog.get_logger(__name__)

EVERY = 1.0
PAGE = 500
MAX_ACCOUNTS = 100
"""Accounts of one round; those beyond are next."""
TURN = 0.005
"""Seconds after which reckoning lets others go on."""
FIRST_ID = "00000000-0000-0000-0000-000000000000"
UNKNOWN = 0
"""Where a timer is said to stand of which only its conversation knows."""


@contextmanager
def _apart(account_id: str) -> Iterator[None]:
    """What fails in one account is noted, and the next one has its turn."""
    try:
        yield
    except StorageUnavailable:
        raise
    except Exception as error:
        log.warning("timers_not_set_anew", account=account_id, error=repr(error))


class TimerRescheduler:
    """See the module."""

    def __init__(
        self,
        archive: ReschedulingArchive,
        host: ConversationHost,
        ticker: TimerLoop,
        *,
        now: Callable[[], int],
    ) -> None:
        self._archive = archive
        self._host = host
        self._ticker = ticker
        self._now = now

    async def main_loop(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except Exception as error:
                log.warning("timers_not_set_anew", error=repr(error))

    async def look(self) -> int:
        """One round; how many accounts were to be looked through. One that fails keeps its place for the next round, and holds up
        no other. Raises StorageUnavailable, which is no account's fault."""
        rules, partitions = self._host.rules, set(self._host.owned)
        if rules is None or not partitions or self._host.draining:
            return 0
        wanted = await self._archive.wanted(partitions, MAX_ACCOUNTS)
        await rules.learn({w.account_id for w in wanted if rules.get(w.account_id).version < w.version})
        for account_id in sorted(rules.retimed):
            rules.retimed.discard(account_id)
            done = False
            try:
                with _apart(account_id):
                    await self._look_at(account_id, self._host.residents.of_account(account_id))
                    done = True
            finally:
                if not done:
                    rules.retimed.add(account_id)
        for retiming in wanted:
            account = rules.get(retiming.account_id)
            if account.version >= retiming.version:
                with _apart(retiming.account_id):
                    await self._stored(retiming, account, partitions)
        return len(wanted)

    async def _look_at(self, account_id: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), AT_ONCE):
            due = [DueTimer(i, account_id, UNKNOWN) for i in ids[start : start + AT_ONCE]]
            if not await self._ticker.look_at(due):
                raise Overloaded("conversations could not look at their timers", retry_after=EVERY)

    async def _stored(self, retiming: TimerRescheduling, account: AccountRules, partitions: set[int]) -> None:
        epochs = {p: e for p, e in self._host.epochs.items() if p in partitions}
        for status in Status:
            after = None if status in FINAL else FIRST_ID
            while after is not None:
                started = time.monotonic()
                page = await self._archive.page(retiming.account_id, status, after, partitions, PAGE)
                await self._move(retiming.account_id, page, account)
                after = page[-1].id if len(page) == PAGE else None
                await asyncio.sleep(time.monotonic() - started)  # neighbours get as much time as this takes
        await self._archive.done(retiming, epochs)

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
            await self._look_at(account_id, [c.id for c, _ in found if c.id not in moved])
