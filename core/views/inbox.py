"""The inbox: filters, sort orders and cursors of its lists.

Shapes and rules only; `storage/postgres/conversations/inbox.py` runs the queries.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ..accounts.records import ChannelType
from ..conversation.entries import Priority
from ..conversation.state import Conversation
from ..conversation.status import Status
from ..text import cursors
from ..text.fields import ContactId, CreatedAt, Id, Metadata, UpdatedAt, about

SortKey = Literal["last_message_at", "created_at", "priority", "waiting_since"]
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
"""In the order of `sort=priority`."""


class InboxFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A list's filter; None matches all. `unassigned`: conversations that nobody holds."""

    statuses: tuple[Status, ...] | None = None
    assignee_id: str | None = None
    unassigned: bool | None = None
    team_id: str | None = None
    channel_id: str | None = None
    channel_type: ChannelType | None = None
    contact_id: str | None = None
    labels: tuple[str, ...] | None = None
    priority: Priority | None = None
    archived: bool | None = None
    q: str | None = None


class Sort(msgspec.Struct, frozen=True):
    """The order of a list; ties are broken by id in the same direction."""

    key: SortKey = "last_message_at"
    descending: bool = True

    @classmethod
    def parse(cls, text: str) -> Sort:
        """Parse `created_at:asc` and the like; without a direction the newest or most urgent come first."""
        key, _, direction = text.partition(":")
        return cls(msgspec.convert(key, SortKey), direction != "asc")


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """The last row of a page: its sort key (μs since the epoch, or a priority's rank) and its id."""

    key: int
    id: str


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    sort: SortKey
    descending: bool
    key: cursors.Micros
    id: cursors.Id


def write_cursor(sort: Sort, seen: Seen) -> str:
    """A cursor, opaque to clients and valid for this sort only."""
    return cursors.write(_Cursor(sort.key, sort.descending, seen.key, seen.id))


def read_cursor(text: str, sort: Sort) -> Seen:
    """The place after which the next page starts. Raises Invalid for a forged cursor, or one of another sort."""
    cursor = cursors.read(text, _Cursor)
    if (cursor.sort, cursor.descending) != (sort.key, sort.descending):
        raise cursors.not_ours("of a list with another sort")
    if sort.key == "priority" and cursor.key > len(PRIORITIES):
        raise cursors.not_ours()
    return Seen(cursor.key, cursor.id)


class InboxPage(msgspec.Struct, frozen=True):
    """Conversations in order; `seen` is set if there are more."""

    items: list[Conversation]
    seen: Seen | None


class IncludedIdentifier(msgspec.Struct, frozen=True):
    id: Id
    channel_type: Annotated[ChannelType, about("The channel type of the address", "webchat")]
    identifier: Annotated[str, about("The address", "visitor-7f3a")]
    display_name: Annotated[str | None, about("The name used with it", "Marta")]
    metadata: Metadata
    created_at: CreatedAt
    updated_at: UpdatedAt


class IncludedContact(msgspec.Struct, frozen=True):
    """A contact with its addresses."""

    id: ContactId
    name: Annotated[str | None, about("The customer's name", "Marta")]
    attributes: Annotated[
        dict[str, Any], about("Free-form: what the account keeps about the customer", {"vip": True})
    ]
    identifiers: Annotated[list[IncludedIdentifier], about("The customer's addresses")]
    created_at: CreatedAt
    updated_at: UpdatedAt
