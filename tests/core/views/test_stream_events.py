"""Entries become the events of the streams; cursors survive their trip to a client and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import data, entries

from tertulia.core.accounts.principal import Role
from tertulia.core.conversation.entries import (
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
    Updated,
)
from tertulia.core.views import customers
from tertulia.core.views.conversations import entry_view
from tertulia.core.views.stream_events import END, Cursor, encode_event, encode_hint, events_of, parse_cursor

# kind → (type, which topics, whether customers may see it), as in the API's table of events
TYPES: dict[type[Any], tuple[str, set[str], bool]] = {
    Opened: ("conversation:new", {"account"}, False),
    Message: ("conversation:message", {"account", "conversation"}, True),
    StatusChanged: ("conversation:status", {"account", "conversation"}, True),
    HandoffRequested: ("conversation:handoff", {"account", "conversation"}, True),
    Assigned: ("agent:assigned", {"account", "conversation"}, True),
    Updated: ("conversation:updated", {"account", "conversation"}, False),
    Offered: ("notification:offer", {"user"}, False),
    Rated: ("conversation:updated", {"account", "conversation"}, False),
    SlaNoted: ("conversation:updated", {"account", "conversation"}, False),
    LeadsNotified: ("notification:queue", {"account"}, False),
    Edited: ("conversation:updated", {"account", "conversation"}, True),
}


def test_every_kind_of_entry_is_in_the_table() -> None:
    assert set(TYPES) | {OfferEnded} == set(data)


@given(entries(data[OfferEnded]))
def test_the_end_of_an_offer_is_told_by_what_follows(entry: Entry) -> None:
    assert events_of(entry) == []
    assert entry_view(entry).kind == "offer_ended"


@pytest.mark.parametrize("kind", list(TYPES), ids=lambda kind: kind.__name__)
def test_the_events_of_an_entry(kind: type[Any]) -> None:
    name, topics, public = TYPES[kind]

    @given(entries(data[kind]))
    def check(entry: Entry) -> None:
        events = events_of(entry)
        assert [e.index for e in events] == list(range(len(events))) and len(events) < END
        first = events[0]
        assert first.type == name and {t.split(":")[0] for t in first.topics} == topics
        assert first.public == (public and not getattr(entry.data, "is_private", False))
        for event in events:
            for topic in event.topics:
                shown = json.loads(encode_event(entry, event, topic, "g"))
                assert shown["topic"] == topic and shown["seq"] == entry.seq and shown["type"] == event.type
                assert shown["conversation_id"] == entry.conversation_id
                assert parse_cursor(shown["id"]) == Cursor("g", entry.position, event.index)
        entry_view(entry)

    check()


@given(entries(data[Assigned]))
def test_an_assignment_notifies_the_agent(entry: Entry) -> None:
    assigned = entry.data
    assert isinstance(assigned, Assigned)
    rest = events_of(entry)[1:]
    if assigned.agent_id is None:
        assert rest == []
    else:
        (notice,) = rest
        assert (notice.type, notice.topics) == ("notification:assignment", (f"user:{assigned.agent_id}",))
        assert notice.data["conversation_id"] == entry.conversation_id and not notice.public


@given(entries(data[HandoffRequested]))
def test_why_the_bot_stepped_back_is_the_teams_own(entry: Entry) -> None:
    (event,) = events_of(entry)
    assert event.data == {"reason": entry.data.reason}  # type: ignore[union-attr]
    assert event.for_customer().data == {"reason": None} and event.for_customer().index == event.index
    assert customers.entry_view(entry).data == {"reason": None}
    assert entry_view(entry).data == event.data


@given(entries(data[StatusChanged]))
def test_a_change_of_status_keeps_its_reason_from_customers(entry: Entry) -> None:
    seen = customers.entry_view(entry).data
    assert seen == entry_view(entry).data | {"reason": None}
    assert events_of(entry)[0].for_customer() == events_of(entry)[0]


def test_leads_hear_what_agents_need_not() -> None:
    @given(entries(data[SlaNoted] | data[LeadsNotified]))
    def check(entry: Entry) -> None:
        notice = events_of(entry)[-1]
        assert notice.type in ("notification:sla", "notification:queue")
        assert {role for role in Role if notice.may_reach(role)} == {Role.LEAD, Role.ADMIN, Role.SERVICE}

    check()


def test_a_note_is_not_for_customers() -> None:
    @given(entries(data[Message]))
    def check(entry: Entry) -> None:
        message = entry.data
        assert isinstance(message, Message)
        assert events_of(entry)[0].public is not message.is_private

    check()


@given(st.from_regex(r"[0-9a-f]{8}", fullmatch=True), st.integers(0, 10**18 - 1), st.integers(0, END))
def test_a_cursor_survives_its_trip(generation: str, position: int, index: int) -> None:
    cursor = Cursor(generation, position, index)
    assert parse_cursor(str(cursor)) == cursor


@given(st.text())
def test_no_cursor_of_a_client_fails_the_parser(text: str) -> None:
    parse_cursor(text)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            ".",
            "..",
            "g.1",
            "g.1.2.3",
            "g.-1.0",
            "g.1.-1",
            "g.+1.0",
            "g. 1.0",
            "g.1_0.0",
            "g.١.0",
            "g.1.²",
        ],
        *["g.1e3.0", f"g.{10**18}.0", "g.1.1000", "g.a.0", "g.1.", "g..1"],
    ],
)
def test_garbage_is_no_cursor(text: str) -> None:
    assert parse_cursor(text) is None


def test_a_hint_carries_the_cursor_before_it() -> None:
    shown = json.loads(
        encode_hint("conversation:typing", {"state": "start"}, "conversation:c", Cursor("g", 7, END), 0, "c")
    )
    assert shown == {
        "id": "g.7.99",
        "type": "conversation:typing",
        "topic": "conversation:c",
        "conversation_id": "c",
        "seq": None,
        "at": "1970-01-01T00:00:00.000Z",
        "data": {"state": "start"},
    }
