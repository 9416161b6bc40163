"""`/v1/conversations`: lists, reports, and assignment history. Single conversations: `conversations.py`."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from ....actors import clock
from ....core.accounts.records import ChannelType
from ....core.conversation.entries import Priority
from ....core.conversation.status import Status
from ....core.text.fields import NextCursor, about
from ....core.views.assignments import AssignmentView
from ....core.views.conversations import ConversationView
from ....core.views.inbox import InboxFilter, Sort, read_cursor, write_cursor
from ....core.views.people import LabelCount
from ....core.views.statistics import InboxStats, Period
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer
from .messages import visible

TAG = "conversations"
SortText = Literal[
    "last_message_at", "last_message_at:asc", "last_message_at:desc",
    "created_at", "created_at:asc", "created_at:desc",
    "priority", "priority:asc", "priority:desc",
    "waiting_since", "waiting_since:asc", "waiting_since:desc",
]  # fmt: skip
"""Default direction: newest or most urgent first."""


class InboxQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Conditions are combined by AND. Without `archived`, all are shown."""

    status: Annotated[list[Status], about("Only these statuses", ["open"])] = []
    assignee_id: Annotated[
        Annotated[
            str, msgspec.Meta(min_length=1, max_length=255, description="`me`, `none`, or an agent's id")
        ]
        | None,
        about("Only those assigned to this agent: `me`, `none`, or an agent's id", "me"),
    ] = None
    team_id: Annotated[conversations.Uuid | None, about("Only those of this team")] = None
    channel_id: Annotated[conversations.Uuid | None, about("Only those of this channel")] = None
    channel_type: Annotated[ChannelType | None, about("Only those of channels of this type")] = None
    contact_id: Annotated[conversations.Uuid | None, about("Only those of this customer")] = None
    label: Annotated[conversations.Label | None, about("Only those with this label", "refund")] = None
    priority: Annotated[Priority | None, about("Only those of this priority")] = None
    archived: Annotated[bool | None, about("Only archived ones, or only the others; both by default")] = None
    q: Annotated[
        Annotated[str, msgspec.Meta(max_length=200)] | None,
        about(
            "Only those with this text in the customer's name or address, the subject or a message: any part of a word or number, in any"
            " script, regardless of case, accents and the spelling of phone numbers",
            "refund",
        ),
    ] = None
    sort: Annotated[SortText, about("The order, with `:asc` or `:desc`")] = "last_message_at:desc"
    limit: Annotated[int, msgspec.Meta(ge=1, le=100), about("Most conversations per page")] = 20
    cursor: Annotated[
        Annotated[str, msgspec.Meta(max_length=400)] | None, about("`next_cursor` of the previous page")
    ] = None


class ConversationsPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ConversationView], about("The conversations")]
    next_cursor: NextCursor


class StatsQuery(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """By default the last 30 days; at most 92."""

    start: Annotated[
        datetime | None,
        about(
            "The beginning of the period; by default 30 days before its end",
            "2026-03-01T00:00:00Z",
            format="date-time",
        ),
    ] = None
    end: Annotated[
        datetime | None,
        about("The end of the period; by default now", "2026-03-08T00:00:00Z", format="date-time"),
    ] = None


class AssignmentList(msgspec.Struct, frozen=True):
    items: Annotated[list[AssignmentView], about("The assignments")]


class LabelList(msgspec.Struct, frozen=True):
    items: Annotated[list[LabelCount], about("The labels")]


def _filter(query: InboxQuery, me: str) -> InboxFilter:
    q = " ".join(query.q.split()) if query.q is not None else ""
    nobody = query.assignee_id == "none"
    return InboxFilter(
        statuses=tuple(dict.fromkeys(query.status)) or None,
        assignee_id=None if nobody else me if query.assignee_id == "me" else query.assignee_id,
        unassigned=nobody or None,
        team_id=query.team_id,
        channel_id=query.channel_id,
        channel_type=query.channel_type,
        contact_id=query.contact_id,
        labels=(query.label,) if query.label is not None else None,
        priority=query.priority,
        archived=query.archived,
        q=q or None,
    )


async def list_conversations(call: Call[None]) -> web.Response:
    query: InboxQuery = call.query
    sort = Sort.parse(query.sort)
    after = read_cursor(query.cursor, sort) if query.cursor is not None else None
    page = await call.services.stores.inbox.page(
        call.account_id, _filter(query, call.principal.user_id), sort, after=after, limit=query.limit
    )
    cursor = write_cursor(sort, page.seen) if page.seen is not None else None
    return answer(ConversationsPage(await conversations.with_positions(call, page.items), cursor))


async def stats(call: Call[None]) -> web.Response:
    query: StatsQuery = call.query
    period = Period.of(query.start, query.end, clock.now_ms())
    read = partial(call.services.stores.inbox.stats, call.account_id, period)
    return answer(await call.services.expensive.shared(call.principal, ("stats", query), read))


async def labels(call: Call[None]) -> web.Response:
    read = partial(call.services.stores.inbox.labels, call.account_id)
    return answer(LabelList(await call.services.expensive.shared(call.principal, "labels", read)))


async def assignments(call: Call[None]) -> web.Response:
    c = await visible(call, call.id())
    return answer(AssignmentList(await call.services.stores.inbox.assignments(call.account_id, c.id)))


BASE = "/v1/conversations"
ROUTES = [
    Route("GET", BASE, list_conversations, "inbox.read", {200: ConversationsPage}, "listConversations", "The account's conversations",
          query=InboxQuery, tag=TAG, expensive=lambda query: bool(query.q)),
    Route("GET", f"{BASE}/stats", stats, "inbox.read", {200: InboxStats}, "getConversationStats", "Statistics of the inbox", query=StatsQuery,
          tag=TAG),
    Route("GET", BASE + "/{id}/assignments", assignments, "inbox.read", {200: AssignmentList},
          "listAssignments", "The assignments of a conversation, oldest first", tag=TAG),
    Route("GET", "/v1/labels", labels, "inbox.read", {200: LabelList},
          "listLabels", "Labels of the newest 10,000 conversations, most used first, at most 1,000", tag=TAG),
]  # fmt: skip
"""Listed before those of `conversations.py`: `stats` is not an id."""
