/** The events that streams yield; `event.type` tells them apart. Generated from the server's OpenAPI document by `make clients`; do not edit. */

import type { components } from "./openapi.js";

type Schemas = components["schemas"];

export type Event =
  | Schemas["ConversationNewEvent"]
  | Schemas["ConversationUpdatedEvent"]
  | Schemas["ConversationStatusEvent"]
  | Schemas["ConversationMessageEvent"]
  | Schemas["ConversationReceiptEvent"]
  | Schemas["ConversationTypingEvent"]
  | Schemas["ConversationDraftEvent"]
  | Schemas["ConversationSuggestionEvent"]
  | Schemas["ConversationViewingEvent"]
  | Schemas["ConversationHandoffEvent"]
  | Schemas["AgentAssignedEvent"]
  | Schemas["AgentPresenceEvent"]
  | Schemas["NotificationAssignmentEvent"]
  | Schemas["NotificationOfferEvent"]
  | Schemas["NotificationMentionEvent"]
  | Schemas["NotificationQueueEvent"]
  | Schemas["NotificationSlaEvent"]
  | Schemas["QueueUpdateEvent"]
  | Schemas["ResetEvent"];
