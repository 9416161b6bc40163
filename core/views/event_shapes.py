"""Which data entries and stream events have, by kind and type: the tables from which the documents are made."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from ..conversation.explain_record import Strategy
from ..text.fields import about, all_optional
from . import payloads as p
from .conversations import ConversationView, MessageView

_Optional = msgspec.UnsetType | None
_STRATEGY = ("strategy", Annotated[Strategy | _Optional, about("How an agent is chosen")], msgspec.UNSET)

ConversationChanges: Any = all_optional("ConversationChanges", ConversationView, __name__, _STRATEGY)
"""Fields of a conversation that changed, with their new values."""

ConversationUpdate: Any = all_optional(
    "ConversationUpdate",
    ConversationView,
    __name__,
    _STRATEGY,
    (
        "message",
        Annotated[p.EditedMessage | _Optional, about("A message that its customer edited")],
        msgspec.UNSET,
    ),
    ("csat", Annotated[p.ConversationRating | _Optional, about("The customer's rating")], msgspec.UNSET),
    ("sla", Annotated[p.SlaNotice | _Optional, about("An SLA target")], msgspec.UNSET),
)
"""Fields of a conversation that changed, or what else happened to it."""

ENTRIES: Final[dict[str, Any]] = {
    "opened": p.ConversationOpening,
    "message": MessageView,
    "status": p.StatusChangeWithReason,
    "assigned": p.AssignmentChange,
    "offered": p.OfferMade,
    "offer_ended": p.OfferEnd,
    "updated": ConversationChanges,
    "handoff": p.HandoffReason,
    "rated": p.ConversationRating,
    "sla": p.SlaNotice,
    "leads_notified": p.LeadsNotice,
    "edited": p.MessageEdit,
    "erased": ConversationChanges,
}
"""Kind → data, as `GET …/entries` shows it."""

EVENTS: Final[dict[str, Any]] = {
    "conversation:new": ConversationView,
    "conversation:updated": ConversationUpdate,
    "conversation:status": p.StatusChange,
    "conversation:message": MessageView,
    "conversation:receipt": p.ReceiptHint,
    "conversation:typing": p.TypingHint,
    "conversation:draft": p.DraftHint,
    "conversation:suggestion": p.SuggestionHint,
    "conversation:viewing": p.ViewingHint,
    "conversation:handoff": p.HandoffReason,
    "agent:assigned": p.AssignmentChange,
    "agent:presence": p.PresenceHint,
    "notification:assignment": p.AssignmentNotice,
    "notification:offer": p.OfferNotice,
    "notification:mention": MessageView,
    "notification:queue": p.QueueNotice,
    "notification:sla": p.SlaAlarm,
    "queue:update": p.QueueHint,
    "ready": p.CursorHint,
    "reset": p.CursorHint,
    "close": p.StreamEnd,
}
"""Type → data, as streams send it. `close` is of event streams alone: a WebSocket ends with a close frame."""

HINTS: Final = frozenset({
    "conversation:receipt", "conversation:typing", "conversation:draft", "conversation:viewing", "agent:presence",
    "conversation:suggestion", "queue:update", "ready", "reset", "close",
})  # fmt: skip
"""Types of events that belong to no entry: their `seq` is null."""

OF_NO_CONVERSATION: Final = frozenset({"agent:presence", "ready", "reset", "close"})
"""Types of events that are about no conversation: their `conversation_id` is null."""

SUMMARIES: Final[dict[str, str]] = {
    "conversation:new": "A conversation was opened",
    "conversation:updated": "Fields of a conversation changed",
    "conversation:status": "A conversation's status changed",
    "conversation:message": "A message was written",
    "conversation:receipt": "A message got further, or failed",
    "conversation:typing": "Somebody types, or has stopped",
    "conversation:draft": "For the team: an agent's draft changed",
    "conversation:suggestion": "For the team: a reply was suggested, or the suggestion was decided",
    "conversation:viewing": "For the team: who has a conversation open",
    "conversation:handoff": "A human has been requested",
    "agent:assigned": "A conversation was assigned, or released",
    "agent:presence": "An agent came, went, holds more or less, or has another name",
    "notification:assignment": "For an agent: a conversation is theirs now",
    "notification:offer": "For an agent: a conversation is offered to them",
    "notification:mention": "For an agent: a note mentions them",
    "notification:queue": "For leads: nobody can take an urgent conversation",
    "notification:sla": "For leads: an SLA target is about to be missed, or was",
    "queue:update": "A conversation moved in the queue",
    "ready": "The stream has begun; the first event of each",
    "reset": "Events may be missing: fetch everything again, then continue from here",
    "close": "An event stream ends: the last event of each",
}
"""Type → what happened."""


def component_name(key: str, suffix: str) -> str:
    """The name of a kind's schema: `conversation:new` → `ConversationNewEvent`."""
    return "".join(part.capitalize() for part in key.replace(":", "_").split("_")) + suffix
