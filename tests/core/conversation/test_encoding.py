"""Everything stored or sent comes back as it was: between the actors, and through the database's columns."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from samples import (
    EXPLAIN,
    NOW,
    OPENING,
    SERVICE,
    any_data,
    data,
    entries,
    ids,
    objects,
    plain,
    priorities,
    received,
)

from tertulia.actors.transport import codec
from tertulia.actors.transport.turns import TurnRequest, TurnResult
from tertulia.core.conversation.commands import (
    Assign,
    BotAnswer,
    Changes,
    Close,
    Command,
    Done,
    Edit,
    EndOffer,
    Entrust,
    Envelope,
    GiveBack,
    Handoff,
    MarkRead,
    Moved,
    Offer,
    Open,
    Outcome,
    Rate,
    Recall,
    Refused,
    Release,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Entry, EntryData, Message, kind_of
from tertulia.core.conversation.recent_messages import Recent
from tertulia.core.conversation.state import Conversation, OpenOffer, RoutingState, State
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import Write
from tertulia.storage.postgres.rows import (
    conversation_from_row,
    conversation_to_json,
    encode_data,
    entry_from_row,
)

times = st.integers(0, 2**42)
routings = st.builds(
    RoutingState,
    offer=st.none() | st.builds(OpenOffer, id=ids, agent_id=plain, expires_at=times),
    declined_by=st.lists(plain, max_size=3).map(tuple),
    strategy=st.none() | plain,
)
conversations = st.builds(
    Conversation,
    id=ids, account_id=ids, channel_id=ids, channel_type=plain, contact_id=ids, contact_identifier=plain,
    created_at=times, updated_at=times, waiting_since=times, topic=plain, contact_name=st.none() | plain,
    outlet_id=st.none() | ids, status=st.sampled_from(Status), priority=priorities, subject=st.none() | plain,
    labels=st.lists(plain, max_size=3).map(tuple), assignee_id=st.none() | plain, team_id=st.none() | ids,
    handoff_requested=st.booleans(), handoff_reason=st.none() | plain, bot_context=objects, metadata=objects,
    seq=st.integers(0, 2**31 - 1), unread_count=st.integers(0, 2**31 - 1), first_reply_at=st.none() | times,
    last_message_at=st.none() | times, last_message_preview=st.none() | plain, snoozed_until=st.none() | times,
    resolved_at=st.none() | times, archived_at=st.none() | times,
    csat_due=st.booleans(), routing=routings,
)  # fmt: skip


@pytest.mark.parametrize("kind", list(data), ids=lambda kind: kind.__name__)
def test_an_entry_survives_wire_and_row(kind: type[Any]) -> None:
    @searched(40)
    @given(entries(data[kind]))
    def check(entry: Entry) -> None:
        assert codec.decode_entries(codec.encode([entry])) == [entry]
        e = entry
        row = (
            e.account_id,
            e.conversation_id,
            e.seq,
            e.at,
            e.actor.type,
            e.actor.id,
            encode_data(e.data).decode(),
            e.position,
        )
        assert entry_from_row(row) == entry

    check()


@given(any_data)
def test_the_kind_is_stored_with_the_data(content: EntryData) -> None:
    assert msgspec.json.decode(encode_data(content))["kind"] == kind_of(content)


COMMANDS: list[Command] = [
    received("x", key="k", external_id="e", metadata={"a": [1]}), received("x").post, Open(OPENING, True),
    Update(Changes(labels=("a",), archived=True)), Update(Changes(), {"cart": [1]}, {"v": "1"}), Assign(None), Assign("a", "claim", True, EXPLAIN), Release("absent", "a"), Offer("o", "a", 3, EXPLAIN),
    EndOffer("o", "declined"), Entrust("t", "round_robin"), Handoff("r", "a"), GiveBack(),
    Close(), Rate(3, "c"), MarkRead(4), Recall(2),
    Edit("p", "m", 3, "new", "old", 7), BotAnswer("r", 4, "Hello", 0.5, {"name": "Ana"}, (("a", "Returns"),), "s", "w", "f", "m"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: type(c).__name__)
def test_every_command_survives_the_wire(command: Command) -> None:
    sent = [
        Envelope("e", "a", SERVICE, command, thread=ThreadKey("a", "c", "i", "t"), attempt=2),
        Envelope("f", "a", SERVICE, command, "c", fence=(1, 2)),
    ]
    assert codec.decode_envelopes(codec.encode(sent)) == sent
    requests = [TurnRequest(e, NOW, "live") for e in sent]
    assert codec.decode_turn_requests(codec.encode(requests)) == requests


@searched(40)
@given(st.lists(entries(), max_size=3), st.none() | conversations, st.booleans(), conversations)
def test_every_outcome_survives_the_wire(
    some: list[Entry], c: Conversation | None, repeated: bool, after: Conversation
) -> None:
    outcomes: list[Outcome] = [
        Done(tuple(some), c, repeated),
        Done(tuple(some), c, repeated, "the customer asked"),
        Moved(),
        Refused("conflict", "d", {"status": "open"}, (("a", "b"),), 1.5),
    ]
    assert codec.decode_outcomes(codec.encode(outcomes)) == outcomes
    (taken,) = codec.decode_turn_results(
        codec.encode([TurnResult(outcomes[0], Write(c, after, tuple(some), "k", (1, 2), 3))])
    )
    assert taken.outcome == outcomes[0] and taken.write is not None
    assert msgspec.structs.astuple(taken.write) == (c, after, tuple(some), "k", (1, 2), 3, None)


@searched(40)
@given(conversations, st.lists(entries(data[Message]), max_size=4))
def test_a_state_survives_the_wire(c: Conversation, recent: list[Entry]) -> None:
    state = State(c, Recent.of(recent))
    assert codec.decode_state(codec.encode(state)) == state


@given(conversations)
def test_a_row_names_every_field_that_has_a_value(c: Conversation) -> None:
    row = msgspec.json.decode(conversation_to_json(c))
    assert set(row) == {name for name, value in msgspec.structs.asdict(c).items() if value is not None}
    assert row["status"] == c.status and row["labels"] == list(c.labels) and row["metadata"] == c.metadata


@given(conversations)
def test_a_conversation_survives_its_columns(c: Conversation) -> None:
    columns = list(msgspec.structs.astuple(c))
    for index in (15, 20, 21, -2, -1):
        columns[index] = msgspec.json.encode(columns[index]).decode()
    columns[12] = columns[12].value
    assert conversation_from_row(columns) == c
