"""Gap recovery: finds feed positions that were never pushed to the supervisor, and reads their conversations from the
store.

Hosts push entries when they commit them. A position that was never pushed reveals a lost push; its conversation is then
reloaded as a whole, so the order of other pushes does not matter.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog

from ...core.ports.supervision import SupervisionStore
from ..recurring import Failures
from .account_registry import AccountRegistry, AccountState

log = structlog.get_logger(__name__)

MAX_MISSED = 5000
"""Missed entries of one account handled in one scan."""
RELOAD_PAUSE = 0.02


class GapRecovery:
    """Recovers lost pushes for the supervisor's accounts."""

    def __init__(self, store: SupervisionStore, accounts: AccountRegistry) -> None:
        self._store = store
        self._accounts = accounts
        self._requested: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()

    def request_reload(self, account_id: str, conversation_id: str) -> None:
        """Reload a conversation soon."""
        self._requested.add((account_id, conversation_id))
        self._wake.set()

    async def scan(self) -> None:
        """Compare the pushed positions with the heads of the feeds."""
        scanned: dict[str, AccountState] = {}
        ranges: list[tuple[str, int, int]] = []
        for state, desk in self._accounts.loaded():
            if state.until > state.position:
                scanned[desk.id] = state
                ranges.append((desk.id, state.position, state.until))
            state.until = state.head
        if not ranges:
            return
        found: defaultdict[str, list[int]] = defaultdict(list)
        for account_id, conversation_id, position in await self._store.missed(ranges, MAX_MISSED):
            found[account_id].append(position)
            if not scanned[account_id].was_pushed(position):
                self.request_reload(account_id, conversation_id)
        for account_id, _, until in ranges:
            positions = found[account_id]
            scanned[account_id].advance_to(positions[-1] if len(positions) == MAX_MISSED else until)

    async def main_loop(self) -> None:
        """Reload requested conversations until cancelled."""
        failures = Failures("conversation_reload")
        while True:
            await self._wake.wait()
            await asyncio.sleep(RELOAD_PAUSE)
            self._wake.clear()
            requested, self._requested = self._requested, set()
            try:
                await self._read(requested)
            except Exception as error:
                self._requested |= requested
                self._wake.set()
                await asyncio.sleep(failures.note(error))
            else:
                failures.end()

    async def _read(self, requested: set[tuple[str, str]]) -> None:
        found = await self._store.conversations([conversation_id for _, conversation_id in requested])
        for account_id, conversation_id in sorted(requested):  # ids sort by time: oldest first
            desk = self._accounts.desk(account_id)
            if desk is None:
                continue
            c = found.get(conversation_id)
            with self._accounts.isolated(account_id):
                if c is None:
                    desk.forget(conversation_id)
                elif not desk.put(c):
                    # a newer push may depend on what was missed
                    self.request_reload(account_id, conversation_id)
