"""The customer's view: an allow-list, so that a new field stays hidden until somebody decides about it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import data, entries

from tertulia.core.conversation.entries import Assigned, Entry, Message
from tertulia.core.views import conversations, customers
from tertulia.core.views.conversations import ConversationView, MessageView
from tertulia.core.views.stream_events import events_of

PRIVATE = st.dictionaries(st.sampled_from(["canary", "mentions", "rule_id"]), st.just("canary"), min_size=1)


def test_every_field_of_a_conversation_is_shown_or_has_a_value_to_hide_behind() -> None:
    shown, hidden = customers.CONVERSATION, customers.HIDDEN_CONVERSATION
    assert not set(shown) & set(hidden)
    assert {*shown, *hidden} == set(ConversationView.__struct_fields__)


def test_every_field_of_a_message_is_decided() -> None:
    decided = {*customers.MESSAGE, *customers.HIDDEN_MESSAGE}
    by_sender = {"sender_id", "client_message_id", "metadata"}
    assert not decided & by_sender and decided | by_sender == set(MessageView.__struct_fields__)


@given(st.builds(ConversationView, metadata=PRIVATE, bot_context=PRIVATE))
def test_a_conversation_without_what_is_the_teams(view: ConversationView) -> None:
    seen = customers.conversation_view(view)
    for name in ConversationView.__struct_fields__:
        expected = customers.HIDDEN_CONVERSATION.get(name, getattr(view, name))
        assert getattr(seen, name) == expected
    assert b"canary" not in msgspec.json.encode((seen.metadata, seen.bot_context, seen.labels))


@given(entries(data[Message]), PRIVATE)
def test_a_message_without_what_is_the_teams(entry: Entry, private: dict[str, Any]) -> None:
    view = msgspec.structs.replace(
        conversations.message_view(entry),
        metadata=private | {"csat_ask": True, "edited_at": "canary"},
        delivery_error={"detail": "canary"},
        external_id="canary",
    )
    seen = customers.message_view(view)
    assert b"canary" not in msgspec.json.encode(seen) and seen.metadata == {"csat_ask": True}
    assert (seen.content, seen.id, seen.seq) == (view.content, view.id, view.seq)
    assert seen.sender_id == (view.sender_id if view.sender_type in ("contact", "agent") else None)
    assert seen.client_message_id == (view.client_message_id if view.sender_type == "contact" else None)


@given(entries(data[Assigned]))
def test_an_assignment_names_the_agent_and_not_who_gave_it(entry: Entry) -> None:
    (event, *_) = events_of(entry)
    seen = event.for_customer().data
    assert {k for k, v in seen.items() if v is not None} <= {"agent_id", "previous_agent_id"}
    assert seen["agent_id"] == event.data["agent_id"] and set(seen) == set(event.data)
    shown = customers.entry_view(entry)
    assert shown.data == seen and shown.actor.id is None


@pytest.mark.parametrize("kind", list(data), ids=lambda kind: kind.__name__)
def test_every_public_event_has_a_customers_view_of_the_same_shape(kind: type[Any]) -> None:
    @given(entries(data[kind]))
    def check(entry: Entry) -> None:
        public = [event for event in events_of(entry) if event.public]
        for event in public:
            full, seen = msgspec.to_builtins(event.data), msgspec.to_builtins(event.for_customer().data)
            assert set(seen) == set(full)
        if public:
            assert set(customers.entry_view(entry).data) == set(conversations.entry_view(entry).data)

    check()


def test_hints_are_cut_to_what_customers_may_hear() -> None:
    hinted = customers.hint_data(
        "conversation:receipt", {"message_id": "1", "delivery_status": "failed", "delivery_error": "canary"}
    )
    assert hinted == {"message_id": "1", "delivery_status": "failed"}
    assert customers.hint_data("agent:presence", {"user_id": "ana"}) is None
    assert customers.hint_data("conversation:updated", {"unread_count": 1}) is None
