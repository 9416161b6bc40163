"""Conversations and messages as the CRM shows them, and the mapping of its terms to the core's."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from ....core.conversation.entries import Entry, Message, SenderType
from ....core.conversation.state import Conversation
from ....core.conversation.status import HELD, LIVE, Status
from ....core.text.fields import AccountId, ConversationId, Id, Timestamp, about
from ....core.times import rfc3339

CrmStatus = Literal["active", "resolved", "handed_off", "expired"]
CrmSender = Literal["customer", "llm", "agent"]
OutletId = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        max_length=36,  # because `$` also matches before a final newline
        extra_json_schema={"format": "uuid"},
    ),
]
"""As in the CRM's Postgres, capital letters are equal to small ones."""

SENDER_TYPES: Final[dict[CrmSender, SenderType]] = {"customer": "contact", "llm": "bot", "agent": "agent"}
_SENDERS: Final[dict[SenderType, CrmSender]] = {
    "contact": "customer",
    "bot": "llm",
    "agent": "agent",
    "system": "llm",
}


class CrmConversation(msgspec.Struct, frozen=True):
    """A conversation, as the CRM shows it."""

    id: Annotated[Id, about("The conversation")]
    tenant_id: Annotated[AccountId, about("The tenant, which is an account")]
    outlet_id: Annotated[str | None, about("The outlet that it belongs to")]
    customer_phone: Annotated[str, about("The customer's number", "+628123456789")]
    customer_name: Annotated[str | None, about("The customer's name", "John Doe")]
    status: Annotated[CrmStatus, about("Who is handling it, or how it ended")]
    handoff_requested: Annotated[bool, about("Whether a human has been requested")]
    handoff_agent_id: Annotated[str | None, about("The agent it is assigned to")]
    handoff_reason: Annotated[
        str | None, about("Why a human was requested", "Customer requested human agent")
    ]
    started_at: Annotated[Timestamp, about("When it was opened")]
    ended_at: Annotated[Timestamp | None, about("When it ended")]
    last_message_at: Annotated[Timestamp, about("When the last message was written")]


class CrmMessage(msgspec.Struct, frozen=True):
    """A message, as the CRM shows it."""

    id: Annotated[Id, about("The message")]
    conversation_id: ConversationId
    sender_type: Annotated[CrmSender, about("Who wrote it")]
    sender_id: Annotated[str | None, about("The agent who wrote it")]
    content: Annotated[str, about("The text", "Where is my order?")]
    whatsapp_message_id: Annotated[str | None, about("WhatsApp's id of the message", "wamid.HBgM")]
    timestamp: Annotated[Timestamp, about("When it was written")]
    metadata: Annotated[dict[str, Any] | None, about("Free-form: what came with the text")]


class CrmConversationDetail(CrmConversation, frozen=True, kw_only=True):
    """`messages` with `include_messages=true`."""

    messages: list[CrmMessage] | msgspec.UnsetType = msgspec.UNSET


def status_of(status: Status, *, handoff_requested: bool) -> CrmStatus:
    """The CRM's word for a conversation's status."""
    if status in (Status.RESOLVED, Status.CLOSED):
        return "resolved"
    if status is Status.EXPIRED:
        return "expired"
    return "handed_off" if handoff_requested or status in HELD else "active"


def conversation(c: Conversation) -> CrmConversation:
    return CrmConversation(
        id=c.id,
        tenant_id=c.account_id,
        outlet_id=c.outlet_id,
        customer_phone=c.contact_identifier,
        customer_name=c.contact_name,
        status=status_of(c.status, handoff_requested=c.handoff_requested),
        handoff_requested=c.handoff_requested,
        handoff_agent_id=c.assignee_id,
        handoff_reason=c.handoff_reason,
        started_at=rfc3339(c.created_at),
        ended_at=_ended(c),
        last_message_at=rfc3339(c.created_at if c.last_message_at is None else c.last_message_at),
    )


def _ended(c: Conversation) -> str | None:
    if c.live:
        return None
    return rfc3339(c.updated_at if c.resolved_at is None or c.status is Status.EXPIRED else c.resolved_at)


def message(entry: Entry) -> CrmMessage:
    """A message's entry. A customer has no id in the CRM but the phone number of the conversation."""
    m = entry.data
    assert isinstance(m, Message)
    return CrmMessage(
        id=m.id,
        conversation_id=entry.conversation_id,
        sender_type=_SENDERS[m.sender_type],
        sender_id=m.sender_id if m.sender_type == "agent" else None,
        content=m.content,
        whatsapp_message_id=m.external_id,
        timestamp=rfc3339(entry.at),
        metadata=m.metadata or None,
    )


def of_view(view: dict[str, Any]) -> dict[str, Any]:
    """A conversation's JSON of the native API, as the CRM's."""
    requested = view["handoff_requested"]
    resolved, live = view["resolved_at"], view["status"] in LIVE
    return {
        "id": view["id"],
        "tenant_id": view["account_id"],
        "outlet_id": view["outlet_id"],
        "customer_phone": view["contact_identifier"],
        "customer_name": view["contact_name"],
        "status": status_of(Status(view["status"]), handoff_requested=requested),
        "handoff_requested": requested,
        "handoff_agent_id": view["assignee_id"],
        "handoff_reason": view["handoff_reason"],
        "started_at": view["created_at"],
        "ended_at": None if live else resolved or view["updated_at"],
        "last_message_at": view["last_message_at"] or view["created_at"],
    }


def message_of_view(view: dict[str, Any]) -> dict[str, Any]:
    """A message's JSON of the native API, as the CRM's."""
    return {
        "id": view["id"],
        "conversation_id": view["conversation_id"],
        "sender_type": _SENDERS[view["sender_type"]],
        "sender_id": view["sender_id"] if view["sender_type"] == "agent" else None,
        "content": view["content"],
        "whatsapp_message_id": view["external_id"],
        "timestamp": view["created_at"],
        "metadata": view["metadata"] or None,
    }


def as_object(shape: CrmConversation) -> dict[str, Any]:
    """A conversation as JSON's objects."""
    return msgspec.to_builtins(shape)
