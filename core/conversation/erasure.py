"""Erasing a customer: what remains of a conversation and of its entries.

The one place that says which fields can name a customer or repeat their words. What remains shows that something happened, when,
and by which member of the team: numbers, statuses, times, labels, assignees.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .entries import (
    Actor,
    Assigned,
    Edited,
    Entry,
    EntryData,
    Erased,
    HandoffRequested,
    LeadsNotified,
    Message,
    Offered,
    OfferEnded,
    Opened,
    Rated,
    SlaNoted,
    StatusChanged,
)

ERASED_FIELDS: dict[str, Any] = {
    "contact_identifier": "",
    "contact_name": None,
    "topic": "",
    "subject": None,
    "metadata": {},
    "bot_context": {},
    "handoff_reason": None,
    "last_message_preview": None,
}
"""Fields of a conversation and their values after erasure."""


def blanked(entry: Entry) -> Entry:
    """The entry without the customer's data. Idempotent."""
    actor = Actor("contact") if entry.actor.type == "contact" else entry.actor
    return replace(entry, actor=actor, data=_blanked(entry.data))


def _blanked(data: EntryData) -> EntryData:
    if isinstance(data, Message):
        return replace(
            data,
            sender_id=None if data.sender_type == "contact" else data.sender_id,
            content="",
            attachments=(),
            external_id=None,
            client_message_id=None,
            metadata={},
        )
    if isinstance(data, Opened):
        return replace(data, contact_identifier="", contact_name=None, topic="", subject=None, metadata={})
    if isinstance(data, StatusChanged):
        return replace(data, reason=None)
    if isinstance(data, (Assigned, Offered)):
        return replace(data, summary={}, explain=None)
    if isinstance(data, LeadsNotified):
        return replace(data, summary={})
    if isinstance(data, HandoffRequested):
        return replace(data, reason="")
    if isinstance(data, Rated):
        return replace(data, comment=None)
    if isinstance(data, Edited):
        return replace(data, content="", previous_content="")
    if isinstance(data, (Erased, OfferEnded, SlaNoted)):
        return data
    erased = {k: ERASED_FIELDS[k] for k in data.changes.given().keys() & ERASED_FIELDS.keys()}
    return replace(data, changes=replace(data.changes, **erased))
