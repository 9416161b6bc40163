"""The twins in memory of what hosts read of accounts and timers. See `conversations.py`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ...core.ids import partition_of_conversation
from ...core.ports.bots import DueTimer
from ...core.turn.account_rules import AccountRules
from .conversations import MemoryStore


class MemoryRulesArchive:
    """`core.ports.bots.RulesArchive` on memory: `accounts` is what is stored."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountRules] = {}

    async def load(self, accounts: Iterable[str]) -> dict[str, AccountRules]:
        return {a: self.accounts[a] for a in accounts if a in self.accounts}

    async def versions(self, accounts: Iterable[str]) -> dict[str, int]:
        return {a: self.accounts[a].version if a in self.accounts else 0 for a in accounts}


class MemoryTimers:
    """`core.ports.bots.TimerArchive` on memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def due(
        self, now: int, partitions: Collection[int], limit: int, besides: Sequence[str] = ()
    ) -> list[DueTimer]:
        found = [
            DueTimer(c.id, c.account_id, c.timer_at)
            for c in self._store.conversations.values()
            if c.timer_at is not None
            and c.timer_at <= now
            and c.id not in besides
            and partition_of_conversation(c.id) in partitions
        ]
        return sorted(found, key=lambda d: d.at)[:limit]
