"""Converts a conversation of another service into entries. Pure: the same source gives the same ids and entries."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from ..core.conversation.entries import (
    IMPORTER,
    Assigned,
    ChangedFields,
    Entry,
    EntryData,
    HandoffRequested,
    Message,
    Opened,
    StatusChanged,
    Updated,
)
from ..core.conversation.projection import apply
from ..core.conversation.state import IMPORTED, State
from ..core.conversation.status import LIVE, Status
from ..core.ids import new_conversation_id, new_id, partition_of_thread
from ..core.ports.journal import Write
from .source import SourceConversation, SourceMessage

NO_REASON: Final = "handed over before it was imported"
HOUR: Final = 3_600_000


class Place(msgspec.Struct, frozen=True):
    """A conversation's destination: the channel, and the contact as it is known here."""

    account_id: str
    channel_id: str
    contact_id: str
    identifier: str
    contact_name: str | None


def digest(*parts: str) -> bytes:
    """16 bytes that stand for an id of the source."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()


def write_of(
    source: str, id: str, c: SourceConversation, place: Place, *, live: bool, auto_close_hours: int, now: int
) -> Write:
    """The writes that store a conversation. `id`: its id at the source. `live`: whether it may be live here; otherwise it has expired.
    `auto_close_hours`: after which a resolved one is closed."""
    key = int.from_bytes(digest(place.account_id, source, id))
    partition = partition_of_thread(place.account_id, place.channel_id, place.identifier)
    conversation_id = new_conversation_id(c.started_at, key, partition)
    state: State | None = None
    entries: list[Entry] = []
    for seq, (at, data) in enumerate(_in_order(source, id, c, place, live, auto_close_hours, now)):
        entry = Entry(place.account_id, conversation_id, seq, at, IMPORTER, data)
        state = apply(state, entry)
        entries.append(entry)
    assert state is not None
    after = state.conversation
    if after.status in LIVE or after.status is Status.RESOLVED:
        after = replace(after, timer_at=after.created_at)  # the next round of the timers looks at it
    return Write(None, after, tuple(entries))


def _in_order(
    source: str, id: str, c: SourceConversation, place: Place, live: bool, auto_close_hours: int, now: int
) -> Iterator[tuple[int, EntryData]]:
    """The entries with their times, which never go back."""
    at = min([c.started_at, *(m.at for m in c.messages[:1])])
    yield (
        at,
        Opened(
            channel_id=place.channel_id,
            channel_type="whatsapp",
            contact_id=place.contact_id,
            contact_identifier=place.identifier,
            contact_name=place.contact_name or c.name,
            outlet_id=c.outlet_id,
            metadata=c.metadata,
        ),
    )
    if c.bot_context:
        yield at, Updated(ChangedFields(bot_context=c.bot_context))
    for message in c.messages:
        at = max(at, message.at)
        yield at, _message(place, digest(place.account_id, source, id, message.id), message, at)
    at = max(at, c.ended_at or at)
    for data in _outcome(digest(place.account_id, source, id, "assignment"), c, at, live):
        yield at, data
    closes_at = at + auto_close_hours * HOUR
    if c.status == "resolved" and closes_at <= now:
        yield closes_at, StatusChanged(Status.RESOLVED, Status.CLOSED, IMPORTED)


def _message(place: Place, key: bytes, message: SourceMessage, at: int) -> Message:
    inbound = message.sender == "contact"
    return Message(
        id=new_id(at, int.from_bytes(key)),
        direction="inbound" if inbound else "outbound",
        sender_type=message.sender,
        sender_id=place.identifier if inbound else message.sender_id,
        content=message.content,
        external_id=message.external_id,
        delivery_status=None if inbound else "sent",
        metadata=message.metadata,
    )


def _outcome(assignment: bytes, c: SourceConversation, at: int, live: bool) -> Iterator[EntryData]:
    """Its final state: who was asked for, who held it, its status. An active conversation has no human, whatever it had before."""
    status = Status.OPEN
    if c.status == "active" and live:
        # the other service's model was answering, and continues until a human is asked for
        yield StatusChanged(status, Status.BOT, IMPORTED)
        return
    if c.handoff_requested or c.status == "handed_off":
        yield HandoffRequested(c.handoff_reason or NO_REASON)
    if c.agent_id is not None:
        yield Assigned(new_id(at, int.from_bytes(assignment)), c.agent_id, by=IMPORTED)
        yield StatusChanged(status, Status.ASSIGNED, IMPORTED)
        status = Status.ASSIGNED
    if c.status == "resolved":
        yield StatusChanged(status, Status.RESOLVED, IMPORTED)
    elif c.status == "expired" or not live:
        if status is Status.ASSIGNED:  # the status table leads there by no other way
            yield StatusChanged(status, Status.PENDING, IMPORTED)
            status = Status.PENDING
        yield StatusChanged(status, Status.EXPIRED, IMPORTED)
