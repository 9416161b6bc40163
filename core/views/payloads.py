"""Shapes of the data in entries, stream events and records, for the API documents; the code handles these values as dicts (`fields.about`).

A customer gets the same fields, with null for what customers do not see (`customers.py`). `tests/core/views/test_payloads.py` compares
these types with what the code makes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ..accounts.account_settings import AccountSettings
from ..accounts.records import ChannelType
from ..conversation.entries import DeliveryStatus, OfferOutcome, Priority, TargetName
from ..conversation.explain_record import Strategy
from ..conversation.status import Status
from ..routing.facts import PresenceStatus, Reason
from ..text.fields import (
    AgentId,
    ConversationId,
    Count,
    Id,
    MessageId,
    Metadata,
    Seq,
    TeamId,
    Timestamp,
    about,
    all_optional,
)


class DeliveryError(msgspec.Struct, frozen=True):
    """Why a provider did not take a message."""

    code: Annotated[str, about("The provider's code, or one of ours", "131026")]
    detail: Annotated[str, about("The reason, for people", "the number has no WhatsApp account")]


class RoutingNeed(msgspec.Struct, frozen=True):
    """The requirements of a conversation for its agent."""

    channel_type: Annotated[ChannelType, about("The type of channel", "webchat")]
    topics: Annotated[list[str], about("Any of these topics", ["billing"])] = []
    language: Annotated[str | None, about("The language", "en")] = None
    teams: Annotated[list[TeamId], about("Any of these teams")] = []


class RoutingCandidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent at the time of the decision. Without a rank and without reasons it ranked lower than those whose figures were kept."""

    agent_id: AgentId
    reasons: Annotated[list[Reason], about("Why it was ruled out", ["full"])] = []
    rank: Annotated[int | None, about("Its rank, from 1", 1)] = None
    load: Annotated[int | None, about("Conversations assigned or offered", 2)] = None
    maximum: Annotated[int | None, about("How many it could hold", 5)] = None
    idle_since: Annotated[Timestamp | None, about("Since when its load has not changed")] = None
    assigned_at: Annotated[Timestamp | None, about("When it last received a conversation")] = None


class RoutingRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A routing decision: every agent, why it was passed over or how it ranked, and the inputs to repeat the decision."""

    at: Annotated[int, about("When, in ms since 1970", 1772443800000)]
    conversation_id: ConversationId
    need: Annotated[RoutingNeed, about("The requirements")]
    strategy: Annotated[Strategy, about("How agents were ranked")]
    roster: Annotated[str, about("A digest of `agents`", "5f2c9a1e")]
    agents: Annotated[list[AgentId], about("All agents, by slot")] = []
    passed: Annotated[
        dict[str, str], about("Reason → the slots it applies to, as a hexadecimal bit mask", {"full": "2"})
    ] = {}
    sticky: Annotated[AgentId | None, about("The agent preferred for this customer")] = None
    ranked: Annotated[
        list[list[int]],
        about("The best agents, in order: slot, load, maximum, idle since, assigned at", [[0, 1, 5, 0, 0]]),
    ] = []
    chosen: Annotated[AgentId | None, about("The chosen agent; null if it had to wait")] = None
    candidates: Annotated[list[RoutingCandidate], about("The same for each agent")] = []


AccountSettingsPatch = all_optional("AccountSettingsPatch", AccountSettings, __name__)


class ConversationOpening(msgspec.Struct, frozen=True):
    """Entry 0: how the conversation began."""

    channel_id: Annotated[Id, about("The channel")]
    channel_type: Annotated[ChannelType, about("The channel's type", "webchat")]
    contact_id: Annotated[Id, about("The customer")]
    contact_identifier: Annotated[str, about("The customer's address on this channel", "visitor-7f3a")]
    contact_name: Annotated[str | None, about("The customer's name", "Marta")]
    topic: Annotated[str, about("E-mail: the subject by which mails are threaded", "")]
    outlet_id: Annotated[Id | None, about("The outlet that the customer wrote to")]
    subject: Annotated[str | None, about("The subject", "Refund for order A-1042")]
    priority: Annotated[Priority, about("How urgent it is", "normal")]
    labels: Annotated[list[str], about("Labels", ["refund"])]
    metadata: Metadata


class StatusChange(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """From one status to another."""

    before: Annotated[Status, about("The previous status")]
    after: Annotated[Status, about("The new status")]


class StatusChangeWithReason(StatusChange, frozen=True):
    """From one status to another, and why."""

    reason: Annotated[str | None, about("Why", "silence")]


class AssignmentChange(msgspec.Struct, frozen=True):
    """An agent holds it now, or nobody does."""

    agent_id: Annotated[AgentId | None, about("The agent it is assigned to now")]
    previous_agent_id: Annotated[AgentId | None, about("The agent it was assigned to before")]
    by: Annotated[str | None, about("How it was assigned: `routing`, `manual`, `takeover` …", "routing")]
    assignment_id: Annotated[Id | None, about("The assignment's id")]


class OfferMade(msgspec.Struct, frozen=True):
    """It was offered to an agent."""

    offer_id: Annotated[Id, about("The offer's id")]
    agent_id: AgentId
    expires_at: Annotated[Timestamp, about("When the offer expires")]


class OfferEnd(msgspec.Struct, frozen=True):
    """An offer ended."""

    offer_id: Annotated[Id, about("The offer's id")]
    agent_id: AgentId
    outcome: Annotated[
        OfferOutcome, about("How it ended; `withdrawn`: the conversation was assigned otherwise")
    ]


class HandoffReason(msgspec.Struct, frozen=True):
    """A human has been requested."""

    reason: Annotated[str | None, about("Why", "keyword: human")]


class ConversationRating(msgspec.Struct, frozen=True):
    """The customer's satisfaction."""

    score: Annotated[int, msgspec.Meta(ge=1, le=5), about("From 1 (worst) to 5", 5)]
    comment: Annotated[str | None, about("The customer's comment", "Quick and kind")]


