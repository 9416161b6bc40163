"""Entries: the things that happen in a conversation, numbered by `seq`. The journal's vocabulary.

An entry is frozen, and the whole state of a conversation is what its entries, applied in order, make of
it. The opening is entry 0: everything a client sees happen is numbered 1, 2, 3 …

What conversations keep in memory is made with `gc=False`: trees of values, in which no cycle can be, so that the
garbage collector need not walk millions of them.
Times are milliseconds since the epoch; ids are canonical UUID text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from .status import Status

Priority = Literal["low", "normal", "high", "urgent"]
SenderType = Literal["contact", "agent", "bot", "system"]
ActorType = Literal["contact", "agent", "bot", "system", "service"]
Direction = Literal["inbound", "outbound"]
DeliveryStatus = Literal["queued", "sent", "delivered", "read", "failed"]
TargetName = Literal["first_reply", "next_reply", "resolution"]
OfferOutcome = Literal["accepted", "declined", "timeout", "withdrawn"]
NOTHING: Final[dict[str, Any]] = {}
"""The metadata of most messages, shared by all of them. Nobody changes an entry's."""


class Actor(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who did it. `id` is a user's, a contact identifier, a client's or a rule's; None for the server."""

    type: ActorType
    id: str | None = None


@lru_cache(maxsize=4096)
def actor(type: ActorType, id: str | None) -> Actor:
    """An actor; the same object for the same one, as a service or an agent writes many entries."""
    return Actor(type, id)


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A file of a message; `size` in bytes."""

    url: str
    name: str | None = None
    content_type: str | None = None
    size: int | None = None


class _Data(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", gc=False):
    pass


class Opened(_Data, frozen=True, tag="opened"):
    """The conversation exists. Always entry 0."""

    channel_id: str
    channel_type: str
    contact_id: str
    contact_identifier: str
    contact_name: str | None = None
    topic: str = ""
    outlet_id: str | None = None
    subject: str | None = None
    priority: Priority = "normal"
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


class Message(_Data, frozen=True, tag="message"):
    """A message or, when private, an internal note."""

    id: str
    direction: Direction
    sender_type: SenderType
    sender_id: str | None
    content: str
    content_type: str = "text"
    attachments: tuple[Attachment, ...] = ()
    is_private: bool = False
    external_id: str | None = None
    client_message_id: str | None = None
    reply_to: str | None = None
    delivery_status: DeliveryStatus | None = None
    delivery_error: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}


class StatusChanged(_Data, frozen=True, tag="status"):
    """`from_status` → `to_status`; becoming `open` or `bot` leaves the conversation without an assignee, becoming `bot` ends
    a handoff."""

    from_status: Status
    to_status: Status
    reason: str | None = None


class Assigned(_Data, frozen=True, tag="assigned"):
    """An agent holds it, or (`agent_id` None) nobody does any more. `explain` is the routing record."""

    assignment_id: str
    agent_id: str | None
    previous_agent_id: str | None = None
    by: str = "manual"
    summary: dict[str, Any] = {}
    explain: dict[str, Any] | None = None


class Offered(_Data, frozen=True, tag="offered"):
    """An agent is asked to take the conversation, until `expires_at`. `explain` is the routing record."""

    offer_id: str
    agent_id: str
    expires_at: int
    summary: dict[str, Any] = {}
    explain: dict[str, Any] | None = None


class OfferEnded(_Data, frozen=True, tag="offer_ended"):
    """`withdrawn`: the conversation went another way meanwhile, or the agent could not take it any more."""

    offer_id: str
    agent_id: str
    outcome: OfferOutcome


class Updated(_Data, frozen=True, tag="updated"):
    """Fields changed: names as in `Conversation`, values as after the change."""

    changes: dict[str, Any]


class HandoffRequested(_Data, frozen=True, tag="handoff"):
    reason: str


class Rated(_Data, frozen=True, tag="rated"):
    """The customer's satisfaction, 1 (worst) … 5."""

    score: int
    comment: str | None = None


class SlaNoted(_Data, frozen=True, tag="sla"):
    """A target of the account's is about to be missed, or has been: it was due at `due_at`."""

    target: TargetName
    state: Literal["warning", "breach"]
    due_at: int


class LeadsNotified(_Data, frozen=True, tag="leads_notified"):
    """It is of high priority, and nobody can take it: whoever leads is to know."""

    summary: dict[str, Any] = {}


class Edited(_Data, frozen=True, tag="edited"):
    """The customer changed a message, number `message_seq`. Wherever that message is shown it has the present text, with
    `edited_at` (ms, the provider's clock) in its metadata.
    """

    message_id: str
    message_seq: int
    content: str
    previous_content: str
    edited_at: int


class Erased(_Data, frozen=True, tag="erased"):
    """The customer was forgotten: see `erasure.py`. The conversation is closed for good."""


EntryData = (
    Opened
    | Message
    | StatusChanged
    | Assigned
    | Offered
    | OfferEnded
    | Updated
    | HandoffRequested
    | Rated
    | SlaNoted
    | LeadsNotified
    | Edited
    | Erased
)


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One numbered thing. `position` is its place in the account's feed, 0 until it is committed."""

    account_id: str
    conversation_id: str
    seq: int
    at: int
    actor: Actor
    data: EntryData
    position: int = 0


def kind_of(data: EntryData) -> str:
    """The entry's kind as stored and shown: `message`, `status` …"""
    return data.__struct_config__.tag  # pyright: ignore[reportReturnType]
