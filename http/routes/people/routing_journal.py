"""`/v1/routing/…`: the board at a past time, the routing journal from which it is rebuilt, and what the shadow policy has counted."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.accounts.account_settings import AgentRule
from ....core.errors import Conflict, Invalid, NotFound
from ....core.routing.facts import PresenceStatus
from ....core.routing.journal import BoardAt, Incomplete, Kind
from ....core.text.fields import AgentId, ConversationId, Count, Timestamp, about
from ....core.times import rfc3339
from ...framework.endpoint import Call, Route, answer

TAG = "routing"
Position = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
SHOWN = 1000
"""Waiting conversations that a board names; `queued` counts all."""


class BoardQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: Annotated[datetime, about("The time", "2026-03-01T09:30:00Z", format="date-time")]


class JournalQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By `at`, the page begins with the newest snapshot at or before that time; a replay may begin there."""

    after: Annotated[Position | None, about("Entries after this position")] = None
    at: Annotated[
        datetime | None,
        about(
            "Instead of `after`: start at the entry from which this time can be replayed", format="date-time"
        ),
    ] = None
    limit: Annotated[Annotated[int, msgspec.Meta(ge=1, le=1000)], about("Most entries per page")] = 200


class BoardAgentView(msgspec.Struct, frozen=True):
    user_id: AgentId
    status: Annotated[PresenceStatus, about("The agent's presence", "online")]
    active: Annotated[Count, about("Conversations assigned to the agent")]
    offered: Annotated[Count, about("Open offers")]
    maximum: Annotated[int, about("The most conversations that the agent could hold", 5)]
    is_available: Annotated[bool, about("Whether the agent received conversations")]


class BoardView(msgspec.Struct, frozen=True):
    """The agents, the queue and who held what at a time."""

    at: Annotated[Timestamp, about("The time")]
    position: Annotated[Count, about("The position of the last entry before it")]
    agents: Annotated[list[BoardAgentView], about("The agents, by id")]
    queued: Annotated[Count, about("The number of waiting conversations")]
    waiting: Annotated[list[ConversationId], about("The first of these, in the order of the queue")]
    held: Annotated[Count, about("The number of assigned conversations")]


class RoutingEntryView(msgspec.Struct, frozen=True):
    position: Annotated[Count, about("Its position, from 1 without gaps")]
    at: Annotated[Timestamp, about("When it happened")]
    kind: Annotated[Kind, about("What happened", "presence_changed")]
    agent_id: Annotated[AgentId | None, about("The agent it concerns")]
    conversation_id: Annotated[ConversationId | None, about("The conversation it concerns")]
    data: Annotated[
        dict[str, Any],
        about("Free-form: the input, by kind", {"agent_id": "ana", "status": "away"}),
    ]


class RoutingEntriesView(msgspec.Struct, frozen=True):
    items: Annotated[list[RoutingEntryView], about("The entries, in order")]
    has_more: Annotated[bool, about("Whether there are later entries")]


class ShadowAgentView(msgspec.Struct, frozen=True):
    user_id: AgentId
    got: Annotated[Count, about("Compared conversations that went to the agent")]
    would_get: Annotated[Count, about("Those that the shadow policy would have given to the agent")]


class ShadowDifferenceView(msgspec.Struct, frozen=True):
    at: Annotated[Timestamp, about("When it was decided")]
    conversation_id: ConversationId
    agent_id: Annotated[AgentId, about("The agent who got it")]
    shadow_agent_id: Annotated[AgentId, about("The agent whom the shadow policy would have chosen")]


class ShadowView(msgspec.Struct, frozen=True):
    """What the account's shadow policy (`settings.routing.shadow_policy`) has counted. Decisions are assignments and offers by
    routing. `agreement`: of those compared; null before the first."""

    policy: Annotated[AgentRule | None, about("The shadow policy; null for none")]
    since: Annotated[Timestamp | None, about("Since when it has been counting; null without one")]
    decisions: Annotated[Count, about("Decisions since then")]
    compared: Annotated[Count, about("Decisions that it was compared with; fewer only under heavy load")]
    agreed: Annotated[Count, about("Those for which it would have chosen the same agent")]
    agreement: Annotated[float | None, about("The share of these", 0.87)]
    agents: Annotated[list[ShadowAgentView], about("What agents got, and would have got")]
    recent: Annotated[list[ShadowDifferenceView], about("The last 50 that differ, the newest first")]


def _ms(at: datetime) -> int:
    """A time of a query in ms. Raises Invalid."""
    if at.tzinfo is None:
        raise Invalid("a time needs an offset", errors=(("at", "RFC 3339 with Z or an offset"),))
    if not 1970 <= at.year < 9999:
        raise Invalid("a time is out of range", errors=(("at", "not before 1970"),))
    return int(at.timestamp() * 1000)


async def board(call: Call[None]) -> web.Response:
    query: BoardQuery = call.query
    at = _ms(query.at)
    read = partial(call.services.stores.routing.board, call.account_id, at)
    try:
        found: BoardAt | None = await call.services.expensive.shared(call.principal, ("board", at), read)
    except Incomplete as error:
        raise Conflict(str(error)) from None
    if found is None:
        raise NotFound("the routing journal is empty")
    agents = [
        BoardAgentView(a.user_id, a.status, a.active, a.offered, a.maximum, a.is_available)
        for a in found.agents
    ]
    waiting = found.waiting[:SHOWN]
    view = BoardView(rfc3339(at), found.position, agents, len(found.waiting), waiting, len(found.held))
    return answer(view)


async def entries(call: Call[None]) -> web.Response:
    query: JournalQuery = call.query
    store = call.services.stores.routing
    after = query.after or 0
    if query.at is not None:
        after = (await store.start(call.account_id, _ms(query.at)) or 1) - 1
    found = await store.entries(call.account_id, after, query.limit + 1)
    items = [
        RoutingEntryView(
            e.position, rfc3339(e.at), e.kind, e.agent_id, e.conversation_id, msgspec.to_builtins(e.data)
        )
        for e in found[: query.limit]
    ]
    return answer(RoutingEntriesView(items, len(found) > query.limit))


async def shadow(call: Call[None]) -> web.Response:
    found = await call.services.supervision.shadow(call.account_id)
    if found is None:
        return answer(ShadowView(None, None, 0, 0, 0, None, [], []))
    agents = [ShadowAgentView(a.user_id, a.got, a.would_get) for a in found.agents]
    recent = [
        ShadowDifferenceView(rfc3339(d.at), d.conversation_id, d.agent_id, d.shadow_agent_id)
        for d in found.recent
    ]
    share = found.agreed / found.compared if found.compared else None
    counts = found.decisions, found.compared, found.agreed
    return answer(ShadowView(found.policy, rfc3339(found.since), *counts, share, agents, recent))


ROUTES = [
    Route("GET", "/v1/routing/board", board, "reports.read", {200: BoardView}, "getBoard",
          "The board at a past time: agents, waiting conversations, assignments", query=BoardQuery, tag=TAG,
          refuses=(404, 409)),
    Route("GET", "/v1/routing/entries", entries, "reports.read", {200: RoutingEntriesView}, "listRoutingEntries",
          "The routing journal: the inputs of routing, in order", query=JournalQuery, tag=TAG),
    Route("GET", "/v1/routing/shadow", shadow, "reports.read", {200: ShadowView}, "getShadowPolicy",
          "What the shadow policy would have decided", tag=TAG),
]  # fmt: skip
