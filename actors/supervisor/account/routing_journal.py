"""Writes the routing journal: gathers each desk's inputs in order, and stores them in the background.

No message waits for it, but decisions do: a supervisor sends a command only once the journal holds every input that its desk
had received by then (`mark`, `stored`). Decisions made together share one write. So a supervisor that dies may lose entries that
led to nothing, but never those behind a decision that was carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ....core.ports.supervision import SupervisionStore
from ....core.routing.desk import Desk
from ....core.routing.journal import RoutingEntry, checkpoint_after, entry_of
from ....core.routing.messages import Event, Snapshot

log = structlog.get_logger(__name__)

MAX_GATHERED = 50_000
"""Entries of all accounts that wait to be stored. Beyond this, an account's are dropped, and its journal starts over with a snapshot."""
PAGE = 2_000
"""Entries stored by one statement."""


class _Account:
    """One account's entries that are not stored yet. `head`: the position of the last stored one, None while unknown. `left`: entries
    until the next checkpoint. `lost`: entries were dropped. `gathered` counts all entries so far, `done` those that do not wait any
    more."""

    __slots__ = ("done", "fence", "gathered", "head", "left", "lost", "waiting", "writing")

    def __init__(self, fence: tuple[int, int]) -> None:
        self.fence = fence
        self.head: int | None = None
        self.waiting: list[RoutingEntry] = []
        self.left = 0
        self.lost = False
        self.gathered = self.done = 0
        self.writing = asyncio.Lock()

    def drop(self) -> int:
        """Forget what waits. How many entries these were."""
        dropped = len(self.waiting)
        self.done += dropped
        self.waiting = []
        return dropped


class Mark(NamedTuple):
    """Everything that an account's desk was told until then. `number`: of its entries so far."""

    account_id: str
    account: _Account
    number: int


class RoutingJournal:
    """Gathers entries, and stores them when `flush` is called."""

    def __init__(self, store: SupervisionStore) -> None:
        self._store = store
        self._accounts: dict[str, _Account] = {}
        self._gathered = 0

    def begin(self, account_id: str, fence: tuple[int, int], snapshot: Snapshot, desk: Desk, at: int) -> None:
        """A desk was restored."""
        known = self._accounts.get(account_id)
        if known is None or known.fence != fence:
            if known is not None:
                self._gathered -= known.drop()
            known = self._accounts[account_id] = _Account(fence)
        known.lost = False
        known.left = checkpoint_after(desk)
        self._add(known, RoutingEntry(0, at, "restored", snapshot))

    def note(self, account_id: str, desk: Desk, event: Event, at: int) -> None:
        """The desk has handled an event."""
        account = self._accounts.get(account_id)
        if account is None:
            return  # a desk that has just left memory
        if account.lost:
            if self._gathered < MAX_GATHERED:
                self.begin(account_id, account.fence, desk.snapshot(), desk, at)
            return
        self._add(account, entry_of(event, at))
        account.left -= 1
        if account.left <= 0:
            account.left = checkpoint_after(desk)
            self._add(account, RoutingEntry(0, at, "checkpoint", desk.snapshot()))

    def _add(self, account: _Account, entry: RoutingEntry) -> None:
        if self._gathered >= MAX_GATHERED:
            log.warning("routing_journal_dropped", entries=len(account.waiting) + 1)
            self._gathered -= account.drop()
            account.head = None
            account.lost = True
            return
        account.waiting.append(entry)
        account.gathered += 1
        self._gathered += 1

    def mark(self, account_id: str) -> Mark | None:
        """For `stored`: what the account's desk was told until now; None for a desk that has left memory."""
        account = self._accounts.get(account_id)
        return None if account is None else Mark(account_id, account, account.gathered)

    async def stored(self, mark: Mark | None) -> None:
        """Wait until everything before the mark is stored, or was dropped. Raises StorageUnavailable."""
        if mark is not None and mark.account.done < mark.number:
            await self._write(mark.account_id, mark.account, mark.number)

    async def flush(self, is_loaded: Callable[[str], bool]) -> None:
        """Store what was gathered, and forget accounts that are no longer loaded. Raises StorageUnavailable: then it is stored by a
        later call."""
        for account_id, account in [(i, a) for i, a in self._accounts.items() if a.waiting]:
            await self._write(account_id, account, account.gathered)
        for account_id in [i for i, a in self._accounts.items() if not a.waiting and not is_loaded(i)]:
            del self._accounts[account_id]

    async def _write(self, account_id: str, account: _Account, count: int) -> None:
        """Store an account's entries, up to the one with this number. Those who come while it is written find theirs stored, or
        store all that has gathered meanwhile."""
        async with account.writing:
            while account.done < count and account.waiting:
                if account.head is None:
                    account.head = (await self._store.routing_heads([account_id])).get(account_id, 0)
                await self._write_some(account_id, account, account.head)

    async def _write_some(self, account_id: str, account: _Account, head: int) -> None:
        """Repeated after an unknown outcome, the same entries get the same positions."""
        waiting, some = account.waiting, account.waiting[:PAGE]
        entries = [RoutingEntry(head + n, e.at, e.kind, e.data) for n, e in enumerate(some, start=1)]
        await self._store.write_routing(account_id, account.fence, entries)
        if account.waiting is waiting:  # else they were dropped meanwhile
            del waiting[: len(some)]
            account.head = head + len(some)
            account.done += len(some)
            self._gathered -= len(some)
