"""Turns entries into stream events. Pure, so that replays equal the events sent live.

An event's cursor names the account's feed, the entry's position in it, and the event's index among the entry's events:
`<generation>.<position>.<index>`. It is opaque to clients.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ..accounts.principal import Role
from ..conversation.entries import (
    IMPORTER,
    Assigned,
    Edited,
    Entry,
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
from ..conversation.mentions import mentions_of
from ..conversation.projection import apply
from ..text.fields import ConversationId, Timestamp, about
from ..times import rfc3339
from . import customers
from .conversations import conversation_view, data_view, edit_view, message_view


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in an account's feed: everything up to event `index` of the entry at `position` was seen."""

    generation: str
    position: int
    index: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.position}.{self.index}"


END = 99
"""The index of a cursor after all events of its entry."""


def parse_cursor(text: str) -> Cursor | None:
    """The cursor, or None if the text is not one."""
    parts = text.split(".")
    if len(parts) != 3 or not (
        parts[1].isascii() and parts[1].isdigit() and parts[2].isascii() and parts[2].isdigit()
    ):
        return None
    if len(parts[1]) > 18 or len(parts[2]) > 3:
        return None
    return Cursor(parts[0], int(parts[1]), int(parts[2]))


class Event(msgspec.Struct, frozen=True):
    """An event, not yet bound to a topic. `index` counts within its entry. `public`: customers may see it, in the form of
    `for_customer`. `for_leads`: agents and customers do not see it."""

    index: int
    type: str
    data: Any
    topics: tuple[str, ...]
    public: bool = False
    for_leads: bool = False

    def for_customer(self) -> Event:
        """A public event in the form that customers see."""
        return msgspec.structs.replace(self, data=customers.event_data(self.type, self.data))

    def may_reach(self, role: Role) -> bool:
        return role not in _KEPT_FROM[self.public, self.for_leads]


_KEPT_FROM: dict[tuple[bool, bool], frozenset[Role]] = {
    (True, False): frozenset(),
    (False, False): frozenset({Role.CUSTOMER}),
    (False, True): frozenset({Role.CUSTOMER, Role.AGENT}),
}
"""By `public` and `for_leads`."""


class EventView(msgspec.Struct, frozen=True):
    """An event on the wire."""

    id: Annotated[str, about("A cursor: resume after it with `Last-Event-ID` or `since`", "1f.42.0")]
    type: Annotated[str, about("What happened", "conversation:message")]
    topic: Annotated[
        str, about("The topic it was published to", "account:00000000-0000-0000-0000-000000000001")
    ]
    conversation_id: Annotated[ConversationId | None, about("The conversation, if the event concerns one")]
    seq: Annotated[int | None, about("Its entry's number; null for hints, which are not stored", 7)]
    at: Annotated[Timestamp, about("When it happened")]
    data: Annotated[Any, about("The details, by `type`")]


def account_topic(account_id: str) -> str:
    return f"account:{account_id}"


def conversation_topic(conversation_id: str) -> str:
    return f"conversation:{conversation_id}"


def user_topic(user_id: str) -> str:
    return f"user:{user_id}"


def events_of(entry: Entry) -> list[Event]:
    """The events of an entry, in order. Entries imported from another service are history and produce none."""
    if entry.actor == IMPORTER:
        return []
    account, thread = account_topic(entry.account_id), conversation_topic(entry.conversation_id)
    both = (account, thread)
    data = entry.data
    if isinstance(data, Message):
        view = message_view(entry)
        events = [Event(0, "conversation:message", view, both, not data.is_private)]
        for index, user_id in enumerate(mentions_of(data), 1):
            events.append(Event(index, "notification:mention", view, (user_topic(user_id),)))
        return events
    if isinstance(data, Opened):
        view = conversation_view(apply(None, entry).conversation)
        return [Event(0, "conversation:new", view, (account,))]
    if isinstance(data, StatusChanged):
        change = {"from": data.from_status, "to": data.to_status}
        return [Event(0, "conversation:status", change, both, True)]
    if isinstance(data, HandoffRequested):
        return [Event(0, "conversation:handoff", {"reason": data.reason}, both, True)]
    if isinstance(data, Assigned):
        events = [Event(0, "agent:assigned", data_view(entry), both, True)]
        if data.agent_id is not None:
            notice = {
                **data.summary,
                "conversation_id": entry.conversation_id,
                "assignment_id": data.assignment_id,
            }
            events.append(Event(1, "notification:assignment", notice, (user_topic(data.agent_id),)))
        return events
    if isinstance(data, Offered):
        offer = {**data.summary, **data_view(entry), "conversation_id": entry.conversation_id}
        return [Event(0, "notification:offer", offer, (user_topic(data.agent_id),))]
    if isinstance(data, OfferEnded):
        return []  # the agent knows from its own answer or the deadline; what follows has its own events
    if isinstance(data, Edited):
        return [Event(0, "conversation:updated", {"message": edit_view(data)}, both, True)]
    if isinstance(data, Rated):
        return [
            Event(0, "conversation:updated", {"csat": {"score": data.score, "comment": data.comment}}, both)
        ]
    if isinstance(data, SlaNoted):
        alarm = data_view(entry)
        notice = {"conversation_id": entry.conversation_id, **alarm}
        return [
            Event(0, "conversation:updated", {"sla": alarm}, both),
            Event(1, "notification:sla", notice, (account,), for_leads=True),
        ]
    if isinstance(data, LeadsNotified):
        notice = {**data.summary, "conversation_id": entry.conversation_id}
        return [Event(0, "notification:queue", notice, (account,), for_leads=True)]
    return [Event(0, "conversation:updated", data_view(entry), both)]


_encode = msgspec.json.Encoder().encode


def encode_event(entry: Entry, event: Event, topic: str, generation: str) -> bytes:
    """The event as JSON, bound to a topic. All readers of the topic get the same bytes."""
    cursor = f"{generation}.{entry.position}.{event.index}"
    return _encode(
        EventView(cursor, event.type, topic, entry.conversation_id, entry.seq, rfc3339(entry.at), event.data)
    )


def encode_hint(
    type: str, data: dict[str, Any], topic: str, cursor: Cursor, now: int, conversation_id: str | None = None
) -> bytes:
    """A hint (typing, presence, receipts) as JSON, with the cursor of the last entry before it."""
    return _encode(EventView(str(cursor), type, topic, conversation_id, None, rfc3339(now), data))
