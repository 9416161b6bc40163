"""What a supervisor has missed: how far each account's feed is known, and the reading of what nobody told.

Hosts push entries as they are committed; a push that is lost shows as a position in the feed that was never heard of. Its
conversation is then read anew, whole: what the store has is the truth, in whatever order the rest arrives.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog

from ..core.errors import TertuliaError
from ..core.supervision import Head, SupervisionStore
from .account_desk import AccountDesk

log = structlog.get_logger(__name__)

MISSED = 5000
"""Missed entries of one account looked at at once."""
MAX_HEARD = 200_000
"""Positions heard of one account and not yet found in the store. Beyond it they count as missed, which is harmless."""
RELOAD_PAUSE = 0.02
FAILED_PAUSE = 1.0


class Held:
    """An account in a supervisor: its desk once it is loaded, and how far its feed and its facts are known.

    Up to `position` nothing is missing; `until` is where the feed stood at the last look: what was pushed of that has
    arrived by the next one.
    """

    def __init__(self) -> None:
        self.desk: AccountDesk | None = None
        self.loading: asyncio.Task[AccountDesk] | None = None
        self.position = 0
        self.until = 0
        self.version = -1
        self._heard: set[int] = set()

    def start(self, position: int) -> None:
        """Everything up to here will be read."""
        self.position = self.until = position
        self._heard.clear()

    def hear(self, position: int) -> None:
        if len(self._heard) < MAX_HEARD:
            self._heard.add(position)

    def heard(self, position: int) -> bool:
        return position in self._heard

    def reach(self, position: int) -> None:
        self.position = position
        self._heard = {p for p in self._heard if p > position}


class CatchingUp:
    """See the module. `accounts` are the supervisor's."""

    def __init__(self, store: SupervisionStore, accounts: defaultdict[str, Held]) -> None:
        self._store = store
        self._accounts = accounts
        self._wanted: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()

    def want(self, account_id: str, conversation_id: str) -> None:
        """Read a conversation anew."""
        self._wanted.add((account_id, conversation_id))
        self._wake.set()

    async def look(self, heads: list[Head]) -> None:
        """Compare what was heard with where the feeds stand."""
        ranges: list[tuple[str, int, int]] = []
        for head in heads:
            held = self._accounts[head.account_id]
            if held.until > held.position:
                ranges.append((head.account_id, held.position, held.until))
            held.until = head.position
        if not ranges:
            return
        found: defaultdict[str, list[int]] = defaultdict(list)
        for account_id, conversation_id, position in await self._store.missed(ranges, MISSED):
            found[account_id].append(position)
            if not self._accounts[account_id].heard(position):
                self.want(account_id, conversation_id)
        for account_id, _, until in ranges:
            positions = found[account_id]
            self._accounts[account_id].reach(positions[-1] if len(positions) == MISSED else until)

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
            desk = self._accounts[account_id].desk
            if desk is None:
                continue
            c = found.get(conversation_id)
            if c is None:
                desk.forget(conversation_id)
            elif not desk.take(c):
                self.want(
                    account_id, conversation_id
                )  # something newer came that may rest on what was missed