class SlaNotice(msgspec.Struct, frozen=True):
    """An SLA target is about to be missed, or was."""

    target: Annotated[TargetName, about("The target")]
    state: Annotated[
        Literal["warning", "breach"], about("Whether it is about to be missed, or has been missed")
    ]
    due_at: Annotated[Timestamp, about("When it is due")]


class MessageEdit(msgspec.Struct, frozen=True):
    """The customer edited a message."""

    message_id: MessageId
    message_seq: Annotated[Seq, about("The message's number in the conversation")]
    content: Annotated[str, about("The new text", "Where is my money?")]
    previous_content: Annotated[str, about("The text before", "Where is my refund?")]
    edited_at: Annotated[Timestamp, about("When it was edited, by the provider's clock")]


class EditedMessage(msgspec.Struct, frozen=True):
    """A message's new text."""

    id: MessageId
    seq: Annotated[Seq, about("The message's number in the conversation")]
    content: Annotated[str, about("The new text", "Where is my money?")]
    edited_at: Annotated[Timestamp, about("When it was edited, by the provider's clock")]


class ConversationSummary(msgspec.Struct, frozen=True):
    """The part of a conversation that notifications include. After an erasure it is empty."""

    id: ConversationId | msgspec.UnsetType = msgspec.UNSET
    channel_id: Annotated[Id | msgspec.UnsetType, about("The channel")] = msgspec.UNSET
    channel_type: Annotated[ChannelType | msgspec.UnsetType, about("The channel's type", "webchat")] = (
        msgspec.UNSET
    )
    contact_name: Annotated[str | msgspec.UnsetType | None, about("The customer's name", "Marta")] = (
        msgspec.UNSET
    )
    contact_identifier: Annotated[
        str | msgspec.UnsetType, about("The customer's address on this channel", "visitor-7f3a")
    ] = msgspec.UNSET
    priority: Annotated[Priority | msgspec.UnsetType, about("How urgent it is", "normal")] = msgspec.UNSET
    subject: Annotated[str | msgspec.UnsetType | None, about("The subject", "Refund for order A-1042")] = (
        msgspec.UNSET
    )
    labels: Annotated[list[str] | msgspec.UnsetType, about("Labels", ["refund"])] = msgspec.UNSET
    last_message_preview: Annotated[
        str | msgspec.UnsetType | None, about("The beginning of the newest message", "Where is my refund?")
    ] = msgspec.UNSET


class LeadsNotice(msgspec.Struct, frozen=True):
    """Leads were told that nobody can take it."""

    summary: Annotated[ConversationSummary, about("The conversation at that time")]


class AssignmentNotice(ConversationSummary, frozen=True, kw_only=True):
    """For the agent who holds the conversation now."""

    conversation_id: ConversationId
    assignment_id: Annotated[Id, about("The assignment's id")]


