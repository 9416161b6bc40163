"""The rosters that decisions name: kept before the first decision of an account that names one, forgotten after the last is gone.

A roster that is named again is said to be needed again every hour; the store forgets none that was needed within a day.
"""

from __future__ import annotations

import time

from ...core.routing.supervision_messages import SupervisionStore
from .account_registry import AccountRegistry

RENEW_AFTER = 3600.0
"""Seconds after which a roster that is named again is said to be needed again."""
MAX_REMEMBERED = 1000
"""Of one account, in memory. Beyond it all are said to be needed again, which is harmless."""
TRIM_PAGE = 200
"""Rosters looked at by one trimming."""
FIRST = ("00000000-0000-0000-0000-000000000000", "")


class Rosters:
    """See the module."""

    def __init__(self, store: SupervisionStore, accounts: AccountRegistry) -> None:
        self._store = store
        self._accounts = accounts
        self._trimmed: tuple[str, str] = FIRST

    async def keep(self, account_id: str, digest: str, agents: tuple[str, ...]) -> None:
        """On return, it is stored. Raises StorageUnavailable."""
        state, now = self._accounts.get(account_id), time.monotonic()
        kept = {} if state is None else state.rosters
        if kept.get(digest, -RENEW_AFTER) + RENEW_AFTER > now:
            return
        await self._store.keep_roster(account_id, digest, agents)
        if len(kept) >= MAX_REMEMBERED:
            kept.clear()
        kept[digest] = now

    async def trim(self) -> None:
        """Look at some of all that are stored, round and round. Raises StorageUnavailable."""
        self._trimmed = await self._store.trim_rosters(self._trimmed, TRIM_PAGE) or FIRST
