"""One conversation under a clock of the test's."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from samples import ACCOUNT, NOW, THREAD, customer, received, uid

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.transport.turns import TurnRequest
from tertulia.core.conversation.commands import By, Envelope, Tick
from tertulia.core.conversation.entries import Actor, Entry
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.ids import new_id
from tertulia.core.turn.account_rules import AccountRules, account_rules
from tertulia.core.turn.decide import open_conversation

CLOCK = By("system", None, "service")
MINUTE, HOUR = 60_000, 3_600_000


class Thread:
    """One conversation and a clock. `stored` is the instant that a host would find in the database."""

    def __init__(self, **stated: Any) -> None:
        self.account: AccountRules = account_rules(stated, (), 1)
        self.now = NOW
        (data,) = open_conversation(THREAD, uid(), received().opening, "Carla")
        self.opening: Entry | None = Entry(ACCOUNT, new_id(NOW, 1), 0, NOW, Actor("contact"), data)
        self.actor = ConversationActor(apply(None, self.opening), uid)
        self.entries: list[Entry] = []
        self.stored: int | None = None
        self.outcome: Any = None

    @property
    def c(self) -> Any:
        return self.actor.state.conversation

    def do(self, command: Any, by: Any = None) -> list[Any]:
        envelope = Envelope(uid(), ACCOUNT, by or customer(), command, self.c.id)
        taken = self.actor.turn(TurnRequest(envelope, self.now, self.c.id, self.opening, self.account))
        self.outcome = taken.outcome
        if taken.write is None:
            return []
        self.opening = None
        self.entries += taken.write.entries
        self.stored = taken.write.after.timer_at
        return [e.data for e in taken.write.entries if e.seq > 0]

    def until(self, at: int) -> list[tuple[int, Any]]:
        """Let time pass; what the clock brings about, with the time since the start."""
        found: list[tuple[int, Any]] = []
        while self.stored is not None and self.stored <= at:
            self.now = max(self.now, self.stored)
            found += [(self.now - NOW, d) for d in self.do(Tick(self.stored), CLOCK)]
            assert self.stored is None or self.stored > self.now
        self.now = at
        return found

    def crash(self) -> None:
        """Another host has the conversation now; it knows what was stored."""
        state: State | None = None
        for entry in self.entries:
            state = apply(state, entry)
        assert state is not None
        self.actor = ConversationActor(
            State(replace(state.conversation, timer_at=self.stored), state.recent), uid
        )
