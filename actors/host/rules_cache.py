"""What a host knows of the accounts whose conversations it has in memory: their settings and bot rules.

A turn never waits for it: an account is read before its first conversation is in memory, and anew, beside the turns, once a
change is seen. Where it cannot be read there are no rules and the customers are for humans, until it can.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog

from ...core.accounts.account_settings import retimes
from ...core.ports.bots import RulesArchive
from ...core.turn.account_rules import NO_RULES, UNREAD, AccountRules

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.25
"""Seconds after which a change counts, at most, while the storage answers."""
LOAD_DEADLINE = 2.0
FORGET_EVERY = 30.0
MAX_LOAD = 500
"""Accounts in one query."""


class RulesCache:
    """`in_memory` tells the accounts that are still needed; no others are kept. `retimed`: of which timers follow otherwise
    since they were last taken from it."""

    def __init__(self, archive: RulesArchive, in_memory: Callable[[], set[str]]) -> None:
        self._archive = archive
        self._in_memory = in_memory
        self._known: dict[str, AccountRules] = {}
        self._unread: set[str] = set()
        self.retimed: set[str] = set()
        self._forgot = time.monotonic()

    def get(self, account_id: str) -> AccountRules:
        return self._known.get(account_id, UNREAD)

    async def prepare(self, accounts: set[str]) -> None:
        """Read the accounts that are not known yet. Never raises."""
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
                log.warning("account_rules_unread", error=repr(error), accounts=len(batch))
                continue
            for account in batch:
                self._take(account, found.get(account, NO_RULES))
            self._unread.difference_update(batch)
            for account, rules in found.items():
                for faulty in rules.faulty:
                    log.warning("bot_rule_faulty", account=account, rule=faulty.id, fault=faulty.fault)

    def _take(self, account: str, rules: AccountRules) -> None:
        """Of two reads that cross, the later version stays."""
        known = self._known.get(account)
        if known is not None and rules.version < known.version:
            return
        before = (
            self.get(account).settings if known is not None or account in self._unread else rules.settings
        )
        self._known[account] = rules
        if retimes(before, rules.settings):
            self.retimed.add(account)

    async def learn(self, accounts: Iterable[str]) -> None:
        """Read these accounts now: whoever changed them waits for it. Those that nobody needs as well, for one may just be on
        its way here with what stood before. Never raises; what cannot be read is tried again with the next look."""
        await self._read(accounts)

    async def look(self) -> None:
        """Read what has changed; now and then, forget what nobody needs."""
        if time.monotonic() - self._forgot > FORGET_EVERY:
            self._forget()
        changed = set(self._unread)
        if self._known:
            async with asyncio.timeout(LOAD_DEADLINE):
                versions = await self._archive.versions(list(self._known))
            changed |= {a for a, v in versions.items() if a in self._known and self._known[a].version != v}
        if changed:
            await self._read(changed)

    def _forget(self) -> None:
        self._forgot = time.monotonic()
        needed = self._in_memory()
        for account in self._known.keys() - needed:
            del self._known[account]
        self._unread &= needed
        self.retimed &= needed

    async def main_loop(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception as error:
                log.warning("account_rules_not_looked_at", error=repr(error))
