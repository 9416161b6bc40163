"""The messages of each namespace, for the AsyncAPI document: payloads of events by name, and the answers to clients' events."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from ...core.text.fields import ConversationId, about
from ...core.views import customers
from ...core.views import payloads as p
from ...core.views.event_shapes import EVENTS, OF_NO_CONVERSATION, SUMMARIES
from ..dialects.crm.shapes import CrmConversation, CrmMessage, CrmStatus
from ..documents.socketio import Asked, Emitted, SocketIoNamespace
from ..routes.streams.messages import MESSAGES, ConversationIdAnswer

_TENANT = "00000000-0000-0000-0000-000000000001"
_CURSOR = about("An event id: the events after it are replayed first", "1f.42.0")


class CrmStatusChange(msgspec.Struct, frozen=True):
    """A conversation's status changed."""

    conversation_id: ConversationId
    status: Annotated[CrmStatus, about("The status that it has now", "handed_off")]


class TenantRoom(msgspec.Struct, frozen=True):
    """A tenant's room."""

    tenant_id: Annotated[str, about("The tenant, which is an account", _TENANT, format="uuid")]


class ConversationRoom(msgspec.Struct, frozen=True):
    """A conversation's room."""

    conversation_id: ConversationId
    since: Annotated[str | msgspec.UnsetType, _CURSOR] = msgspec.UNSET


class CrmTakeover(msgspec.Struct, frozen=True):
    """The agent who takes a conversation over."""

    conversation_id: ConversationId
    agent_id: Annotated[str, about("The agent", "00000000-0000-0000-0000-000000000021")]


CRM: Final = SocketIoNamespace(
    "Crm",
    "/",
    "The CRM's events, in its shapes",
    {
        "conversation:new": Emitted(CrmConversation, SUMMARIES["conversation:new"]),
        "conversation:message": Emitted(CrmMessage, SUMMARIES["conversation:message"]),
        "conversation:status": Emitted(CrmStatusChange, SUMMARIES["conversation:status"]),
        "conversation:handoff": Emitted(p.HandoffReason, SUMMARIES["conversation:handoff"], in_room=True),
        "agent:assigned": Emitted(p.AssignmentChange, SUMMARIES["agent:assigned"], in_room=True),
        "ready": Emitted(p.CursorHint, SUMMARIES["ready"]),
        "reset": Emitted(p.CursorHint, SUMMARIES["reset"]),
    },
    {
        "tenant:join": Asked(TenantRoom, TenantRoom, "Follow a tenant: its new conversations and all of their events"),
        "conversation:join": Asked(ConversationRoom, ConversationIdAnswer, "Follow a conversation"),
        "conversation:leave": Asked(ConversationRoom, ConversationIdAnswer, "Follow a conversation no longer"),
        "agent:takeover": Asked(CrmTakeover, CrmConversation, "Assign a conversation to an agent"),
    },
)  # fmt: skip
_ASKED: Final = {
    type: Asked(ConversationRoom, ConversationIdAnswer, row.summary)
    if type == "conversation:join"
    else Asked(row.shape, row.answer, row.summary)
    for type, row in MESSAGES.items()
}
AGENTS: Final = SocketIoNamespace(
    "Agents",
    "/agents",
    "The team's events; `conversation:message` in the rooms of conversations alone",
    {
        type: Emitted(shape, SUMMARIES[type], in_room=type not in OF_NO_CONVERSATION)
        for type, shape in EVENTS.items()
        if type != "close"
    },
    _ASKED,
)
_SEEN: Final = dict(customers.EVENTS) | dict(customers.HINTS)
CUSTOMERS: Final = SocketIoNamespace(
    "Customers",
    "/customers",
    "A web chat customer's events, of their own conversations",
    {
        type: Emitted(
            shape,
            SUMMARIES[type],
            in_room=type not in OF_NO_CONVERSATION,
            shown=None if type == "conversation:message" else _SEEN.get(type),
        )
        for type, shape in EVENTS.items()
        if type in _SEEN or type in ("conversation:new", "conversation:message", "ready", "reset")
    },
    _ASKED,
)
NAMESPACES: Final = (CRM, AGENTS, CUSTOMERS)
