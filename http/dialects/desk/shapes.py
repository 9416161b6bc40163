"""The reply desk's bodies and answers, made from core structs, and the form of its errors."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from ....actors.clock import now_ms
from ....core.assistance.suggestions import Suggestion
from ....core.conversation.entries import Entry, Message
from ....core.conversation.state import Conversation
from ....core.errors import NotFound, TertuliaError
from ....core.ports.assistance.reply_desk import DeskRow
from ....core.text.email_subjects import is_answer
from ....core.times import rfc3339, rfc3339_or_none
from ...framework.endpoint import Call, answer
from ...framework.problems import STATUS

BASE: Final = "/desk/api/v1/conversations"
TAG: Final = "desk"
STATUSES: Final = {"conflict": 400}
"""Error codes with another status in the reply desk's API: there, deciding twice is a bad request."""
PENDING: Final = {"approving": "pending", "stale": "expired", "replaced": "expired"}
DeskStatus = Literal["active", "archived"]


class DeskLead(msgspec.Struct, frozen=True):
    id: str
    name: str | None
    email: str


class DeskConversation(msgspec.Struct, frozen=True):
    id: str
    subject: str | None
    status: DeskStatus
    lead_id: str
    lead: DeskLead
    message_count: int
    unread_count: int
    has_pending_suggestion: bool
    last_message_at: str | None
    last_message_preview: str | None
    archived_at: str | None
    created_at: str
    updated_at: str


class DeskConversations(msgspec.Struct, frozen=True):
    conversations: list[DeskConversation]
    total: int
    page: int
    page_size: int
    has_more: bool


class DeskPerson(msgspec.Struct, frozen=True):
    name: str | None
    email: str | None


class DeskMessage(msgspec.Struct, frozen=True):
    id: str
    conversation_id: str
    direction: Literal["inbound", "outbound"]
    sender: DeskPerson
    recipient: DeskPerson
    subject: str | None
    body: str
    body_html: str | None
    status: str | None
    external_id: str | None
    created_at: str


class DeskSuggestion(msgspec.Struct, frozen=True):
    id: str
    conversation_id: str
    message_id: str | None
    suggested_subject: str | None
    suggested_body: str
    confidence_score: float
    sentiment: str
    sentiment_score: float
    intent: str | None
    status: str
    model: str
    provider: str
    similar_conversations: list[str]
    rejection_reason: str | None
    created_at: str


class DeskThread(DeskConversation, frozen=True, kw_only=True):
    messages: list[DeskMessage]
    pending_suggestion: DeskSuggestion | None
    ai_suggestions: list[DeskSuggestion]


class DeskSuccess(msgspec.Struct, frozen=True):
    message: str
    conversation_id: str
    message_id: str | None = None
    suggestion_id: str | None = None
    success: bool = True


class DeskError(msgspec.Struct, frozen=True):
    detail: str
    conversation_id: str | None
    timestamp: str


def status_of(c: Conversation) -> DeskStatus:
    return "active" if c.archived_at is None else "archived"


def lead_of(c: Conversation) -> DeskLead:
    return DeskLead(c.contact_id, c.contact_name, c.contact_identifier)


def conversation(row: DeskRow) -> DeskConversation:
    c = row.conversation
    return DeskConversation(
        c.id, c.subject, status_of(c), c.contact_id, lead_of(c), row.message_count, c.unread_count,
        row.has_pending_suggestion, rfc3339_or_none(c.last_message_at), c.last_message_preview,
        rfc3339_or_none(c.archived_at), rfc3339(c.created_at), rfc3339(c.updated_at),
    )  # fmt: skip


def message(c: Conversation, entry: Entry) -> DeskMessage:
    m = entry.data
    assert isinstance(m, Message)
    lead = DeskPerson(c.contact_name, c.contact_identifier)
    ours = DeskPerson(m.sender_id, None)
    sender, recipient = (lead, _mailbox(m)) if m.direction == "inbound" else (ours, lead)
    html = m.metadata.get("html")
    return DeskMessage(
        m.id, c.id, m.direction, sender, recipient, c.subject, m.content, html if isinstance(html, str) else None,
        m.delivery_status, m.external_id, rfc3339(entry.at),
    )  # fmt: skip


def _mailbox(m: Message) -> DeskPerson:
    """Whom the lead wrote to: the first address in To."""
    to = m.metadata.get("to")
    first = to[0] if isinstance(to, list) and to and isinstance(to[0], dict) else {}
    return DeskPerson(first.get("name"), first.get("email"))


def suggestion(s: Suggestion) -> DeskSuggestion:
    similar = [source.id for source in s.sources if source.kind == "conversation"]
    return DeskSuggestion(
        s.id, s.conversation_id, s.message_id, _reply_subject(s.subject), s.body, s.confidence,
        s.analysis.sentiment_label, s.analysis.sentiment, s.analysis.intent, PENDING.get(s.status, s.status), s.model,
        s.provider, similar, s.reason, rfc3339(s.created_at),
    )  # fmt: skip


def _reply_subject(subject: str | None) -> str | None:
    if subject is None or is_answer(subject):
        return subject
    return f"Re: {subject}"


def refused(error: TertuliaError) -> web.Response:
    """An error in the reply desk's form. Its detail names the wrong fields."""
    status = STATUSES.get(error.code, STATUS[error.code][0])
    fields = "; ".join(f"{path}: {text}" if path else text for path, text in error.errors[:3])
    detail = f"{error.detail} ({fields})" if fields else error.detail
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    shown = detail.encode("utf-8", "replace").decode()
    return answer(DeskError(shown, error.target, rfc3339(now_ms())), status, headers)


async def mail_conversation(call: Call[Any]) -> Conversation:
    """The conversation in the path, on an e-mail channel. Raises NotFound."""
    c = await call.services.stores.conversations.get(call.account_id, call.id())
    if c is None or c.erased or c.channel_type != "email":
        raise NotFound("Conversation not found")
    return c
