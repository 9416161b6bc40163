"""Looks up the conversations of opening streams, a few at a time: thousands that open at once wait in order, and leave the
database's connections to other requests. Owns no data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ...core.conversation.state import Conversation
from ...core.ports.http import ThreadOwner
from .fair_slots import FairSlots
from .session import Session
from .stream_limits import user_key
from .topics import Conversations

LOOKUPS: Final = 5
"""Streams of one gateway looked up at once. Others wait without a deadline: `StreamLimits` bounds how many."""
LOOKUPS_PER_ACCOUNT: Final = 4


def lookup_slots() -> FairSlots:
    """For one gateway."""
    return FairSlots(LOOKUPS, per_account=LOOKUPS_PER_ACCOUNT, per_user=1)


class Lookups:
    """`topics.Conversations` for one opening stream. Raises ConnectionResetError if its client has gone meanwhile."""

    def __init__(self, conversations: Conversations, slots: FairSlots, session: Session) -> None:
        self._conversations = conversations
        self._slots = slots
        self._session = session

    async def get(self, account_id: str, conversation_id: str) -> Conversation | None:
        async with self._turn():
            return await self._conversations.get(account_id, conversation_id)

    async def threads(self, account_id: str, conversations: list[str]) -> dict[str, ThreadOwner]:
        async with self._turn():
            return await self._conversations.threads(account_id, conversations)

    async def of_thread(self, account_id: str, channel_id: str, identifier: str) -> list[str]:
        async with self._turn():
            return await self._conversations.of_thread(account_id, channel_id, identifier)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        principal = self._session.principal
        async with self._slots.slot(principal.account_id, user_key(principal)):
            if self._session.gone:
                raise ConnectionResetError("the client has gone before its stream could open")
            yield
