"""The events that streams yield. `event["type"]` tells them apart for type checkers too. Generated from the server's OpenAPI document by `make clients`; do not edit."""

from typing import TypeAlias

from .models import (
    AgentAssignedEvent,
    AgentPresenceEvent,
    ConversationDraftEvent,
    ConversationHandoffEvent,
    ConversationMessageEvent,
    ConversationNewEvent,
    ConversationReceiptEvent,
    ConversationStatusEvent,
    ConversationSuggestionEvent,
    ConversationTypingEvent,
    ConversationUpdatedEvent,
    ConversationViewingEvent,
    NotificationAssignmentEvent,
    NotificationMentionEvent,
    NotificationOfferEvent,
    NotificationQueueEvent,
    NotificationSlaEvent,
    QueueUpdateEvent,
    ResetEvent,
)

Event: TypeAlias = (
    ConversationNewEvent
    | ConversationUpdatedEvent
    | ConversationStatusEvent
    | ConversationMessageEvent
    | ConversationReceiptEvent
    | ConversationTypingEvent
    | ConversationDraftEvent
    | ConversationSuggestionEvent
    | ConversationViewingEvent
    | ConversationHandoffEvent
    | AgentAssignedEvent
    | AgentPresenceEvent
    | NotificationAssignmentEvent
    | NotificationOfferEvent
    | NotificationMentionEvent
    | NotificationQueueEvent
    | NotificationSlaEvent
    | QueueUpdateEvent
    | ResetEvent
)
