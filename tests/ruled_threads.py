"""A conversation under an account's rules, taken through its turns without a host."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from samples import ACCOUNT, NOW, THREAD, customer, received, uid

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.transport.turns import TurnRequest
from tertulia.core.conversation.commands import Command, Envelope
from tertulia.core.conversation.entries import Actor, Entry, Message
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.ids import new_id
from tertulia.core.turn.account_rules import AccountRules, StoredRule, account_rules
from tertulia.core.turn.decide import open_conversation
from tertulia.core.turn.message_analysis import Analysis


def rule(name: str, trigger: str, conditions: Any = None, priority: int = 1, **actions: Any) -> StoredRule:
    return StoredRule(
        f"rule {name}", name, priority, trigger, conditions or {}, actions,
        template="{{contact_name}}, we pay back." if "reply_template_id" in actions else None,
        team="assign_team_id" in actions,
    )  # fmt: skip


def rules(*some: StoredRule, **stated: Any) -> AccountRules:
    return account_rules(stated, some, 1)


class Thread:
    """One conversation of a customer's, under an account's rules."""

    def __init__(self, account: AccountRules | None, **opening: Any) -> None:
        self.account = account
        self.now = NOW
        (data,) = open_conversation(THREAD, uid(), replace(received().opening, **opening), "Carla")
        self.opening: Entry | None = Entry(ACCOUNT, new_id(NOW, 1), 0, NOW, Actor("contact"), data)
        self.actor = ConversationActor(apply(None, self.opening), uid)
        self.entries: list[Entry] = []

    @property
    def c(self) -> Any:
        return self.actor.state.conversation

    def do(self, command: Command, by: Any = None, heard: Analysis | None = None, **fields: Any) -> list[Any]:
        """What a command adds, without entry 0."""
        self.now += 1000
        envelope = Envelope(fields.pop("id", uid()), ACCOUNT, by or customer(), command, self.c.id)
        taken = self.actor.turn(TurnRequest(envelope, self.now, self.c.id, self.opening, self.account, heard))
        self.outcome = taken.outcome
        if taken.write is None:
            return []
        self.opening = None
        self.entries += taken.write.entries
        self.write = taken.write
        return [e.data for e in taken.write.entries if e.seq > 0]

    def says(self, content: str, heard: Analysis | None = None, **fields: Any) -> list[Any]:
        return self.do(received(content, **fields), heard=heard)

    def check(self) -> None:
        """Replay makes the same state, but for the instant of the next look."""
        state: State | None = None
        for entry in self.entries:
            state = apply(state, entry)
        assert [e.seq for e in self.entries] == list(range(len(self.entries)))
        if state is not None:
            same = replace(self.c, timer_at=None)
            assert state == replace(self.actor.state, conversation=same)


def texts(said: list[Any]) -> list[str]:
    return [d.content for d in said if isinstance(d, Message) and d.sender_type == "bot"]
