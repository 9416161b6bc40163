"""The rules that hosts read for accounts, in memory. The contract suite runs against this and Postgres."""

from __future__ import annotations

from collections.abc import Iterable

from tertulia.core.turn.account_rules import AccountRules


class MemoryRulesArchive:
    """`core.ports.bots.RulesArchive` in memory: `accounts` is what is stored."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountRules] = {}

    async def load(self, accounts: Iterable[str]) -> dict[str, AccountRules]:
        return {a: self.accounts[a] for a in accounts if a in self.accounts}

    async def versions(self, accounts: Iterable[str]) -> dict[str, int]:
        return {a: self.accounts[a].version if a in self.accounts else 0 for a in accounts}
