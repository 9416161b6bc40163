"""`/v1/queue`: the conversations that wait for an agent, in the order of assignment."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from ....core.accounts.records import ChannelType
from ....core.conversation.entries import Priority
from ....core.conversation.explain_record import Strategy
from ....core.routing.supervision_messages import QueueItem
from ....core.text import cursors
from ....core.text.fields import AgentId, ConversationId, Count, NextCursor, TeamId, Timestamp, about
from ....core.times import rfc3339
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import PageQuery

TAG = "queue"
_Time = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
Order = tuple[_Time, _Time, cursors.Id]
"""A place in the queue: the arrival time adjusted by priority, the arrival time (both ms since the epoch), and the id."""


class RoutingRequirements(msgspec.Struct, frozen=True):
    """An agent's requirements for routing to assign the conversation."""

    channel_type: Annotated[ChannelType, about("The type of channel", "webchat")]
    topics: Annotated[tuple[str, ...], about("The topics", ["billing"])]
    language: Annotated[str | None, about("The language", "en")]
    team_id: Annotated[TeamId | None, about("The team")]


class QueueItemView(msgspec.Struct, frozen=True):
    """`estimated_wait_s` is null while too few were served for an estimate. `offered_to`: the agent with the open offer."""

    conversation_id: ConversationId
    position: Annotated[Count, about("Its position, from 1")]
    waiting_since: Annotated[Timestamp, about("Since when it has been waiting")]
    estimated_wait_s: Annotated[
        int | None,
        about("Estimated remaining wait in seconds; null until enough conversations have been served", 90),
    ]
    priority: Annotated[Priority, about("How urgent it is", "normal")]
    requirements: Annotated[RoutingRequirements, about("What an agent must serve")]
    strategy: Annotated[Strategy, about("How an agent is chosen")]
    offered_to: Annotated[AgentId | None, about("The agent with the open offer")]


class QueuePageView(msgspec.Struct, frozen=True):
    items: Annotated[list[QueueItemView], about("The conversations, in the order of the queue")]
    next_cursor: NextCursor
    total: Annotated[Count, about("How many are waiting in all")]


def _view(item: QueueItem) -> QueueItemView:
    wait = item.estimated_wait
    return QueueItemView(
        item.conversation_id,
        item.position,
        rfc3339(item.waiting_since),
        None if wait is None else -(-wait // 1000),
        item.priority,
        RoutingRequirements(item.channel_type, item.topics, item.language, item.team_id),  # pyright: ignore[reportArgumentType]
        item.strategy,  # pyright: ignore[reportArgumentType]
        item.offered_to,
    )


async def index(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    after = None if query.cursor is None else cursors.read(query.cursor, Order)
    page = await call.services.supervision.queue(call.account_id, after, query.limit)
    cursor = cursors.write(page.items[-1].order) if page.more else None
    return answer(QueuePageView([_view(item) for item in page.items], cursor, page.total))


ROUTES = [
    Route("GET", "/v1/queue", index, "queue.read", {200: QueuePageView}, "listQueue", "Waiting conversations, in order", query=PageQuery,
          tag=TAG),
]  # fmt: skip
