"""Who may send which command, and its result."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from samples import (
    ACCOUNT,
    CHANNEL,
    CONTACT,
    NOW,
    OPENING,
    SERVICE,
    THREAD,
    agent,
    answered,
    customer,
    said,
    to_conversation,
    uid,
)

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.transport.turns import TurnRequest
from tertulia.core.conversation.commands import (
    Assign,
    By,
    Changes,
    Close,
    Command,
    Edit,
    GiveBack,
    Handoff,
    MarkRead,
    NotifyLeads,
    Offer,
    Open,
    Rate,
    Recall,
    Receive,
    Refused,
    Release,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import (
    Actor,
    Assigned,
    ChangedFields,
    Edited,
    Entry,
    EntryData,
    HandoffRequested,
    LeadsNotified,
    Message,
    OfferEnded,
    Rated,
    StatusChanged,
    Updated,
)
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.recent_messages import Recent
from tertulia.core.conversation.state import Conversation, OpenOffer, RoutingState, State
from tertulia.core.conversation.status import FINAL, HELD, Status
from tertulia.core.errors import Conflict, Forbidden, Invalid, NotFound, TertuliaError
from tertulia.core.turn.context import Turn
from tertulia.core.turn.decide import check_party, decide, repeated

ANA, BEN = agent("ana"), agent("ben")
LEAD, ADMIN = agent("lou", "lead"), agent("ada", "admin")
CUSTOMER = customer()
ROLES = {"assignee": ANA, "agent": BEN, "lead": LEAD, "admin": ADMIN, "service": SERVICE}


def conversation(status: Status = Status.OPEN, **fields: Any) -> State:
    held = "ana" if status in HELD else None
    values = {"assignee_id": held, "seq": 3, "channel_type": "webchat"} | fields
    return State(
        Conversation(
            id="c", account_id=ACCOUNT, channel_id=CHANNEL, contact_id=CONTACT,
            contact_identifier=THREAD.identifier, created_at=NOW, updated_at=NOW, waiting_since=NOW, status=status,
            **values,
        )
    )  # fmt: skip


def ask(state: State, by: By, command: Command, live_id: str | None = None) -> tuple[EntryData, ...]:
    return decide(state, by, command, Turn(NOW, lambda: "id", live_id))


def kinds(entries: tuple[EntryData, ...]) -> list[type[Any]]:
    return [type(e) for e in entries]


# --- whom routing tells


def test_leads_are_told_once_while_it_is_open_by_routing_alone() -> None:
    state = conversation(priority="urgent")
    (told,) = ask(state, SERVICE, NotifyLeads())
    assert isinstance(told, LeadsNotified) and told.summary["priority"] == "urgent"
    after = apply(state, Entry(ACCOUNT, "c", 4, NOW, Actor("system"), told))
    assert ask(after, SERVICE, NotifyLeads()) == ()
    assert ask(conversation(Status.ASSIGNED), SERVICE, NotifyLeads()) == ()
    for by in (ANA, LEAD, ADMIN, CUSTOMER):
        with pytest.raises(Forbidden):
            ask(state, by, NotifyLeads())


# --- assigning

FREE = [Status.OPEN, Status.BOT]


@pytest.mark.parametrize("status", FREE)
@pytest.mark.parametrize("role", ROLES)
def test_anybody_claims_what_is_free(status: Status, role: str) -> None:
    by = ROLES[role]
    assigned, changed = ask(conversation(status), by, Assign(by.id))
    assert isinstance(assigned, Assigned) and (assigned.agent_id, assigned.previous_agent_id) == (by.id, None)
    assert changed == StatusChanged(status, Status.ASSIGNED)


@pytest.mark.parametrize("role", ROLES)
def test_assigning_to_others_is_for_overseers(role: str) -> None:
    by, state = ROLES[role], conversation()
    if role in ("lead", "admin", "service"):
        assert kinds(ask(state, by, Assign("zoe"))) == [Assigned, StatusChanged]
    else:
        with pytest.raises(Forbidden):
            ask(state, by, Assign("zoe"))


@pytest.mark.parametrize("status", sorted(HELD))
@pytest.mark.parametrize("role", ROLES)
def test_an_agents_conversation_is_passed_on_by_them_or_an_overseer(status: Status, role: str) -> None:
    by, state = ROLES[role], conversation(status)
    if role == "agent":
        for command in (Assign("ben"), Assign("zoe"), Update(Changes(assignee_id="ben"))):
            with pytest.raises(Conflict) as refused:
                ask(state, by, command)
            assert refused.value.current == {"status": status, "assignee_id": "ana"}
        with pytest.raises(Conflict):
            ask(state, by, Release())
        with pytest.raises(Conflict):
            ask(state, by, Assign(None))
        return
    entries = ask(state, by, Assign("zoe"))
    assert isinstance(entries[0], Assigned) and entries[0].previous_agent_id == "ana"
    assert kinds(entries[1:]) == ([StatusChanged] if status is Status.PENDING else [])
    for command in (Release(), Assign(None), Update(Changes(assignee_id=None))):
        freed, changed = ask(state, by, command)
        assert isinstance(freed, Assigned) and (freed.agent_id, freed.previous_agent_id) == (None, "ana")
        assert changed == StatusChanged(status, Status.OPEN, None)


@pytest.mark.parametrize("status", sorted(HELD))
def test_assigning_to_whom_it_is_assigned_changes_nothing(status: Status) -> None:
    assert ask(conversation(status), BEN, Assign("ana")) == ()


@pytest.mark.parametrize("status", [s for s in Status if s not in HELD])
def test_nobody_is_released_where_nobody_holds(status: Status) -> None:
    assert ask(conversation(status), LEAD, Assign(None)) == ()
    with pytest.raises(Conflict):
        ask(conversation(status), LEAD, Release())


# --- hand-off, closing, expiry, rating


def test_a_hand_off_frees_the_conversation_or_names_an_agent() -> None:
    assert kinds(ask(conversation(Status.BOT), SERVICE, Handoff("angry"))) == [
        HandoffRequested,
        StatusChanged,
    ]
    assert kinds(ask(conversation(), SERVICE, Handoff("angry"))) == [HandoffRequested]
    held = ask(conversation(Status.ASSIGNED), ANA, Handoff("angry"))
    assert kinds(held) == [HandoffRequested, Assigned, StatusChanged]
    assert held[1].agent_id is None  # type: ignore[union-attr]
    named = ask(conversation(Status.BOT), SERVICE, Handoff("angry", "zoe"))
    assert kinds(named) == [HandoffRequested, Assigned, StatusChanged]
    assert named[1].agent_id == "zoe"  # type: ignore[union-attr]
    with pytest.raises(Forbidden):
        ask(conversation(), BEN, Handoff("angry", "zoe"))
    with pytest.raises(Conflict):
        ask(conversation(Status.RESOLVED), SERVICE, Handoff("angry"))


@pytest.mark.parametrize("status", sorted(HELD))
@pytest.mark.parametrize("role", ROLES)
def test_what_an_agent_holds_is_handed_off_and_given_back_by_them_or_an_overseer(
    status: Status, role: str
) -> None:
    by, state = ROLES[role], conversation(status)
    commands = (Handoff("angry"), Handoff("angry", "zoe"), GiveBack())
    if role == "agent":
        for command in commands:
            with pytest.raises(Conflict) as refused:
                ask(state, by, command)
            assert "ana" in refused.value.detail
            assert refused.value.current == {"status": status, "assignee_id": "ana"}
        return
    for command, to in zip(commands, ("open", "assigned", "bot"), strict=True):
        assigned = next(e for e in ask(state, by, command) if isinstance(e, Assigned))
        assert assigned.previous_agent_id == "ana"
        changed = [e for e in ask(state, by, command) if isinstance(e, StatusChanged)]
        assert changed == ([] if to == status else [StatusChanged(status, Status(to))])


@pytest.mark.parametrize("role", ROLES)
def test_what_waits_is_given_back_to_the_bot_by_overseers(role: str) -> None:
    by, state = ROLES[role], conversation()
    if role in ("lead", "admin", "service"):
        assert ask(state, by, GiveBack()) == (StatusChanged(Status.OPEN, Status.BOT),)
    else:
        with pytest.raises(Conflict):
            ask(state, by, GiveBack())


@pytest.mark.parametrize("status", [Status.OPEN, *sorted(HELD)])
def test_given_back_to_the_bot_a_conversation_asks_for_nobody(status: Status) -> None:
    collected = {"name": "Carla", "_collecting": {"fields": ["name", "email"]}}
    state = conversation(status, handoff_requested=True, handoff_reason="angry", bot_context=collected)
    for seq, data in enumerate(ask(state, LEAD, GiveBack()), 4):
        state = apply(state, Entry(ACCOUNT, "c", seq, NOW, Actor("agent"), data))
    c = state.conversation
    assert (c.status, c.assignee_id, c.handoff_requested, c.handoff_reason) == (Status.BOT, None, False, None)
    assert c.bot_context == {"name": "Carla"} and c.routing.declined_by == ()


def test_an_open_offer_ends_when_the_bot_gets_the_conversation() -> None:
    routing = RoutingState(offer=OpenOffer("o", "zoe", NOW + 30_000))
    entries = ask(conversation(routing=routing), LEAD, GiveBack())
    assert entries == (OfferEnded("o", "zoe", "withdrawn"), StatusChanged(Status.OPEN, Status.BOT))


def test_only_a_service_expires() -> None:
    for by in (ANA, LEAD, ADMIN):
        with pytest.raises(Forbidden):
            ask(conversation(), by, Update(Changes(status=Status.EXPIRED)))
    assert ask(conversation(), SERVICE, Update(Changes(status=Status.EXPIRED))) == (
        StatusChanged(Status.OPEN, Status.EXPIRED),
    )


def test_closing_twice_is_closing_once() -> None:
    assert ask(conversation(Status.CLOSED), ANA, Close()) == ()
    with pytest.raises(Conflict):
        ask(conversation(Status.EXPIRED), ANA, Close())


def test_the_customer_rates_or_a_service_for_them() -> None:
    for by in (CUSTOMER, SERVICE):
        assert ask(conversation(Status.RESOLVED, csat_due=True), by, Rate(5, "good")) == (Rated(5, "good"),)
    for by in (ANA, LEAD, ADMIN):
        with pytest.raises(Forbidden):
            ask(conversation(), by, Rate(5))
    for score in (0, 6, -1):
        with pytest.raises(Invalid):
            ask(conversation(csat_due=True), CUSTOMER, Rate(score))


def test_a_resolution_takes_one_score() -> None:
    """Due from a resolution until its score, whatever becomes of the conversation in between."""
    state, seq = conversation(), 3

    def then(by: By, command: Command) -> None:
        nonlocal state, seq
        for data in ask(state, by, command):
            seq += 1
            state = apply(state, Entry(ACCOUNT, "c", seq, NOW, Actor("contact"), data))

    def refused() -> None:
        with pytest.raises(Conflict) as caught:
            ask(state, CUSTOMER, Rate(5))
        assert caught.value.current == {"status": state.conversation.status}

    refused()
    then(ANA, Update(Changes(assignee_id="ana", status=Status.RESOLVED)))
    then(CUSTOMER, said("thanks"))
    assert state.conversation.status is Status.OPEN
    then(CUSTOMER, Rate(5))
    refused()
    then(ANA, Update(Changes(status=Status.RESOLVED)))
    then(LEAD, Close())
    then(SERVICE, Rate(1))
    refused()


# --- edits

MESSAGE = uid()


def written(**metadata: Any) -> State:
    """A conversation with one message in memory, number 3."""
    message = Message(MESSAGE, "inbound", "contact", "+100", "old", external_id="p", metadata=metadata)
    entry = Entry(ACCOUNT, "c", 3, NOW, Actor("contact"), message)
    return State(conversation().conversation, Recent.of([entry]))


@pytest.mark.parametrize(
    ("state", "command", "previous"),
    [
        (written(), Edit("p", MESSAGE, 0, "new", "stale", 5), "old"),
        (written(edited_at=4), Edit("p", MESSAGE, 3, "new", "old", 5), "old"),
        (written(edited_at=5), Edit("p", MESSAGE, 3, "new", "old", 5), None),
        (written(edited_at=6), Edit("p", MESSAGE, 3, "new", "old", 5), None),
        (written(), Edit("p", MESSAGE, 3, "old", "old", 5), None),
        (conversation(), Edit("p", MESSAGE, 3, "new", "as stored", 5), "as stored"),
        (conversation(), Edit("p", MESSAGE, 3, "same", "same", 5), None),
        (conversation(Status.CLOSED), Edit("p", MESSAGE, 3, "new", "old", 5), "old"),
    ],
)
def test_the_newest_edit_counts(state: State, command: Edit, previous: str | None) -> None:
    expected = () if previous is None else (Edited(MESSAGE, 3, "new", previous, 5),)
    assert ask(state, SERVICE, command) == expected


def test_only_the_provider_edits_at_a_time_that_can_be_written() -> None:
    for by in (CUSTOMER, ANA, LEAD, ADMIN):
        with pytest.raises(Forbidden):
            ask(written(), by, Edit("p", MESSAGE, 3, "new", "old", 5))
    for at in (-1, 10**16):
        with pytest.raises(Invalid):
            ask(written(), SERVICE, Edit("p", MESSAGE, 3, "new", "old", at))


# --- customers


@pytest.mark.parametrize(
    "command",
    [Update(Changes(subject="x")), Assign(THREAD.identifier), Assign(None), Release(), Handoff("x"), GiveBack(), Close(),
     MarkRead(1)],
    ids=lambda c: type(c).__name__,
)  # fmt: skip
def test_what_customers_may_not_do(command: Command) -> None:
    with pytest.raises(Forbidden):
        ask(conversation(), CUSTOMER, command)


@pytest.mark.parametrize(
    "command",
    [
        said(),
        said(key="k"),
        Receive(OPENING, said()),
        Open(OPENING, find=True),
        Rate(1),
        Recall(4),
        Close(),
        Update(Changes()),
    ],
    ids=lambda c: type(c).__name__,
)
@pytest.mark.parametrize("other", ["channel", "identifier"])
def test_another_customers_conversation_is_not_found(command: Command, other: str) -> None:
    thread = (
        ThreadKey(ACCOUNT, "other", THREAD.identifier)
        if other == "channel"
        else ThreadKey(ACCOUNT, CHANNEL, "+1")
    )
    with pytest.raises(NotFound):
        check_party(conversation().conversation, ACCOUNT, customer(thread))
    known = Message("m", "inbound", "contact", "+100", "hi", client_message_id="k")
    state = State(
        conversation().conversation, Recent.of([Entry(ACCOUNT, "c", 1, NOW, Actor("contact"), known)])
    )
    for by, account in ((customer(thread), ACCOUNT), (ANA, "another")):
        actor = ConversationActor(state, lambda: "id")
        taken = actor.turn(TurnRequest(to_conversation(command, "c", by, account=account), NOW))
        assert isinstance(taken.outcome, Refused) and taken.outcome.code == "not_found"


def test_customers_write_as_themselves() -> None:
    for post in (answered(), answered(is_private=True), said(is_private=True)):
        with pytest.raises((Forbidden, Invalid)):
            ask(conversation(), CUSTOMER, post)
    (message,) = ask(conversation(), CUSTOMER, said("hi"))
    assert isinstance(message, Message)
    assert (message.direction, message.sender_id) == ("inbound", THREAD.identifier)
    assert message.delivery_status is None


# --- messages


@pytest.mark.parametrize(
    ("channel_type", "status"), [("webchat", "sent"), ("whatsapp", "queued"), ("email", "queued")]
)
def test_what_goes_to_a_provider_starts_queued(channel_type: str, status: str) -> None:
    state = conversation(channel_type=channel_type)
    for by, post, expected in (
        (ANA, answered(), status),
        (ANA, answered(is_private=True), None),
        (CUSTOMER, said(), None),
    ):
        message = ask(state, by, post)[-1]
        assert isinstance(message, Message) and message.delivery_status == expected


@pytest.mark.parametrize("status", list(Status))
def test_a_customers_message(status: Status) -> None:
    if status in FINAL:
        with pytest.raises(Conflict):
            ask(conversation(status), CUSTOMER, said())
        return
    back = {Status.PENDING: Status.ASSIGNED, Status.RESOLVED: Status.OPEN}.get(status)
    *before, message = ask(conversation(status), CUSTOMER, said())
    assert before == ([StatusChanged(status, back)] if back else []) and isinstance(message, Message)


def test_a_snooze_keeps_routing_away_until_the_customer_writes() -> None:
    snooze = Update(Changes(snoozed_until=NOW + 1))
    offered = conversation(routing=RoutingState(OpenOffer("o", "ana", NOW + 9)))
    assert ask(offered, LEAD, snooze) == (
        OfferEnded("o", "ana", "withdrawn"),
        Updated(ChangedFields(snoozed_until=NOW + 1)),
    )
    snoozed = conversation(snoozed_until=NOW + 1)
    assert not snoozed.conversation.waits and conversation().conversation.waits
    for command in (Assign("ana", "routing", only_waiting=True), Offer("o", "ana", NOW + 9)):
        with pytest.raises(Conflict, match="no longer waits"):
            ask(snoozed, SERVICE, command)
    assert kinds(ask(snoozed, ANA, Assign("ana"))) == [Assigned, StatusChanged]
    assert kinds(ask(snoozed, ANA, answered())) == [Message]
    awake = Updated(ChangedFields(snoozed_until=None))
    assert ask(snoozed, CUSTOMER, said())[:-1] == (awake,)
    reopened = ask(conversation(Status.RESOLVED, snoozed_until=NOW + 1), CUSTOMER, said())
    assert reopened[:-1] == (awake, StatusChanged(Status.RESOLVED, Status.OPEN))


@pytest.mark.parametrize("status", list(Status))
def test_an_agents_message_changes_no_status(status: Status) -> None:
    if status in FINAL:
        with pytest.raises(Conflict):
            ask(conversation(status), ANA, answered())
    else:
        assert kinds(ask(conversation(status), ANA, answered())) == [Message]


def test_nothing_reopens_beside_a_newer_live_conversation() -> None:
    state = conversation(Status.RESOLVED)
    for by, command in ((CUSTOMER, said()), (ANA, Update(Changes(status=Status.OPEN)))):
        with pytest.raises(Conflict) as refused:
            ask(state, by, command, live_id="newer")
        assert refused.value.current == {"status": "resolved", "live_conversation_id": "newer"}
        assert ask(state, by, command, live_id="c")
        assert ask(state, by, command)


def test_a_repeated_key_is_known_by_its_sender_and_content() -> None:
    message = Message("m", "outbound", "agent", "ana", "hello", client_message_id="k")
    entry = Entry(ACCOUNT, "c", 1, NOW, Actor("agent", "ana"), message)
    state = State(conversation().conversation, Recent.of([entry]))
    assert repeated(state, ANA, answered("hello", key="k")) == entry
    assert repeated(state, BEN, answered("hello", key="k")) is None
    assert repeated(state, ANA, answered("hello", key="other")) is None
    assert repeated(state, ANA, said("hello", key="k")) is None
    assert repeated(state, ANA, answered("hello")) is None
    for other in (
        answered("bye", key="k"),
        answered("hello", key="k", is_private=True),
        answered("hello", key="k", content_type="html"),
        answered("hello", key="k", reply_to="m"),
    ):
        with pytest.raises(Conflict) as refused:
            repeated(state, ANA, other)
        assert refused.value.current == {"message_id": "m"}


def test_a_providers_repeat_is_known_by_its_id_alone() -> None:
    message = Message("m", "inbound", "contact", "+100", "hello", external_id="x")
    entry = Entry(ACCOUNT, "c", 1, NOW, Actor("contact"), message)
    state = State(conversation().conversation, Recent.of([entry]))
    assert repeated(state, CUSTOMER, said("something else", external_id="x")) == entry
    assert repeated(state, CUSTOMER, said("hello", external_id="y")) is None


# --- changes


def test_only_what_changes_is_an_entry() -> None:
    state = conversation(subject="a", labels=("x",), metadata={"n": 1})
    assert ask(state, ANA, Update(Changes(subject="a", labels=("x",), metadata={"n": 1}))) == ()
    assert ask(state, ANA, Update(Changes(subject="b", labels=("x",)))) == (
        Updated(ChangedFields(subject="b")),
    )
    assert ask(state, ANA, Update(Changes(archived=False))) == ()
    assert ask(state, ANA, Update(Changes(archived=True))) == (Updated(ChangedFields(archived_at=NOW)),)
    archived = conversation(archived_at=5)
    assert ask(archived, ANA, Update(Changes(archived=True))) == ()
    assert ask(archived, ANA, Update(Changes(archived=False))) == (Updated(ChangedFields(archived_at=None)),)


@pytest.mark.parametrize(
    "stored, given, kept",
    [
        (None, ["a"], ["a"]),
        (["a"], ["b", "a"], ["a", "b"]),
        (["a", "b"], [], ["a", "b"]),
        (["a"], None, None),
        (["a"], "b", "b"),
        ("a", ["b"], ["b"]),
        ([1, {"n": 1}], [True, {"n": 1}, 2, 2], [1, {"n": 1}, True, 2]),
    ],
)
def test_lists_of_a_context_are_joined_where_a_command_says_so(stored: Any, given: Any, kept: Any) -> None:
    state = conversation(bot_context={"ids": stored, "more": ["a"]})
    command = Update(context={"ids": given, "more": ["b"]}, joins=("ids", "others"))
    (updated,) = ask(state, SERVICE, command)
    expected = Updated(ChangedFields(bot_context={"ids": kept, "more": ["b"]}))
    assert msgspec.json.encode(updated) == msgspec.json.encode(expected)


def test_a_change_of_everything_is_one_command() -> None:
    entries = ask(conversation(), ANA, Update(Changes(subject="b", assignee_id="ana", status=Status.PENDING)))
    assert kinds(entries) == [Updated, Assigned, StatusChanged, StatusChanged]
    assert entries[2:] == (
        StatusChanged(Status.OPEN, Status.ASSIGNED),
        StatusChanged(Status.ASSIGNED, Status.PENDING),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [1]},
        {"labels": "abc"},
        {"labels": None},
        {"priority": "huge"},
        {"priority": None},
        {"metadata": [1]},
        {"metadata": None},
        {"snoozed_until": "tomorrow"},
        {"snoozed_until": 1.5},
        {"archived": "yes"},
        {"subject": 7},
        {"status": "sleeping"},
        {"status": []},
        {"assignee_id": {}},
    ],
    ids=str,
)
def test_changes_of_another_type_are_not_decoded(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(changes, Changes)


@pytest.mark.parametrize("field", ["seq", "id", "account_id", "archived_at", "nonsense"])
def test_no_other_fields_change(field: str) -> None:
    assert ask(conversation(), ADMIN, Update(msgspec.convert({field: "x"}, Changes))) == ()


@pytest.mark.parametrize("time", [-1, 10**18])
def test_a_time_that_cannot_be_expressed_is_refused(time: int) -> None:
    with pytest.raises(TertuliaError) as refused:
        ask(conversation(), ADMIN, Update(Changes(snoozed_until=time)))
    assert refused.value.code == "invalid"
    assert [path for path, _ in refused.value.errors] == ["snoozed_until"]
