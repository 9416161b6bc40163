"""The settings and bot rules of the accounts whose conversations a host has in memory.

A turn never waits for them: an account is read before its first conversation is activated, and again in the background when
it changes. An account that cannot be read has no rules, so its customers go to humans.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from ...core.accounts.account_settings import moves_timers
from ...core.ports.bots import RulesArchive
from ...core.turn.account_rules import NO_RULES, UNREAD, AccountRules
from ..recurring import recur

log = structlog.get_logger(__name__)

POLL_EVERY = 0.25
"""Seconds until a change is seen at the latest, while the storage is available."""
LOAD_DEADLINE = 2.0
MAX_LOAD = 500
"""Accounts in one query."""


class RulesCache:
    """`outdated_timers`: accounts whose changed settings affect timers, until the rescheduler removes them."""

    def __init__(self, archive: RulesArchive) -> None:
        self._archive = archive
        self._known: dict[str, AccountRules] = {}
        self._unread: set[str] = set()
        self.outdated_timers: set[str] = set()

    def get(self, account_id: str) -> AccountRules:
        return self._known.get(account_id, UNREAD)

    async def prepare(self, accounts: set[str]) -> None:
        """Read the accounts that are not cached. Never raises."""
        missing = accounts - self._known.keys()
        if missing:
            await self._read(missing)

    async def _read(self, accounts: Iterable[str]) -> None:
        wanted = sorted(accounts)
        for start in range(0, len(wanted), MAX_LOAD):
            batch = wanted[start : start + MAX_LOAD]
            try:
                async with asyncio.timeout(LOAD_DEADLINE):
                    found = await self._archive.load(batch)
            except Exception as error:
                self._unread.update(batch)
                log.warning("account_rules_read_failed", error=repr(error), accounts=len(batch))
                continue
            for account in batch:
                self._store(account, found.get(account, NO_RULES))
            self._unread.difference_update(batch)
            for account, rules in found.items():
                for faulty in rules.faulty:
                    log.warning("bot_rule_faulty", account=account, rule=faulty.id, fault=faulty.fault)

    def _store(self, account: str, rules: AccountRules) -> None:
        """Of two concurrent reads, the later version wins."""
        known = self._known.get(account)
        if known is not None and rules.version < known.version:
            return
        before = (
            self.get(account).settings if known is not None or account in self._unread else rules.settings
        )
        self._known[account] = rules
        if moves_timers(before, rules.settings):
            self.outdated_timers.add(account)

    async def refresh(self, accounts: Iterable[str]) -> None:
        """Read these accounts now, including those without conversations in memory: one may just be loading with the old
        rules. Never raises; a failed read is retried by the next poll."""
        await self._read(accounts)

    async def poll(self) -> None:
        """Read changed accounts."""
        changed = set(self._unread)
        if self._known:
            async with asyncio.timeout(LOAD_DEADLINE):
                versions = await self._archive.versions(list(self._known))
            changed |= {a for a, v in versions.items() if a in self._known and self._known[a].version != v}
        if changed:
            await self._read(changed)

    def keep_only(self, needed: set[str]) -> None:
        """Forget all other accounts."""
        for account in self._known.keys() - needed:
            del self._known[account]
        self._unread &= needed
        self.outdated_timers &= needed

    async def main_loop(self) -> None:
        await recur(self.poll, "account_rules_poll", POLL_EVERY)
