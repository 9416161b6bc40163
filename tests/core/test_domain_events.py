"""The names of events on a message broker: every event has a name, and each name is right."""

from __future__ import annotations

from typing import get_args

import pytest

from tertulia.core.conversation.entries import (
    IMPORTER,
    Actor,
    Assigned,
    ChangedFields,
    Entry,
    EntryData,
    HandoffRequested,
    LeadsNotified,
    Message,
    Offered,
    Opened,
    Rated,
    SlaNoted,
    StatusChanged,
    Updated,
)
from tertulia.core.conversation.status import Status
from tertulia.core.webhooks.domain_events import DomainEvent
from tertulia.core.webhooks.events import outgoing

ID = "00000000-0000-7000-8000-0000000000{:02}".format
S = Status


def entry(data: EntryData, by: Actor = Actor("service", "x")) -> Entry:  # noqa: B008
    return Entry(ID(1), ID(2), 1, 1_700_000_000_000, by, data, 7)


def message(direction: str, sender: str, *, private: bool = False) -> Message:
    return Message(ID(3), direction, sender, "x", "Hello @[a](dana)", is_private=private)  # type: ignore[arg-type]


NAMED: dict[str, tuple[EntryData, ...]] = {
    "conversation.created": (Opened(ID(4), "whatsapp", ID(5), "+628123456789"),),
    "conversation.message.received": (message("inbound", "contact"),),
    "conversation.message.sent": tuple(message("outbound", who) for who in ("agent", "bot", "system")),
    "conversation.message.noted": (message("outbound", "agent", private=True),),
    "conversation.assigned": (Assigned(ID(6), "dana"),),
    "conversation.unassigned": (Assigned(ID(6), None),),
    "conversation.handoff": (HandoffRequested("asked"),),
    "conversation.resolved": (StatusChanged(S.ASSIGNED, S.RESOLVED),),
    "conversation.closed": (StatusChanged(S.RESOLVED, S.CLOSED),),
    "conversation.expired": (StatusChanged(S.OPEN, S.EXPIRED),),
    "conversation.reopened": (StatusChanged(S.RESOLVED, S.OPEN),),
    "conversation.status": (StatusChanged(S.OPEN, S.BOT), StatusChanged(S.ASSIGNED, S.PENDING)),
    "conversation.updated": (Updated(ChangedFields(priority="high")), Rated(5)),
    "agent.offer": (Offered(ID(7), "dana", 1_700_000_000_000),),
    "agent.queue": (LeadsNotified(),),
}


@pytest.mark.parametrize("name", NAMED)
def test_the_first_event_of_an_entry(name: str) -> None:
    for data in NAMED[name]:
        assert outgoing(entry(data), "g")[0].name == name


def test_the_notifications_beside_it() -> None:
    assert [e.name for e in outgoing(entry(Assigned(ID(6), "dana")), "g")] == [
        "conversation.assigned",
        "agent.assignment",
    ]
    sla = SlaNoted("first_reply", "breach", 1_700_000_000_000)
    assert [e.name for e in outgoing(entry(sla), "g")] == ["conversation.updated", "agent.sla"]


def test_every_name_is_tabled() -> None:
    assert {*NAMED, "agent.assignment", "agent.sla", "agent.mention"} == set(get_args(DomainEvent))


def test_what_was_imported_makes_no_events() -> None:
    for data in (d for samples in NAMED.values() for d in samples):
        assert outgoing(entry(data, IMPORTER), "g") == []
