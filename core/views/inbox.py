"""The inbox: filters, sort orders and cursors of its lists, reports, and assignments.

Shapes and rules only; `storage/postgres/conversations/inbox.py` runs the queries. Times inside are ms since the epoch unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from ..accounts.records import ChannelType
from ..conversation.entries import Assigned, Entry, Priority, StatusChanged
from ..conversation.state import Conversation
from ..conversation.status import HELD, Status
from ..errors import Invalid
from ..text import cursors
from ..text.fields import AgentId, ContactId, Count, CreatedAt, Id, Metadata, Timestamp, UpdatedAt, about
from ..times import rfc3339, rfc3339_or_none
from ..views.payloads import RoutingRecord

SortKey = Literal["last_message_at", "created_at", "priority", "waiting_since"]
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
"""In the order of `sort=priority`."""
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MAX_REPORT_DAYS = 92


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


class Page(msgspec.Struct, frozen=True):
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


class AssignmentView(msgspec.Struct, frozen=True):
    """The time for which an agent held a conversation."""

    id: Id
    agent_id: Annotated[AgentId, about("The agent it was assigned to")]
    previous_agent_id: Annotated[AgentId | None, about("The agent it was assigned to before")]
    by: Annotated[str, about("How it was assigned: `routing`, `manual`, `takeover` …", "routing")]
    assigned_at: Annotated[Timestamp, about("When the assignment began")]
    ended_at: Annotated[Timestamp | None, about("When it ended; null if it still lasts")]
    explain: Annotated[
        dict[str, Any] | None, about("How routing decided; null if a person did", shown_as=RoutingRecord)
    ]


def assignments_of(entries: Iterable[Entry]) -> list[AssignmentView]:
    """Assignments, oldest first, from a conversation's entries in order; unrelated entries may be left out.

    An assignment ends with the next one, with a release, or when the status leaves `assigned` and `pending`.
    """
    found: list[AssignmentView] = []
    holder: tuple[Assigned, str, int] | None = None

    def end(at: int | None) -> None:
        if holder is not None:
            data, agent_id, since = holder
            found.append(
                AssignmentView(
                    data.assignment_id,
                    agent_id,
                    data.previous_agent_id,
                    data.by,
                    rfc3339(since),
                    rfc3339_or_none(at),
                    data.explain,
                )
            )

    for entry in entries:
        data = entry.data
        if isinstance(data, Assigned):
            end(entry.at)
            holder = None if data.agent_id is None else (data, data.agent_id, entry.at)
        elif isinstance(data, StatusChanged) and data.to_status not in HELD:
            end(entry.at)
            holder = None
    end(None)
    return found


class Period(msgspec.Struct, frozen=True):
    """From `start` (inclusive) to `end` (exclusive)."""

    start: int
    end: int

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None, now: int, *, days: int = 30) -> Period:
        """The period of a report. Raises Invalid for times without an offset, and for empty or too long periods."""
        for name, time in (("from", start), ("to", end)):
            if time is not None and time.tzinfo is None:
                raise Invalid("a time needs an offset", errors=((name, "RFC 3339 with Z or an offset"),))
            if time is not None and not 1970 <= time.year < 9999:
                raise Invalid("a time is out of range", errors=((name, "not before 1970"),))
        until = now if end is None else int(end.timestamp() * 1000)
        since = until - days * DAY_MS if start is None else int(start.timestamp() * 1000)
        if since >= until:
            raise Invalid("the period is empty", errors=(("from", "must come before `to`"),))
        if until - since > MAX_REPORT_DAYS * DAY_MS:
            raise Invalid("the period is too long", errors=(("from", f"at most {MAX_REPORT_DAYS} days"),))
        return cls(since, until)

    def in_whole_hours(self) -> Period:
        """The period with its ends moved out to whole hours, in UTC."""
        return Period(self.start - self.start % HOUR_MS, self.end + -self.end % HOUR_MS)


class Queue(msgspec.Struct, frozen=True):
    """Open conversations that no agent and no bot holds."""

    waiting: Annotated[Count, about("How many are waiting")]
    oldest_waiting_since: Annotated[Timestamp | None, about("Since when the oldest has been waiting")]


class Durations(msgspec.Struct, frozen=True):
    """In seconds, for conversations created in the period. Percentiles of the inbox's statistics are within 1 %."""

    count: Annotated[Count, about("How many conversations had one")]
    p50_s: Annotated[float | None, about("The median, in seconds", 42.5)]
    p90_s: Annotated[float | None, about("The 90th percentile, in seconds", 310.0)]


class DayVolume(msgspec.Struct, frozen=True):
    """One day in UTC. Notes do not count as messages."""

    date: Annotated[str, about("The day", "2026-03-02")]
    conversations: Annotated[Count, about("Conversations created")]
    inbound: Annotated[Count, about("Messages of customers")]
    outbound: Annotated[Count, about("Messages to customers")]


class Volume(msgspec.Struct, frozen=True):
    conversations: Annotated[Count, about("Conversations created")]
    inbound: Annotated[Count, about("Messages of customers")]
    outbound: Annotated[Count, about("Messages to customers")]
    days: Annotated[list[DayVolume], about("The same figures by day")]


class Csat(msgspec.Struct, frozen=True):
    """A conversation's last score in the period counts."""

    count: Annotated[Count, about("How many conversations were rated")]
    average: Annotated[float | None, about("The mean score, from 1 to 5", 4.6)]
    distribution: Annotated[dict[str, int], about("Score → how many customers gave it", {"5": 3})]


class AiFigures(msgspec.Struct, frozen=True):
    """`bot_message_share`: of all outbound messages."""

    bot_messages: Annotated[Count, about("Messages that bots wrote")]
    bot_message_share: Annotated[
        float | None, about("Their share of all messages to customers, from 0 to 1", 0.4)
    ]
    handoffs: Annotated[Count, about("How often a human was requested")]


class InboxStats(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """`statuses` and `queue` are as of now; everything else covers the period, which is moved out to whole hours (UTC)."""

    start: Annotated[Timestamp, about("The beginning of the period")]
    end: Annotated[Timestamp, about("The end of the period")]
    statuses: Annotated[
        dict[str, int], about("Status → how many conversations have it now", {"open": 3, "assigned": 2})
    ]
    queue: Annotated[Queue, about("The queue now")]
    first_reply: Annotated[Durations, about("Time until an agent's first reply")]
    resolution: Annotated[Durations, about("Time until the resolution")]
    volume: Annotated[Volume, about("Conversations and messages")]
    csat: Annotated[Csat, about("Customers' ratings")]
    ai: Annotated[AiFigures, about("Bots' work")]
