"""Any interleaving of commands keeps what a conversation is: numbered without a gap, one live one per thread, replayable."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import msgspec
import pytest
from fuzzing import searched
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from samples import (
    ACCOUNT,
    CHANNEL,
    NOW,
    OPENING,
    SERVICE,
    agent,
    conversation_id,
    customer,
    json_values,
    plain,
    said,
    to_conversation,
    to_thread,
    uid,
)

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.transport import codec
from tertulia.actors.transport.turns import TurnRequest, TurnResult
from tertulia.core.conversation.commands import (
    Assign,
    By,
    Changes,
    Close,
    Command,
    Done,
    Edit,
    Envelope,
    GiveBack,
    Handoff,
    MarkRead,
    Open,
    Post,
    Rate,
    Recall,
    Receive,
    Refused,
    Release,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Actor, Assigned, Edited, Entry, Message, Opened
from tertulia.core.conversation.projection import PREVIEW_LENGTH, amended, apply, edited_at
from tertulia.core.conversation.recent_messages import CONTEXT_SIZE
from tertulia.core.conversation.state import State
from tertulia.core.conversation.status import HELD, LIVE, Status
from tertulia.core.conversation.thread import Thread
from tertulia.core.errors import BY_CODE
from tertulia.core.turn.decide import open_conversation

THREADS = [
    ThreadKey(ACCOUNT, CHANNEL, name, topic) for name, topic in [("+1", ""), ("+2", ""), ("+2", "order")]
]
PEOPLE = [agent("ana"), agent("ben"), agent("lou", "lead"), agent("ada", "admin"), SERVICE]
KEYS = st.none() | st.sampled_from(["k1", "k2"])
NEW_VALUES = {
    "status": st.sampled_from(Status),
    "assignee_id": st.sampled_from(["ana", "ben", None]),
    "team_id": st.sampled_from(["sales", None]),
    "priority": st.sampled_from(["normal", "urgent"]),
    "labels": st.lists(st.sampled_from("abc")).map(tuple),
    "subject": st.none() | st.text(),
    "metadata": st.dictionaries(st.text(), json_values, max_size=2),
    "bot_context": st.dictionaries(st.text(), json_values, max_size=2),
    "contact_name": st.none() | st.text(),
    "outlet_id": st.none() | st.text(),
    "snoozed_until": st.none() | st.integers(-1, 10**18),
    "archived": st.booleans(),
}
ORDINARY = {"channel_id", "contact_identifier", "topic", "account_id", "id", "contact_id", "created_at"}


class World(RuleBasedStateMachine):
    """A host in miniature: finds the conversation of a thread key, takes turns, and keeps every entry."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.threads = {key: Thread("contact") for key in THREADS}
        self.actors: dict[str, ConversationActor] = {}
        self.entries: dict[str, list[Entry]] = {}
        self.applied: dict[str, Envelope] = {}
        self.numbers = itertools.count()

    # -- running a command

    def thread_of(self, key: str) -> Thread:
        c = self.actors[key].state.conversation
        return self.threads[ThreadKey(c.account_id, c.channel_id, c.contact_identifier, c.topic)]

    def run(self, envelope: Envelope) -> TurnResult:
        self.now += 1
        if envelope.conversation_id is not None:
            return self.turn(envelope, envelope.conversation_id, None)
        assert envelope.thread is not None
        thread = self.threads[envelope.thread]
        target = thread.target(envelope.command)  # type: ignore[arg-type]
        if target is not None:
            return self.turn(envelope, target, None)
        (data,) = open_conversation(envelope.thread, thread.contact_id, envelope.opening, "Carla")
        opening = Entry(ACCOUNT, conversation_id(), 0, self.now, Actor("contact"), data)
        self.actors[opening.conversation_id] = ConversationActor(apply(None, opening), uid)
        thread.live = opening.conversation_id
        taken = self.turn(envelope, opening.conversation_id, opening)
        if taken.write is None:  # refused: it never was
            del self.actors[opening.conversation_id]
            thread.live = None
        return taken

    def turn(self, envelope: Envelope, key: str, opening: Entry | None) -> TurnResult:
        actor, thread = self.actors[key], self.thread_of(key)
        before = actor.state
        frozen = copy.deepcopy(before)
        taken = actor.turn(TurnRequest(envelope, self.now, thread.live, opening))
        assert before == frozen, "a turn changed a state instead of making a new one"
        self.check(envelope, taken, before, actor.state, opening)
        if taken.write is not None:
            for entry in taken.write.entries:
                self.store(key, entry)
            thread.note(taken.write.after)
        return taken

    def store(self, key: str, entry: Entry) -> None:
        """As the journal does: an edit shows in the message's own entry as well, unless a newer one was there."""
        entries = self.entries.setdefault(key, [])
        if isinstance(edit := entry.data, Edited):
            old = entries[edit.message_seq]
            assert isinstance(old.data, Message)
            if edited_at(old.data) < edit.edited_at:
                entries[edit.message_seq] = amended(old, edit)
        entries.append(entry)

    def check(
        self, envelope: Envelope, taken: TurnResult, before: State, after: State, opening: Entry | None
    ) -> None:
        if isinstance(taken.outcome, Refused):
            assert taken.write is None and after is before
            assert taken.outcome.code in BY_CODE and taken.outcome.code != "internal"
        elif taken.write is None:
            assert after is before
        else:
            assert taken.write.after is after.conversation
            assert taken.write.before is (None if opening else before.conversation)
            assert taken.write.key == envelope.key()
            fixed = {name: getattr(before.conversation, name) for name in ORDINARY}
            assert fixed == {name: getattr(after.conversation, name) for name in ORDINARY}
        assert codec.decode_turn_results(codec.encode([taken]))[0].outcome == taken.outcome

    def some(self, number: int) -> str | None:
        return list(self.actors)[number % len(self.actors)] if self.actors else None

    def ask(self, number: int, by: By, command: Command) -> TurnResult | None:
        key = self.some(number)
        return None if key is None else self.run(to_conversation(command, key, by))

    # -- what people do

    @rule(thread=st.sampled_from(THREADS), content=plain, key=KEYS, provider=KEYS, bad=st.booleans())
    def receive(
        self, thread: ThreadKey, content: str, key: str | None, provider: str | None, bad: bool
    ) -> None:
        post = said(content, key=key, external_id=provider, is_private=bad)
        taken = self.run(to_thread(Receive(OPENING, post), thread))
        if bad and key is None and provider is None:
            assert isinstance(taken.outcome, Refused)

    @rule(thread=st.sampled_from(THREADS), find=st.booleans(), by=st.sampled_from(PEOPLE))
    def open(self, thread: ThreadKey, find: bool, by: By) -> None:
        live = self.threads[thread].live
        taken = self.run(to_thread(Open(OPENING, find), thread, by))
        if live is not None and not find:
            assert isinstance(taken.outcome, Refused)
            assert taken.outcome.current is not None and taken.outcome.current["conversation_id"] == live
        else:
            assert isinstance(taken.outcome, Done) and taken.outcome.conversation is not None
            assert taken.outcome.repeated == (live is not None)
            assert live is None or taken.outcome.conversation.id == live

    @rule(
        number=st.integers(0),
        by=st.sampled_from(PEOPLE),
        sender=st.sampled_from(["contact", "agent", "bot", "system"]),
        content=plain,
        private=st.booleans(),
        key=KEYS,
    )
    def post(self, number: int, by: By, sender: Any, content: str, private: bool, key: str | None) -> None:
        self.ask(number, by, Post(sender, content, is_private=private, key=key))

    @rule(number=st.integers(0), thread=st.sampled_from(THREADS), content=plain)
    def customer_posts(self, number: int, thread: ThreadKey, content: str) -> None:
        """Perhaps into somebody else's conversation."""
        key = self.some(number)
        if key is None:
            return
        c = self.actors[key].state.conversation
        taken = self.run(to_conversation(said(content), key, customer(thread)))
        if c.contact_identifier != thread.identifier:
            assert isinstance(taken.outcome, Refused) and taken.outcome.code == "not_found"

    @rule(
        number=st.integers(0),
        by=st.sampled_from(PEOPLE),
        changes=st.fixed_dictionaries({}, optional=NEW_VALUES).map(lambda given: Changes(**given)),
    )
    def update(self, number: int, by: By, changes: Changes) -> None:
        self.ask(number, by, Update(changes))

    @rule(
        number=st.integers(0), by=st.sampled_from(PEOPLE), status=st.sampled_from(Status),
        assignee=st.sampled_from(["ana", "ben", None]), assigns=st.booleans(),
    )  # fmt: skip
    def patch(self, number: int, by: By, status: Status, assignee: str | None, assigns: bool) -> None:
        self.ask(
            number, by, Update(Changes(status=status, assignee_id=assignee if assigns else msgspec.UNSET))
        )

    @rule(number=st.integers(0), by=st.sampled_from(PEOPLE), to=st.sampled_from(["ana", "ben", "lou", None]))
    def assign(self, number: int, by: By, to: str | None) -> None:
        self.ask(number, by, Assign(to))

    @rule(
        number=st.integers(0),
        by=st.sampled_from(PEOPLE),
        command=st.sampled_from(
            [Release(), Handoff("angry"), Handoff("angry", "ana"), GiveBack(), Close(), Rate(4), Rate(9)]
        ),
    )
    def others(self, number: int, by: By, command: Command) -> None:
        self.ask(number, by, command)

    @rule(
        number=st.integers(0),
        pick=st.integers(0),
        by=st.sampled_from(PEOPLE),
        content=plain,
        at=st.integers(1, 9),
    )
    def edit(self, number: int, pick: int, by: By, content: str, at: int) -> None:
        """Of any message, as stored, in any order of times."""
        key = self.some(number)
        messages = [e for e in self.entries[key] if isinstance(e.data, Message)] if key else []
        if key is None or not messages:
            return
        stored = messages[pick % len(messages)]
        message = stored.data
        assert isinstance(message, Message)
        before = self.actors[key].state
        edit = Edit("p", message.id, stored.seq, content, message.content, at)
        taken = self.run(to_conversation(edit, key, by))
        after = self.actors[key].state
        assert after.conversation.unread_count == before.conversation.unread_count
        if by.role != "service":
            assert isinstance(taken.outcome, Refused) and taken.outcome.code == "forbidden"
            return
        assert isinstance(taken.outcome, Done)
        recent = {e.data.id: e.data for e in after.messages() if isinstance(e.data, Message)}
        if message.id in recent:
            newest = max(at, edited_at(message))
            assert edited_at(recent[message.id]) in (newest, edited_at(message))
            if at > edited_at(message):
                assert recent[message.id].content == content
        public = [e.data for e in after.messages() if isinstance(e.data, Message) and not e.data.is_private]
        if public:
            assert after.conversation.last_message_preview == public[-1].content[:PREVIEW_LENGTH]

    @rule(number=st.integers(0), by=st.sampled_from(PEOPLE), seq=st.integers(0, 40))
    def mark_read(self, number: int, by: By, seq: int) -> None:
        key = self.some(number)
        if key is None:
            return
        before = self.actors[key].state.conversation
        self.run(to_conversation(MarkRead(seq), key, by))
        after = self.actors[key].state.conversation
        assert after.unread_count <= before.unread_count
        if seq >= before.seq:
            assert after.unread_count == 0
        unread = [
            e for e in self.entries[key] if isinstance(e.data, Message) and e.data.direction == "inbound"
        ]
        assert after.unread_count >= min(before.unread_count, sum(e.seq > seq for e in unread))

    @rule(number=st.integers(0), count=st.integers(1, 8))
    def recall(self, number: int, count: int) -> None:
        taken = self.ask(number, PEOPLE[0], Recall(count))
        if taken is None:
            return
        assert taken.write is None and isinstance(taken.outcome, Done)
        key = self.some(number)
        assert key is not None
        messages = [e for e in self.entries[key] if isinstance(e.data, Message)][-CONTEXT_SIZE:]
        public = [e for e in messages if not e.data.is_private]  # type: ignore[union-attr]
        assert list(taken.outcome.entries) == public[-count:]

    @rule(number=st.integers(0), thread=st.sampled_from(THREADS))
    def repeats(self, number: int, thread: ThreadKey) -> None:
        """The same key twice in a row has one effect, and the first answer."""
        envelope = to_thread(Receive(OPENING, said("once", key=f"r{next(self.numbers)}")), thread)
        first = self.run(envelope)
        count = sum(map(len, self.entries.values()))
        second = self.run(msgspec.structs.replace(envelope, id=uid()))
        assert isinstance(first.outcome, Done) and isinstance(second.outcome, Done)
        assert second.outcome.entries == first.outcome.entries and second.outcome.repeated
        assert sum(map(len, self.entries.values())) == count
        other = self.run(
            to_thread(Receive(OPENING, said("twice", key=envelope.command.post.key)), thread)  # type: ignore[union-attr]
        )
        assert isinstance(other.outcome, Refused) and other.outcome.code == "conflict"

    # -- what holds

    @invariant()
    def numbered_without_a_gap(self) -> None:
        for key, actor in self.actors.items():
            entries = self.entries[key]
            assert [e.seq for e in entries] == list(range(len(entries)))
            assert isinstance(entries[0].data, Opened) and actor.state.conversation.seq == len(entries) - 1

    @invariant()
    def one_live_conversation_a_thread(self) -> None:
        for key, thread in self.threads.items():
            mine = [
                a.state.conversation for a in self.actors.values()
                if (a.state.conversation.contact_identifier, a.state.conversation.topic) == (key.identifier, key.topic)
            ]  # fmt: skip
            assert [c.id for c in mine if c.status in LIVE] == ([thread.live] if thread.live else [])
            resolved = sorted((c.id for c in mine if c.status is Status.RESOLVED), reverse=True)
            assert list(thread.resolved) == resolved

    @invariant()
    def an_assignee_exactly_while_held(self) -> None:
        for actor in self.actors.values():
            c = actor.state.conversation
            if c.status in LIVE:
                assert (c.assignee_id is not None) == (c.status in HELD)

    @invariant()
    def replay_equals_state(self) -> None:
        for key, actor in self.actors.items():
            state: State | None = None
            for entry in codec.decode_entries(codec.encode(self.entries[key])):
                state = apply(state, entry)
            assert state is not None
            # the read marker is not an entry
            unread = actor.state.conversation.unread_count
            assert unread <= state.conversation.unread_count
            replayed = msgspec.structs.replace(state.conversation, unread_count=unread)
            assert State(replayed, state.recent) == actor.state


World.TestCase.settings = searched(50, steps=30)
TestWorld = World.TestCase


def test_an_entry_before_the_opening_is_a_mistake() -> None:
    entry = Entry(ACCOUNT, "c", 1, NOW, Actor("system"), Assigned("x", None))
    with pytest.raises(ValueError, match="before its opening"):
        apply(None, entry)


def test_a_fault_of_ours_is_an_answer_and_changes_nothing() -> None:
    opened = Entry(ACCOUNT, conversation_id(), 0, NOW, Actor("system"), Opened(CHANNEL, "webchat", "x", "+1"))

    def broken() -> str:
        raise RuntimeError("no ids")

    actor = ConversationActor(apply(None, opened), broken)
    before = actor.state
    taken = actor.turn(TurnRequest(to_conversation(said(), opened.conversation_id, SERVICE), NOW))
    assert isinstance(taken.outcome, Refused) and taken.outcome.code == "internal"
    assert actor.state is before and taken.write is None
