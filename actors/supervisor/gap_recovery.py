"""What a supervisor has missed: how far each account's feed is known, and the reading of what nobody told.

Hosts push entries as they are committed; a push that is lost shows as a position in the feed that was never heard of. Its
conversation is then read anew, whole: what the store has is the truth, in whatever order the rest arrives.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog

from ...core.errors import TertuliaError
from ...core.ports.supervision import SupervisionStore
from .account_registry import Accounts, Held

log = structlog.get_logger(__name__)

MISSED = 5000
"""Missed entries of one account looked at at once."""
RELOAD_PAUSE = 0.02
FAILED_PAUSE = 1.0


class GapRecovery:
    """See the module. `accounts` are the supervisor's."""

    def __init__(self, store: SupervisionStore, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts
        self._wanted: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()

    def want(self, account_id: str, conversation_id: str) -> None:
        """Read a conversation anew."""
        self._wanted.add((account_id, conversation_id))
        self._wake.set()

    async def look(self) -> None:
        """Compare what was heard with where the feeds stand."""
        looked: dict[str, Held] = {}
        ranges: list[tuple[str, int, int]] = []
        for held, desk in self._accounts.loaded():
            if held.until > held.position:
                looked[desk.id] = held
                ranges.append((desk.id, held.position, held.until))
            held.until = held.head
        if not ranges:
            return
        found: defaultdict[str, list[int]] = defaultdict(list)
        for account_id, conversation_id, position in await self._store.missed(ranges, MISSED):
            found[account_id].append(position)
            if not looked[account_id].heard(position):
                self.want(account_id, conversation_id)
        for account_id, _, until in ranges:
            positions = found[account_id]
            looked[account_id].reach(positions[-1] if len(positions) == MISSED else until)

    async def main_loop(self) -> None:
        """Read what is wanted until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(RELOAD_PAUSE)
            self._wake.clear()
            wanted, self._wanted = self._wanted, set()
            try:
                await self._read(wanted)
            except TertuliaError as error:
                log.warning("reload_failed", error=repr(error))
                self._wanted |= wanted
                self._wake.set()
                await asyncio.sleep(FAILED_PAUSE)

    async def _read(self, wanted: set[tuple[str, str]]) -> None:
        found = await self._store.conversations([conversation_id for _, conversation_id in wanted])
        for account_id, conversation_id in sorted(wanted):  # ids sort by time: the oldest is known first
            desk = self._accounts.desk(account_id)
            if desk is None:
                continue
            c = found.get(conversation_id)
            with self._accounts.apart(account_id):
                if c is None:
                    desk.forget(conversation_id)
                elif not desk.take(c):
                    # something newer came that may rest on what was missed
                    self.want(account_id, conversation_id)
