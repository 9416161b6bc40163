"""The port of the reply desk: lists and counts that the native API does not have."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ...conversation.state import Conversation


class DeskFilter(msgspec.Struct, frozen=True):
    """A page of the list; None matches all."""

    archived: bool | None
    contact_id: str | None
    search: str | None
    by_creation: bool
    ascending: bool
    limit: int
    offset: int


class DeskRow(msgspec.Struct, frozen=True):
    conversation: Conversation
    has_pending_suggestion: bool
    message_count: int


class DeskFigures(msgspec.Struct, frozen=True):
    """`week_…`: of the last seven days; `answered`: conversations of those with mail that we answered."""

    total: int
    active: int
    archived: int
    week_sent: int
    week_received: int
    week_asking: int
    week_answered: int
    suggestions: int
    approved: int
    rejected: int
    confidence: float | None
    sent: int
    delivered: int
    opened: int
    clicked: int


class ReplyDeskStore(Protocol):
    async def page(self, account_id: str, wanted: DeskFilter) -> tuple[int, list[DeskRow]]:
        """The total, and the page."""
        ...

    async def figures(self, account_id: str) -> DeskFigures: ...

    async def give_up(self, account_id: str, message_id: str) -> bool:
        """Fail a message whose first attempt has failed, so that nothing sends it again by itself. False if it is past its first attempt."""
        ...
