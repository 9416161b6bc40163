"""Conversations, messages and entries as the API shows them, and how they are made from core structs."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ..accounts.records import ChannelType
from ..conversation.entries import (
    ActorType,
    Assigned,
    Attachment,
    ChangedFields,
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
from ..text.fields import (
    AccountId,
    AgentId,
    ChannelId,
    ContactId,
    ConversationId,
    Count,
    CreatedAt,
    Id,
    MessageId,
    Metadata,
    Seq,
    TeamId,
    Timestamp,
    UpdatedAt,
    about,
)
from ..times import rfc3339, rfc3339_or_none
from .payloads import DeliveryError


class ConversationView(msgspec.Struct, frozen=True):
    id: ConversationId
    account_id: AccountId
    channel_id: ChannelId
    channel_type: Annotated[ChannelType, about("The channel's type", "webchat")]
    contact_id: ContactId
    contact_identifier: Annotated[str, about("The customer's address on this channel", "visitor-7f3a")]
    contact_name: Annotated[str | None, about("The customer's name", "Marta")]
    outlet_id: Annotated[Id | None, about("The outlet that the customer wrote to")]
    status: Annotated[Status, about("The status", "open")]
    priority: Annotated[Priority, about("How urgent it is", "normal")]
    subject: Annotated[str | None, about("The subject", "Refund for order A-1042")]
    labels: Annotated[tuple[str, ...], about("Labels, in the order given", ["refund"])]
    assignee_id: Annotated[AgentId | None, about("The agent it is assigned to")]
    team_id: Annotated[TeamId | None, about("The team it is assigned to")]
    handoff_requested: Annotated[bool, about("Whether a human has been requested")]
    handoff_reason: Annotated[str | None, about("Why", "keyword: human")]
    bot_context: Annotated[dict[str, Any], about("Free-form: what the bot keeps between messages", {})]
    metadata: Metadata
    seq: Annotated[Seq, about("The number of the newest entry")]
    unread_count: Annotated[Count, about("The customer's messages after the read marker")]
    queue_position: Annotated[
        int | None, about("Its position in the queue, from 1; null if it is not waiting", 2)
    ]
    first_reply_at: Annotated[Timestamp | None, about("When an agent first replied")]
    last_message_at: Annotated[Timestamp | None, about("When the newest message was written")]
    last_message_preview: Annotated[
        str | None, about("The beginning of the newest message", "Where is my refund?")
    ]
    snoozed_until: Annotated[Timestamp | None, about("Hidden from the inbox until then")]
    resolved_at: Annotated[Timestamp | None, about("When it was resolved")]
    archived_at: Annotated[Timestamp | None, about("When it was archived")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class MessageView(msgspec.Struct, frozen=True):
    id: MessageId
    conversation_id: ConversationId
    seq: Annotated[Seq, about("Its number in the conversation")]
    direction: Annotated[Direction, about("Whether the customer or the account's side wrote it")]
    sender_type: Annotated[SenderType, about("Who wrote it", "contact")]
    sender_id: Annotated[
        str | None,
        about(
            "The customer's address, the agent, or the API client; null for the server, and where customers may not see it",
            "visitor-7f3a",
        ),
    ]
    content: Annotated[str, about("Its text", "Where is my refund?")]
    content_type: Annotated[str, about("`text`, or a kind that clients agree on", "text")]
    attachments: Annotated[tuple[Attachment, ...], about("Its files")]
    is_private: Annotated[bool, about("Whether it is a private note, which the customer does not see")]
    external_id: Annotated[str | None, about("The provider's id", "wamid.HBgL")]
    client_message_id: Annotated[str | None, about("The idempotency key that it was sent with", "m-1")]
    reply_to: Annotated[MessageId | None, about("The message it answers")]
    delivery_status: Annotated[DeliveryStatus | None, about("The delivery status; null without a provider")]
    delivery_error: Annotated[
        dict[str, Any] | None, about("Why it was not delivered", shown_as=DeliveryError)
    ]
    metadata: Metadata
    created_at: CreatedAt


class ActorView(msgspec.Struct, frozen=True):
    type: Annotated[ActorType, about("What kind of actor", "contact")]
    id: Annotated[
        str | None,
        about("The user, contact identifier, client or rule; null for the server itself", "visitor-7f3a"),
    ]


class EntryView(msgspec.Struct, frozen=True):
    seq: Annotated[Seq, about("Its number in the conversation, from 1")]
    kind: Annotated[str, about("What happened", "message")]
    at: Annotated[Timestamp, about("When it happened")]
    actor: Annotated[ActorView, about("Who did it")]
    data: Annotated[dict[str, Any], about("The details, by `kind`", {})]


def conversation_view(c: Conversation, queue_position: int | None = None) -> ConversationView:
    return ConversationView(
        id=c.id,
        account_id=c.account_id,
        channel_id=c.channel_id,
        channel_type=c.channel_type,  # pyright: ignore[reportArgumentType]
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


def changes_view(changes: ChangedFields) -> dict[str, Any]:
    """Changed fields as clients see them."""
    return {k: rfc3339_or_none(v) if k in _TIMES else v for k, v in changes.given().items()}


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
