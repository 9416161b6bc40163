"""The events of streams and webhooks. `event["type"]` tells them apart for type checkers too."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from .generated.models import Conversation, Message

DeliveryStatus = Literal["queued", "sent", "delivered", "read", "failed"]


class _Event(TypedDict):
    """`id` names the event for `since`; hints (typing, presence, receipts) carry that of the last event before them.

    `seq` is the entry's number in its conversation, if the event is one's. `at` is RFC 3339 in UTC.
    """

    id: str
    topic: str
    seq: int | None
    at: str


class _OfConversation(_Event):
    conversation_id: str


class NewConversationEvent(_OfConversation):
    type: Literal["conversation:new"]
    data: Conversation


class UpdatedEvent(_OfConversation):
    """`data` has the fields that changed."""

    type: Literal["conversation:updated"]
    data: dict[str, Any]


StatusChange = TypedDict("StatusChange", {"from": str, "to": str})


class StatusEvent(_OfConversation):
    type: Literal["conversation:status"]
    data: StatusChange


class MessageEvent(_OfConversation):
    type: Literal["conversation:message"]
    data: Message


class Receipt(TypedDict):
    message_id: str
    delivery_status: DeliveryStatus


class ReceiptEvent(_OfConversation):
    type: Literal["conversation:receipt"]
    data: Receipt


class TypingState(TypedDict):
    user_id: str
    name: str | None
    state: Literal["start", "stop"]


class TypingEvent(_OfConversation):
    type: Literal["conversation:typing"]
    data: TypingState


class DraftState(TypedDict):
    user_id: str
    name: str | None
    content: str | None
    is_private: bool
    updated_at: str | None


class DraftEvent(_OfConversation):
    type: Literal["conversation:draft"]
    data: DraftState


class ViewingEvent(_OfConversation):
    type: Literal["conversation:viewing"]
    data: TypingState


class HandoffReason(TypedDict):
    reason: str | None


class HandoffEvent(_OfConversation):
    type: Literal["conversation:handoff"]
    data: HandoffReason


class Assigned(TypedDict):
    agent_id: str | None
    previous_agent_id: str | None
    by: str
    assignment_id: str


class AssignedEvent(_OfConversation):
    type: Literal["agent:assigned"]
    data: Assigned


class AgentPresence(TypedDict):
    user_id: str
    status: Literal["online", "away", "offline"]
    active: int
    maximum: int


class PresenceEvent(_Event):
    conversation_id: None
    type: Literal["agent:presence"]
    data: AgentPresence


class QueuePosition(TypedDict):
    conversation_id: str
    position: int | None
    estimated_wait_s: float | None


class QueueEvent(_OfConversation):
    type: Literal["queue:update"]
    data: QueuePosition


class MentionEvent(_OfConversation):
    type: Literal["notification:mention"]
    data: Message


class NotificationEvent(_OfConversation):
    """`data` sums the conversation up; an offer's has `expires_at`."""

    type: Literal["notification:assignment", "notification:offer", "notification:queue", "notification:sla"]
    data: dict[str, Any]


class Cursor(TypedDict):
    cursor: str


class ResetEvent(_Event):
    """What came before cannot be replayed: fetch what you show anew. The stream goes on from here."""

    conversation_id: None
    type: Literal["reset"]
    data: Cursor


Event = (
    NewConversationEvent
    | UpdatedEvent
    | StatusEvent
    | MessageEvent
    | ReceiptEvent
    | TypingEvent
    | DraftEvent
    | ViewingEvent
    | HandoffEvent
    | AssignedEvent
    | PresenceEvent
    | QueueEvent
    | MentionEvent
    | NotificationEvent
    | ResetEvent
)
