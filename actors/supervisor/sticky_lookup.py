"""Looks up who served a customer last, for accounts with sticky routing, in batches.

Owns the pending look-ups. While the storage is unavailable they wait, like all routing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from ...core.conversation.state import LastHeld
from ...core.ports.supervision import SupervisionStore
from ..recurring import Failures

log = structlog.get_logger(__name__)

MAX_QUERY = 1000
"""Contacts in one query."""

OnFound = Callable[[str, str, str, LastHeld | None], None]
"""Called with account, conversation, contact and the result."""


class StickyLookup:
    """Batches look-ups. Pending ones are bounded by the live conversations of the accounts, which ask once each. `pause`:
    seconds before failed ones are repeated."""

    def __init__(self, store: SupervisionStore, on_found: OnFound, *, pause: float) -> None:
        self._pause = pause
        self._store = store
        self._on_found = on_found
        self._requested: dict[str, tuple[str, str]] = {}
        self._wake = asyncio.Event()

    def request(self, account_id: str, conversation_id: str, contact_id: str) -> None:
        """Have `on_found` called with who last held a conversation of the contact."""
        self._requested[conversation_id] = account_id, contact_id
        self._wake.set()

    async def fetch(self, contacts: set[tuple[str, str]]) -> dict[tuple[str, str], LastHeld]:
        """The agent who last held a conversation of each (account, contact), if any. Raises StorageUnavailable."""
        found: dict[tuple[str, str], LastHeld] = {}
        asked = sorted(contacts)
        for start in range(0, len(asked), MAX_QUERY):
            found |= await self._store.last_held(asked[start : start + MAX_QUERY])
        return found

    async def main_loop(self) -> None:
        """Process look-ups until cancelled."""
        failures = Failures("last_held")
        while True:
            await self._wake.wait()
            self._wake.clear()
            requested, self._requested = self._requested, {}
            try:
                found = await self.fetch(set(requested.values()))
            except Exception as error:
                failures.note(error)
                self._requested = requested | self._requested
                self._wake.set()
                await asyncio.sleep(self._pause)
                continue
            failures.end()
            for conversation_id, (account_id, contact_id) in requested.items():
                self._on_found(account_id, conversation_id, contact_id, found.get((account_id, contact_id)))
