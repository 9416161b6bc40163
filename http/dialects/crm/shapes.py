"""Conversations and messages as the CRM shows them, and its words for the core's."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from ....core.conversation.entries import Entry, Message, SenderType
from ....core.conversation.state import Conversation
from ....core.conversation.status import HELD, LIVE, Status
from ....core.times import rfc3339

CrmStatus = Literal["active", "resolved", "handed_off", "expired"]
CrmSender = Literal["customer", "llm", "agent"]

SENDER_TYPES: Final[dict[CrmSender, SenderType]] = {"customer": "contact", "llm": "bot", "agent": "agent"}
_SENDERS: Final[dict[SenderType, CrmSender]] = {
    "contact": "customer",
    "bot": "llm",
    "agent": "agent",
    "system": "llm",
}


class CrmConversation(msgspec.Struct, frozen=True):
    id: str
    tenant_id: str
    outlet_id: str | None
    customer_phone: str
    customer_name: str | None
    status: CrmStatus
    handoff_requested: bool
    handoff_agent_id: str | None
    handoff_reason: str | None
    started_at: str
    ended_at: str | None
    last_message_at: str


class CrmMessage(msgspec.Struct, frozen=True):
    id: str
    conversation_id: str
    sender_type: CrmSender
    sender_id: str | None
    content: str
    whatsapp_message_id: str | None
    timestamp: str
    metadata: dict[str, Any] | None


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