class OfferNotice(ConversationSummary, frozen=True, kw_only=True):
    """For the agent to whom the conversation is offered."""

    conversation_id: ConversationId
    offer_id: Annotated[Id, about("The offer's id")]
    agent_id: AgentId
    expires_at: Annotated[Timestamp, about("When the offer expires")]


class QueueNotice(ConversationSummary, frozen=True, kw_only=True):
    """For leads: it is of high priority, and nobody can take it."""

    conversation_id: ConversationId


class SlaAlarm(SlaNotice, frozen=True):
    """For leads: an SLA target is about to be missed, or was."""

    conversation_id: ConversationId


class TypingHint(msgspec.Struct, frozen=True):
    """Somebody types, or has stopped."""

    conversation_id: ConversationId
    user_id: Annotated[str, about("The agent, or the customer's address", "visitor-7f3a")]
    name: Annotated[str | None, about("Their name", "Marta")]
    state: Annotated[Literal["start", "stop"], about("Whether they started or stopped typing")]


class SuggestionHint(msgspec.Struct, frozen=True):
    """A suggestion was drafted or decided. Customers never learn of it."""

    conversation_id: ConversationId
    suggestion_id: Annotated[Id, about("The suggestion")]
    status: Annotated[
        Literal["pending", "approving", "approved", "edited", "rejected", "stale", "replaced"],
        about("Its state; `pending` while it is new"),
    ]
    confidence: Annotated[float, about("The draft's confidence, from 0 to 1", 0.6)]


class DraftHint(msgspec.Struct, frozen=True):
    """An agent's draft changed; without content it is gone. Customers never learn of it."""

    conversation_id: ConversationId
    user_id: Annotated[str, about("The agent", "00000000-0000-0000-0000-000000000021")]
    name: Annotated[str | None, about("Their name", "Abeba")]
    content: Annotated[str | None, about("The text so far; null once the draft is gone", "Dear Marta")]
    is_private: Annotated[bool, about("Whether it will be a private note", False)]
    updated_at: Annotated[
        str | None, about("When it changed", "2026-03-02T09:30:00.000Z", format="date-time")
    ]


class ViewingHint(msgspec.Struct, frozen=True):
    """An agent has a conversation open, or no longer. Customers never learn of it."""

    conversation_id: ConversationId
    user_id: Annotated[str, about("The agent", "00000000-0000-0000-0000-000000000021")]
    name: Annotated[str | None, about("Their name", "Abeba")]
    state: Annotated[
        Literal["start", "stop"], about("Whether they have it open; a `start` expires after 45 s")
    ]


class ReceiptHint(msgspec.Struct, frozen=True):
    """A message's delivery status."""

    message_id: MessageId
    delivery_status: Annotated[DeliveryStatus, about("The delivery status")]
    delivery_error: Annotated[DeliveryError | msgspec.UnsetType, about("Why it was not delivered")] = (
        msgspec.UNSET
    )


class PresenceHint(msgspec.Struct, frozen=True):
    """An agent came, went, holds more or less, or has another name."""

    user_id: AgentId
    status: Annotated[PresenceStatus, about("The agent's presence")]
    active: Annotated[Count, about("Conversations assigned to the agent")]
    maximum: Annotated[Count, about("The most conversations that the agent may hold", 5)]
    name: Annotated[str | msgspec.UnsetType | None, about("The agent's name", "Abel")] = msgspec.UNSET


class QueueHint(msgspec.Struct, frozen=True):
    """A conversation's place in the queue."""

    conversation_id: ConversationId
    position: Annotated[Count, about("Its position, from 1")]
    estimated_wait_s: Annotated[
        int | None,
        about("Estimated remaining wait in seconds; null until enough conversations have been served", 90),
    ]


class CursorHint(msgspec.Struct, frozen=True):
    """The stream's position."""

    cursor: Annotated[str, about("Resume after it with `Last-Event-ID` or `since`", "1f.42.0")]


class StreamEnd(msgspec.Struct, frozen=True):
    """Why an event stream ends; `retry:` beside it says when to come back."""

    code: Annotated[int, about("The code that a WebSocket would be closed with: see docs/errors.md", 1001)]
    reason: Annotated[
        str,
        about("The reason, for people", "this server is stopping: reconnect with your last event id"),
    ]


class PingData(msgspec.Struct, frozen=True):
    """A test of an event webhook."""

    webhook_id: Annotated[Id, about("The event webhook")]
