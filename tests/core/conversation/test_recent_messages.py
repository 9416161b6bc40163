"""Packed messages behave like a plain list of messages, whatever is written, changed and read."""

from __future__ import annotations

from typing import Any

from fuzzing import searched
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace
from samples import ACCOUNT, data, entries, optional

from tertulia.core.conversation.entries import Actor, Entry, Message
from tertulia.core.conversation.recent_messages import CONTEXT_SIZE, Recent

messages: st.SearchStrategy[Any] = entries(data[Message])


class Packed(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.recent = Recent()
        self.model: list[Entry] = []

    @rule(entry=messages)
    def one_more(self, entry: Entry) -> None:
        before, packed = self.recent, self.recent.packed
        self.recent = before.then(entry)
        assert before.packed is packed, "the messages a turn began with must outlive it"
        self.model.append(replace(entry, account_id=ACCOUNT, conversation_id="c"))

    @rule(several=st.lists(messages, max_size=CONTEXT_SIZE + 3))
    def loaded_anew(self, several: list[Entry]) -> None:
        self.model = [replace(e, account_id=ACCOUNT, conversation_id="c") for e in several]
        self.recent = Recent.of(several)

    @rule()
    def taken_apart_and_packed_again(self) -> None:
        again = Recent.of(self.recent.entries(ACCOUNT, "c"))
        assert again == self.recent
        self.recent = again

    @rule(name=optional)
    def asked_for_a_name(self, name: str | None) -> None:
        if not self.recent.may_hold(name):
            assert name is None or name not in self.names()

    def names(self) -> set[str | None]:
        kept = [e.data for e in self.model[-CONTEXT_SIZE:]]
        return {name for m in kept if isinstance(m, Message) for name in (m.client_message_id, m.external_id)}

    @invariant()
    def holds_the_newest(self) -> None:
        assert list(self.recent.entries(ACCOUNT, "c")) == self.model[-CONTEXT_SIZE:]
        assert all(self.recent.may_hold(name) for name in self.names() - {None})

    @invariant()
    def heads_are_the_beginnings_of_the_entries(self) -> None:
        kept = [(e, e.data) for e in self.model[-CONTEXT_SIZE:] if isinstance(e.data, Message)]
        assert [
            (h.seq, h.at, h.id, h.sender_type, h.sender_id, h.content, h.is_private)
            for h in self.recent.heads()
        ] == [(e.seq, e.at, m.id, m.sender_type, m.sender_id, m.content, m.is_private) for e, m in kept]


Packed.TestCase.settings = searched(20, steps=15)
TestPacked = Packed.TestCase


def test_a_name_that_is_no_messages_is_told_without_unpacking() -> None:
    """Nearly always: or every new message would cost a look at all those before it."""
    by = Actor("contact", "+1")
    recent = Recent.of(
        Entry(ACCOUNT, "c", n, n, by, Message("m", "inbound", "contact", "+1", "hi", external_id=f"e{n}"))
        for n in range(20)
    )
    assert recent.may_hold("e19") and recent.may_hold("e12")
    assert sum(recent.may_hold(f"e{n}") for n in range(12)) == 0, "those have left memory"
    assert sum(recent.may_hold(f"x{n}") for n in range(10_000)) < 10
    assert not recent.may_hold(None)
