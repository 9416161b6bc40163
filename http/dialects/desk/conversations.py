"""`/desk/api/v1/conversations`: the list, a thread, archiving, statistics."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from ....core.assistance.suggestions import OPEN
from ....core.conversation.commands import Changes, Update
from ....core.errors import NotFound
from ....core.ports.assistance.reply_desk import DeskFilter, DeskRow
from ...actions import conversations as actions
from ...framework.endpoint import Call, Route, answer
from . import shapes
from .shapes import BASE, TAG, DeskConversations, DeskStatus, DeskSuccess, DeskSuggestion, DeskThread

MESSAGES = 200
"""Messages of a thread, the newest."""
SUGGESTIONS = 20
PAGES = 1_000_000


class DeskQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: DeskStatus | None = None
    lead_id: actions.Uuid | None = None
    search: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    page: Annotated[int, msgspec.Meta(ge=1, le=PAGES)] = 1
    page_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    sort_by: Literal["created_at", "last_message_at"] = "last_message_at"
    sort_order: Literal["asc", "desc"] = "desc"


class DeskArchiving(msgspec.Struct, frozen=True):
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class DeskWeek(msgspec.Struct, frozen=True):
    emails_sent: int
    emails_received: int
    response_rate: float


class DeskAi(msgspec.Struct, frozen=True):
    total_suggestions: int
    approved: int
    rejected: int
    approval_rate: float
    average_confidence: float


class DeskDelivery(msgspec.Struct, frozen=True):
    """Mails. `clicked`: those with a link that was followed; they were opened too. Rates are shares of those sent."""

    sent: int
    delivered: int
    opened: int
    clicked: int
    delivery_rate: float
    open_rate: float
    click_rate: float


class DeskStats(msgspec.Struct, frozen=True):
    total_conversations: int
    active_conversations: int
    archived_conversations: int
    weekly: DeskWeek
    ai_performance: DeskAi
    delivery: DeskDelivery


async def index(call: Call[Any]) -> web.Response:
    q: DeskQuery = call.query
    archived = None if q.status is None else q.status == "archived"
    wanted = DeskFilter(
        archived,
        q.lead_id,
        q.search,
        q.sort_by == "created_at",
        q.sort_order == "asc",
        q.page_size,
        (q.page - 1) * q.page_size,
    )
    total, rows = await call.services.stores.reply_desk.page(call.account_id, wanted)
    more = q.page * q.page_size < total
    return answer(DeskConversations(list(map(shapes.conversation, rows)), total, q.page, q.page_size, more))


async def read(call: Call[Any]) -> web.Response:
    c = await shapes.mail_conversation(call)
    entries = await call.services.stores.conversations.messages(
        call.account_id, [c.id], before=None, after=None, limit=MESSAGES, public=True
    )
    suggestions = await call.services.stores.suggestions.of(call.account_id, c.id, SUGGESTIONS)
    pending = next((s for s in suggestions if s.status in OPEN), None)
    row = DeskRow(c, pending is not None, len(entries))
    shown = [shapes.suggestion(s) for s in suggestions if s.status in OPEN]
    return answer(
        DeskThread(
            **msgspec.structs.asdict(shapes.conversation(row)),
            messages=[shapes.message(c, entry) for entry in entries],
            pending_suggestion=shown[0] if shown else None,
            ai_suggestions=shown,
        )
    )


async def suggestion(call: Call[Any]) -> web.Response:
    c = await shapes.mail_conversation(call)
    found = await call.services.stores.suggestions.of(call.account_id, c.id, SUGGESTIONS)
    pending = next((s for s in found if s.status in OPEN), None)
    if pending is None:
        raise NotFound("No pending AI suggestion")
    if call.principal.is_staff:
        await call.services.stores.suggestions.shown(call.account_id, [pending.id])
    return answer(shapes.suggestion(pending))


async def archive(call: Call[DeskArchiving]) -> web.Response:
    c = await shapes.mail_conversation(call)
    noted = {} if call.body.reason is None else {"archive_reason": call.body.reason}
    await call.ask(Update(Changes(archived=True), metadata=noted), conversation=c.id)
    return answer(DeskSuccess("Conversation archived", c.id))


async def stats(call: Call[Any]) -> web.Response:
    f = await call.services.stores.reply_desk.figures(call.account_id)
    decided = f.approved + f.rejected
    return answer(
        DeskStats(
            f.total,
            f.active,
            f.archived,
            DeskWeek(f.week_sent, f.week_received, _share(f.week_answered, f.week_asking)),
            DeskAi(
                f.suggestions,
                f.approved,
                f.rejected,
                _share(f.approved, decided),
                round(f.confidence or 0.0, 3),
            ),
            DeskDelivery(
                f.sent,
                f.delivered,
                f.opened,
                f.clicked,
                _share(f.delivered, f.sent),
                _share(f.opened, f.sent),
                _share(f.clicked, f.sent),
            ),
        )
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


USE, OWN = "suggestions.use", {"tag": TAG, "refused": shapes.refused, "error": shapes.DeskError}
ROUTES = [
    Route("GET", BASE + "/stats", stats, "inbox.read", {200: DeskStats}, "deskStats", "Statistics of the reply desk",
          expensive=lambda query: True, **OWN),
    Route("GET", BASE, index, "inbox.read", {200: DeskConversations}, "deskListConversations",
          "E-mail conversations, page by page", query=DeskQuery, expensive=lambda query: True, **OWN),
    Route("GET", BASE + "/{id}", read, "inbox.read", {200: DeskThread}, "deskGetConversation",
          "A thread with its messages and the pending suggestion", refuses=(404,), **OWN),
    Route("GET", BASE + "/{id}/ai-suggestion", suggestion, USE, {200: DeskSuggestion}, "deskGetSuggestion",
          "The pending suggestion", refuses=(404,), **OWN),
    Route("PATCH", BASE + "/{id}/archive", archive, "conversation.update", {200: DeskSuccess}, "deskArchive",
          "Archive a conversation", body=DeskArchiving, example={"reason": "Answered by phone"}, body_optional=True, refuses=(404,), **OWN),
]  # fmt: skip
