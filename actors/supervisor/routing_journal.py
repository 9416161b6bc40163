"""Writes the routing journal: what each desk was told, in order, gathered and stored beside the desks' own work.

Nothing waits for it: neither a message nor an assignment. A supervisor that dies loses what it has gathered since the last
write; its successor begins with a snapshot, and the decisions of that moment have records of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from ...core.ports.supervision import SupervisionStore
from ...core.routing.desk import Desk
from ...core.routing.journal import RoutingEntry, checkpoint_after, entry_of
from ...core.routing.messages import Event, Snapshot

log = structlog.get_logger(__name__)

MAX_GATHERED = 50_000
"""Entries of all accounts that wait to be stored. Beyond this, an account's are dropped, and its journal begins anew with a snapshot."""
PAGE = 2_000
"""Entries stored by one statement."""


class _Account:
    """One account's entries that are not stored yet. `head`: the position of the last stored one, None while unknown. `left`: entries
    until the next checkpoint. `lost`: entries were dropped."""

    __slots__ = ("fence", "head", "left", "lost", "waiting")

    def __init__(self, fence: tuple[int, int]) -> None:
        self.fence = fence
        self.head: int | None = None
        self.waiting: list[RoutingEntry] = []
        self.left = 0
        self.lost = False


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
                self._gathered -= len(known.waiting)
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
            self._gathered -= len(account.waiting)
            account.waiting, account.head = [], None
            account.lost = True
            return
        account.waiting.append(entry)
        self._gathered += 1

    async def flush(self, is_loaded: Callable[[str], bool]) -> None:
        """Store what was gathered, and forget accounts that are not loaded any more. Raises StorageUnavailable: then it is stored by a
        later call."""
        ready = {i: a for i, a in self._accounts.items() if a.waiting}
        unknown = [i for i, a in ready.items() if a.head is None]
        if unknown:
            heads = await self._store.routing_heads(unknown)
            for account_id in unknown:
                ready[account_id].head = heads.get(account_id, 0)
        for account_id, account in ready.items():
            while account.waiting and account.head is not None:
                await self._store_some(account_id, account, account.head)
        for account_id in [i for i, a in self._accounts.items() if not a.waiting and not is_loaded(i)]:
            del self._accounts[account_id]

    async def _store_some(self, account_id: str, account: _Account, head: int) -> None:
        """Repeated after an unknown outcome, the same entries get the same positions."""
        waiting, some = account.waiting, account.waiting[:PAGE]
        entries = [RoutingEntry(head + n, e.at, e.kind, e.data) for n, e in enumerate(some, start=1)]
        await self._store.write_routing(account_id, account.fence, entries)
        if account.waiting is waiting:  # else they were dropped meanwhile
            del waiting[: len(some)]
            account.head = head + len(some)
            self._gathered -= len(some)
