"""The data of entries and stream events matches the documents."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from samples import data, entries

from tertulia.core.conversation.entries import Entry, kind_of
from tertulia.core.views import customers
from tertulia.core.views.conversations import ConversationView, MessageView, entry_view
from tertulia.core.views.event_shapes import ENTRIES, EVENTS, SUMMARIES
from tertulia.core.views.stream_events import events_of


def assert_shaped(value: Any, shape: Any, *, for_customer: bool = False) -> None:
    """The value has the shape's fields, all of those that are required, and no others."""
    found = msgspec.json.decode(msgspec.json.encode(value))
    names = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    assert found.keys() <= names.keys()
    assert {name for name, field in names.items() if field.required} <= found.keys()
    msgspec.convert(found, shape)


@given(entries())
def test_an_entrys_data(entry: Entry) -> None:
    assert_shaped(entry_view(entry).data, ENTRIES[kind_of(entry.data)])


@given(entries())
def test_an_events_data(entry: Entry) -> None:
    for event in events_of(entry):
        assert_shaped(event.data, EVENTS[event.type])


@given(entries())
def test_what_customers_see_has_the_same_shape(entry: Entry) -> None:
    public = [event for event in events_of(entry) if event.public]
    for event in public:
        assert_shaped(event.for_customer().data, EVENTS[event.type])
    if public:
        assert_shaped(customers.entry_view(entry).data, ENTRIES[kind_of(entry.data)])


def test_every_kind_of_entry_and_type_of_event_is_in_the_tables() -> None:
    assert {kind.__struct_config__.tag for kind in data} | {"erased"} == set(ENTRIES)
    assert set(SUMMARIES) == set(EVENTS)
    own = {"assistant:frame"}  # of the assistant's sockets, which have frames of their own
    assert set(customers.EVENTS) | set(customers.HINTS) - own <= set(EVENTS)


@pytest.mark.parametrize("shape", [ConversationView, MessageView])
def test_a_wrong_value_would_be_seen(shape: Any) -> None:
    with pytest.raises(AssertionError):
        assert_shaped({"id": "1"}, shape)
