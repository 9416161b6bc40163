"""The customers' view: the one allow-list of fields, for responses, entries and stream events alike.

Customers get objects of the same shape as the team. A field that is not on the list has a neutral value (no labels, normal
priority, null), so clients need one parser and cannot tell whether the team set it. A new field of a view is in neither table, and
then no customer view can be built: `tests/core/views/test_customer_views.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from ..conversation.entries import Assigned, Edited, Entry, HandoffRequested, Message, StatusChanged, kind_of
from ..conversation.state import CSAT_ASK
from ..times import rfc3339
from . import conversations
from .conversations import ActorView, ConversationView, EntryView, MessageView, data_view

CONVERSATION: Final = (
    "id",
    "account_id",
    "channel_id",
    "channel_type",
    "contact_id",
    "contact_identifier",
    "contact_name",
    "outlet_id",
    "status",
    "subject",
    "assignee_id",
    "handoff_requested",
    "seq",
    "queue_position",
    "first_reply_at",
    "last_message_at",
    "last_message_preview",
    "resolved_at",
    "created_at",
    "updated_at",
)
"""Fields of a conversation that customers see."""
HIDDEN_CONVERSATION: Final[Mapping[str, Any]] = {
    "priority": "normal",
    "labels": (),
    "team_id": None,
    "handoff_reason": None,
    "bot_context": {},
    "metadata": {},
    "unread_count": 0,
    "snoozed_until": None,
    "archived_at": None,
}
"""All other fields, with the values that customers get instead."""

MESSAGE: Final = (
    "id",
    "conversation_id",
    "seq",
    "direction",
    "sender_type",
    "content",
    "content_type",
    "attachments",
    "is_private",  # never true: customers get no notes
    "reply_to",
    "delivery_status",
    "created_at",
)
"""Fields of a message that a customer sees, besides those of `_own`."""
HIDDEN_MESSAGE: Final[Mapping[str, Any]] = {"external_id": None, "delivery_error": None}
SENDERS: Final = frozenset({"contact", "agent"})
"""Senders whose ids customers see: their own, and the agent's. A bot's id is that of an API client."""
METADATA: Final = frozenset({CSAT_ASK, "edited_at"})
"""Metadata of a message that customers see, flags and numbers only: that it asks for a score, and when it was edited."""

EVENTS: Final[Mapping[str, frozenset[str]]] = {
    "conversation:status": frozenset({"from", "to"}),
    "conversation:handoff": frozenset(),
    "conversation:updated": frozenset({"message"}),
    "agent:assigned": frozenset({"agent_id", "previous_agent_id"}),
}
"""Type → the fields of its data that customers see; the others are null. Messages have their own view."""
HINTS: Final[Mapping[str, frozenset[str]]] = {
    "conversation:typing": frozenset({"conversation_id", "user_id", "name", "state"}),
    "conversation:receipt": frozenset({"message_id", "delivery_status"}),
    "queue:update": frozenset({"conversation_id", "position", "estimated_wait_s"}),
    "assistant:frame": frozenset({"frame"}),  # sent to the assistant's own sockets alone
}
"""The same for hints (events without an entry); customers get no others."""


def conversation_view(view: ConversationView) -> ConversationView:
    """A conversation as its customer sees it."""
    shown = {name: getattr(view, name) for name in CONVERSATION}
    return ConversationView(**shown, **HIDDEN_CONVERSATION)


def message_view(view: MessageView) -> MessageView:
    """A public message as the customer of its conversation sees it."""
    shown = {name: getattr(view, name) for name in MESSAGE}
    return MessageView(**shown, **HIDDEN_MESSAGE, **_own(view))


def _own(view: MessageView) -> dict[str, Any]:
    """The fields whose values depend on the sender."""
    notes = view.metadata and {k: v for k, v in view.metadata.items() if k in METADATA and isinstance(v, int)}
    return {
        "sender_id": view.sender_id if view.sender_type in SENDERS else None,
        "client_message_id": view.client_message_id if view.sender_type == "contact" else None,
        "metadata": notes,
    }


def event_data(type: str, data: Any) -> Any:
    """An event's data as customers see it. KeyError for a type that is not theirs."""
    if isinstance(data, MessageView):
        return message_view(data)
    shown = EVENTS[type]
    return {name: value if name in shown else None for name, value in data.items()}


def hint_data(type: str, data: dict[str, Any]) -> dict[str, Any] | None:
    """A hint's data as customers see it; None if they do not get it."""
    shown = HINTS.get(type)
    return None if shown is None else {name: value for name, value in data.items() if name in shown}


def entry_view(entry: Entry) -> EntryView:
    """An entry that customers may see (`Event.public`), as they see it."""
    view = _ENTRIES[type(entry.data)](entry)
    by = entry.actor
    known = isinstance(entry.data, (Message, Edited)) and by.type in SENDERS
    return EntryView(
        entry.seq,
        kind_of(entry.data),
        rfc3339(entry.at),
        ActorView(by.type, by.id if known else None),
        view,
    )


def _only(*shown: str) -> Callable[[Entry], dict[str, Any]]:
    def data(entry: Entry) -> dict[str, Any]:
        return {name: value if name in shown else None for name, value in data_view(entry).items()}

    return data


_ENTRIES: Final[Mapping[type, Callable[[Entry], dict[str, Any]]]] = {
    Message: lambda entry: msgspec.structs.asdict(message_view(conversations.message_view(entry))),
    StatusChanged: _only("from", "to"),
    HandoffRequested: _only(),
    Assigned: _only("agent_id", "previous_agent_id"),
    Edited: _only("message_id", "message_seq", "content", "previous_content", "edited_at"),
}
"""Kinds of entries that customers see → how. KeyError for others."""
