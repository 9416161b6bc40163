"""The rosters that assignment decisions refer to: stored before the first decision that needs one, trimmed when none does. Routing
journals are trimmed with them.

A roster still in use is renewed every hour; the store keeps every roster for at least a day after its last renewal.
"""

from __future__ import annotations

import time

from ...core.ports.supervision import SupervisionStore
from .account_registry import AccountRegistry

RENEW_AFTER = 3600.0
"""Seconds after which a roster still in use is renewed."""
MAX_REMEMBERED = 1000
"""Rosters of one account remembered as stored. Beyond this all are renewed, which is harmless."""
TRIM_PAGE = 200
"""Rosters checked by one trim."""
DELETED_AT_ONCE = 2_000
"""Entries of each of these journals that one trim deletes at most."""
FIRST = ("00000000-0000-0000-0000-000000000000", "")


class Rosters:
    """Stores and trims rosters."""

    def __init__(self, store: SupervisionStore, accounts: AccountRegistry) -> None:
        self._store = store
        self._accounts = accounts
        self._trimmed: tuple[str, str] = FIRST
        self._journals_trimmed = FIRST[0]

    async def keep(self, account_id: str, digest: str, agents: tuple[str, ...]) -> None:
        """Store a roster. Raises StorageUnavailable."""
        state, now = self._accounts.get(account_id), time.monotonic()
        kept = {} if state is None else state.rosters
        if kept.get(digest, -RENEW_AFTER) + RENEW_AFTER > now:
            return
        await self._store.keep_roster(account_id, digest, agents)
        if len(kept) >= MAX_REMEMBERED:
            kept.clear()
        kept[digest] = now

    async def trim(self) -> None:
        """Trim some of the stored rosters and journals, in rotation. Raises StorageUnavailable."""
        self._trimmed = await self._store.trim_rosters(self._trimmed, TRIM_PAGE) or FIRST
        last = await self._store.trim_routing(self._journals_trimmed, TRIM_PAGE, DELETED_AT_ONCE)
        self._journals_trimmed = last or FIRST[0]
