"""The names of events on a message broker: routing keys of a topic exchange, as consumers of the omnichannel platform bind to them.

A name is a few words, from general to specific: `conversation.message.received`. A consumer binds to some of them
(`conversation.message.*`) or to all (`#`).
"""

from __future__ import annotations

from typing import Final, Literal

from ..conversation.entries import Assigned, Entry, EntryData, Message, StatusChanged
from ..conversation.status import LIVE, Status

DomainEvent = Literal[
    "conversation.created",
    "conversation.message.received",
    "conversation.message.sent",
    "conversation.message.noted",
    "conversation.assigned",
    "conversation.unassigned",
    "conversation.handoff",
    "conversation.resolved",
    "conversation.closed",
    "conversation.expired",
    "conversation.reopened",
    "conversation.status",
    "conversation.updated",
    "agent.assignment",
    "agent.offer",
    "agent.mention",
    "agent.sla",
    "agent.queue",
]
_ENDS: Final[dict[Status, DomainEvent]] = {
    Status.RESOLVED: "conversation.resolved",
    Status.CLOSED: "conversation.closed",
    Status.EXPIRED: "conversation.expired",
}
_OTHERS: Final[dict[str, DomainEvent]] = {
    "conversation:new": "conversation.created",
    "conversation:handoff": "conversation.handoff",
    "conversation:updated": "conversation.updated",
    "notification:assignment": "agent.assignment",
    "notification:offer": "agent.offer",
    "notification:mention": "agent.mention",
    "notification:sla": "agent.sla",
    "notification:queue": "agent.queue",
}


def domain_event(entry: Entry, type: str) -> DomainEvent:
    """The name of the event of this type that an entry makes."""
    return _OTHERS.get(type) or _of_entry(entry.data)


def _of_entry(data: EntryData) -> DomainEvent:
    if isinstance(data, Message):
        if data.is_private:
            return "conversation.message.noted"  # never mistaken for a message to the customer
        return "conversation.message.received" if data.direction == "inbound" else "conversation.message.sent"
    if isinstance(data, Assigned):
        return "conversation.unassigned" if data.agent_id is None else "conversation.assigned"
    if isinstance(data, StatusChanged):
        if data.from_status is Status.RESOLVED and data.to_status in LIVE:
            return "conversation.reopened"
        return _ENDS.get(data.to_status, "conversation.status")
    return "conversation.updated"
