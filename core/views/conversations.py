"""Conversations, messages and entries as the API shows them, and how they are made from core structs."""

from __future__ import annotations

from typing import Any

import msgspec

from ..conversation.entries import (
    Assigned,
    Attachment,
    DeliveryStatus,
    Direction,
    Edited,
    Entry,
    Erased,
    HandoffRequested,
    LeadsNotified,
    Message,
    Offered,
    OfferEnded,
    Opened,
    Priority,
    Rated,
    SenderType,
    SlaNoted,
    StatusChanged,
    kind_of,
)
from ..conversation.erasure import ERASED_FIELDS
from ..conversation.state import Conversation
from ..conversation.status import Status
from ..times import rfc3339, rfc3339_or_none


class ConversationView(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    channel_id: str
    channel_type: str
    contact_id: str
    contact_identifier: str
    contact_name: str | None
    outlet_id: str | None
    status: Status
    priority: Priority
    subject: str | None
    labels: tuple[str, ...]
    assignee_id: str | None
    team_id: str | None
    handoff_requested: bool
    handoff_reason: str | None
    bot_context: dict[str, Any]
    metadata: dict[str, Any]
    seq: int
    unread_count: int
    queue_position: int | None
    first_reply_at: str | None
    last_message_at: str | None
    last_message_preview: str | None
    snoozed_until: str | None
    resolved_at: str | None
    archived_at: str | None
    created_at: str
    updated_at: str


class MessageView(msgspec.Struct, frozen=True):
    id: str
    conversation_id: str
    seq: int
    direction: Direction
    sender_type: SenderType
    sender_id: str | None
    content: str
    content_type: str
    attachments: tuple[Attachment, ...]
    is_private: bool
    external_id: str | None
    client_message_id: str | None
    reply_to: str | None
    delivery_status: DeliveryStatus | None
    delivery_error: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: str


class ActorView(msgspec.Struct, frozen=True):
    type: str
    id: str | None


class EntryView(msgspec.Struct, frozen=True):
    seq: int
    kind: str
    at: str
    actor: ActorView
    data: dict[str, Any]


def conversation_view(c: Conversation, queue_position: int | None = None) -> ConversationView:
    return ConversationView(
        id=c.id,
        account_id=c.account_id,
        channel_id=c.channel_id,
        channel_type=c.channel_type,
        contact_id=c.contact_id,
        contact_identifier=c.contact_identifier,
        contact_name=c.contact_name,
        outlet_id=c.outlet_id,
        status=c.status,
        priority=c.priority,
        subject=c.subject,
        labels=c.labels,
        assignee_id=c.assignee_id,
        team_id=c.team_id,
        handoff_requested=c.handoff_requested,
        handoff_reason=c.handoff_reason,
        bot_context=c.bot_context,
        metadata=c.metadata,
        seq=c.seq,
        unread_count=c.unread_count,
        queue_position=queue_position,
        first_reply_at=rfc3339_or_none(c.first_reply_at),
        last_message_at=rfc3339_or_none(c.last_message_at),
        last_message_preview=c.last_message_preview,
        snoozed_until=rfc3339_or_none(c.snoozed_until),
        resolved_at=rfc3339_or_none(c.resolved_at),
        archived_at=rfc3339_or_none(c.archived_at),
        created_at=rfc3339(c.created_at),
        updated_at=rfc3339(c.updated_at),
    )


def message_view(entry: Entry) -> MessageView:
    """The view of a `message` entry's message."""
    m = entry.data
    assert isinstance(m, Message)
    return MessageView(
        m.id,
        entry.conversation_id,
        entry.seq,
        m.direction,
        m.sender_type,
        m.sender_id,
        m.content,
        m.content_type,
        m.attachments,
        m.is_private,
        m.external_id,
        m.client_message_id,
        m.reply_to,
        m.delivery_status,
        m.delivery_error,
        m.metadata,
        rfc3339(entry.at),
    )


_TIMES = frozenset({"snoozed_until", "archived_at", "resolved_at"})


def changes_view(changes: dict[str, Any]) -> dict[str, Any]:
    """Changed fields as clients see them."""
    return {k: rfc3339_or_none(v) if k in _TIMES else v for k, v in changes.items()}


def edit_view(edit: Edited) -> dict[str, Any]:
    """An edit of a message as clients see it."""
    return {
        "id": edit.message_id,
        "seq": edit.message_seq,
        "content": edit.content,
        "edited_at": rfc3339(edit.edited_at),
    }


def data_view(entry: Entry) -> dict[str, Any]:
    """An entry's data as `GET …/entries` shows it."""
    data = entry.data
    if isinstance(data, Message):
        return msgspec.structs.asdict(message_view(entry))
    if isinstance(data, StatusChanged):
        return {"from": data.from_status, "to": data.to_status, "reason": data.reason}
    if isinstance(data, Assigned):
        return {
            "agent_id": data.agent_id,
            "previous_agent_id": data.previous_agent_id,
            "by": data.by,
            "assignment_id": data.assignment_id,
        }
    if isinstance(data, Offered):
        return {
            "offer_id": data.offer_id,
            "agent_id": data.agent_id,
            "expires_at": rfc3339(data.expires_at),
        }
    if isinstance(data, SlaNoted):
        return {"target": data.target, "state": data.state, "due_at": rfc3339(data.due_at)}
    if isinstance(data, Edited):
        return {**msgspec.structs.asdict(data), "edited_at": rfc3339(data.edited_at)}
    if isinstance(data, (Opened, OfferEnded, HandoffRequested, LeadsNotified, Rated)):
        return msgspec.structs.asdict(data)
    if isinstance(data, Erased):
        return {k: v for k, v in ERASED_FIELDS.items() if k in ConversationView.__struct_fields__}
    return changes_view(data.changes)


def entry_view(entry: Entry) -> EntryView:
    """An entry as members of the team see it."""
    return EntryView(
        entry.seq,
        kind_of(entry.data),
        rfc3339(entry.at),
        ActorView(entry.actor.type, entry.actor.id),
        data_view(entry),
    )
