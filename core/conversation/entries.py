"""Entries: what happens in a conversation, numbered by `seq`. They are what the journal stores.

Entries are frozen, and applying them in order gives the whole state of a conversation. The opening is entry 0; everything that
clients see happen is numbered 1, 2, 3 …

Values that conversations keep in memory are declared with `gc=False`: they are trees and cannot form cycles, so the garbage
collector need not walk millions of them. Times are milliseconds since the epoch; ids are canonical UUID text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..text.fields import about
from .explain_record import Explain
from .status import Status

Priority = Literal["low", "normal", "high", "urgent"]
SenderType = Literal["contact", "agent", "bot", "system"]
ActorType = Literal["contact", "agent", "bot", "system", "service"]
Direction = Literal["inbound", "outbound"]
DeliveryStatus = Literal["queued", "sent", "delivered", "read", "failed"]
TargetName = Literal["first_reply", "next_reply", "resolution"]
OfferOutcome = Literal["accepted", "declined", "timeout", "withdrawn"]
ASSIST: Final = "assist"
"""In the metadata of what the conversational bot writes: how sure it is and what it cites (`turn/assisting.py`)."""
NOTHING: Final[dict[str, Any]] = {}
"""The metadata of most messages, shared by all of them: never mutate it."""


class Actor(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The author of an entry. `id` names a user, a contact identifier, a client or a rule; None stands for the server."""

    type: ActorType
    id: str | None = None


IMPORTER: Final = Actor("system", "import")
"""The author of entries imported from another service: history, which produces no events (`views/stream_events.py`)."""


@lru_cache(maxsize=4096)
def actor(type: ActorType, id: str | None) -> Actor:
    """An actor, cached: a service or an agent writes many entries."""
    return Actor(type, id)


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A file of a message; `size` in bytes."""

    url: Annotated[
        str,
        about(
            "Where the file is: the `url` of an uploaded attachment, or a public https address",
            "/v1/attachments/0190a5f2-1111-7000-8000-00000000f11e",
        ),
    ]
    name: Annotated[str | None, about("The file's name", "invoice.pdf")] = None
    content_type: Annotated[str | None, about("The file's media type", "application/pdf")] = None
    size: Annotated[int | None, about("The file's size in bytes", 48213)] = None


class Fields(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """New values of a conversation's fields; a field that is UNSET keeps its value. `snoozed_until` in ms."""

    team_id: str | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET
    labels: tuple[str, ...] | UnsetType = UNSET
    subject: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    bot_context: dict[str, Any] | UnsetType = UNSET
    contact_id: str | UnsetType = UNSET
    contact_name: str | UnsetType | None = UNSET
    outlet_id: str | UnsetType | None = UNSET
    snoozed_until: int | UnsetType | None = UNSET

    def given(self) -> dict[str, Any]:
        """The fields that are set, by name."""
        return {k: v for k in self.__struct_fields__ if (v := getattr(self, k)) is not UNSET}


class ChangedFields(Fields, frozen=True, kw_only=True):
    """The fields that an entry changes. `strategy` is that of the conversation's routing; `archived_at` in ms."""

    archived_at: int | UnsetType | None = UNSET
    strategy: str | UnsetType | None = UNSET


class _Data(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", gc=False):
    pass


class Opened(_Data, frozen=True, tag="opened"):
    """The conversation was opened. Always entry 0, and only that."""

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
    """`from_status` → `to_status`. `open` and `bot` remove the assignee, and `bot` ends a handoff."""

    from_status: Status
    to_status: Status
    reason: str | None = None


class Assigned(_Data, frozen=True, tag="assigned"):
    """An agent holds it now, or (`agent_id` None) nobody does. `explain`: how routing decided; None if a person did."""

    assignment_id: str
    agent_id: str | None
    previous_agent_id: str | None = None
    by: str = "manual"
    summary: dict[str, Any] = {}
    explain: Explain | None = None


class Offered(_Data, frozen=True, tag="offered"):
    """It was offered to an agent, until `expires_at`."""

    offer_id: str
    agent_id: str
    expires_at: int
    summary: dict[str, Any] = {}
    explain: Explain | None = None


class OfferEnded(_Data, frozen=True, tag="offer_ended"):
    """The offer ended. `withdrawn`: the conversation went elsewhere, or the agent could no longer take it."""

    offer_id: str
    agent_id: str
    outcome: OfferOutcome


class Updated(_Data, frozen=True, tag="updated"):
    changes: ChangedFields


class HandoffRequested(_Data, frozen=True, tag="handoff"):
    reason: str


class Rated(_Data, frozen=True, tag="rated"):
    """The customer's satisfaction, 1 (worst) … 5."""

    score: int
    comment: str | None = None


class SlaNoted(_Data, frozen=True, tag="sla"):
    """An SLA target, due at `due_at`, is about to be missed (`warning`) or was missed (`breach`)."""

    target: TargetName
    state: Literal["warning", "breach"]
    due_at: int


class LeadsNotified(_Data, frozen=True, tag="leads_notified"):
    """Leads were told that it is of high priority and nobody can take it."""

    summary: dict[str, Any] = {}


class Edited(_Data, frozen=True, tag="edited"):
    """The customer edited message number `message_seq`. From then on it is shown with the new text, and `edited_at` (ms, the
    provider's clock) in its metadata.
    """

    message_id: str
    message_seq: int
    content: str
    previous_content: str
    edited_at: int


class Erased(_Data, frozen=True, tag="erased"):
    """The customer was forgotten (see `erasure.py`), and the conversation closed for good."""


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
    """One numbered entry. `position` is its place in the account's feed, 0 until it is committed."""

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
