"""Who served a customer last: looked up for conversations of accounts that prefer them, many at once.

Owns the questions that wait. While the storage is away they wait, like everything that routing does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from ...core.conversation.state import LastHeld
from ...core.errors import TertuliaError
from ...core.ports.supervision import SupervisionStore

log = structlog.get_logger(__name__)

AT_ONCE = 1000
"""Contacts asked for by one query."""
FAILED_PAUSE = 1.0

Tell = Callable[[str, str, str, LastHeld | None], None]
"""Takes the account, the conversation, its contact and the answer."""


class StickyLookup:
    """See the module. What waits is bounded by the live conversations of the accounts that ask: each asks once."""

    def __init__(self, store: SupervisionStore, tell: Tell) -> None:
        self._store = store
        self._tell = tell
        self._wanted: dict[str, tuple[str, str]] = {}
        self._wake = asyncio.Event()

    def want(self, account_id: str, conversation_id: str, contact_id: str) -> None:
        """`tell` hears who held a conversation of the contact last."""
        self._wanted[conversation_id] = account_id, contact_id
        self._wake.set()

    async def of(self, contacts: set[tuple[str, str]]) -> dict[tuple[str, str], LastHeld]:
        """Of each (account, contact) that somebody served. Raises StorageUnavailable."""
        found: dict[tuple[str, str], LastHeld] = {}
        asked = sorted(contacts)
        for start in range(0, len(asked), AT_ONCE):
            found |= await self._store.last_held(asked[start : start + AT_ONCE])
        return found

    async def main_loop(self) -> None:
        """Answer what is asked until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            wanted, self._wanted = self._wanted, {}
            try:
                found = await self.of(set(wanted.values()))
            except TertuliaError as error:
                log.warning("last_held_not_read", error=repr(error))
                self._wanted = wanted | self._wanted
                self._wake.set()
                await asyncio.sleep(FAILED_PAUSE)
                continue
            for conversation_id, (account_id, contact_id) in wanted.items():
                self._tell(account_id, conversation_id, contact_id, found.get((account_id, contact_id)))
