"""Races of approvals against what else happens in a conversation: a draft that somebody overtook is never sent.

The oracle is a plain list of who wrote when. It shares nothing with the rule it checks.
"""

from __future__ import annotations

import random

import pytest
from fuzzing import EXAMPLES
from samples import SERVICE, Scribe, agent, answered, received, said, to_conversation, to_thread

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.transport.turns import TurnRequest
from tertulia.core.conversation.commands import Command, Done, Edit, Post, Refused
from tertulia.core.conversation.entries import Message

RACES = max(1_500, 5 * EXAMPLES)


class Race:
    """One conversation in which customers, agents, bots and notes come between a draft and its approval."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.scribe = Scribe()
        write = self.scribe.write(to_thread(received("hi", external_id="m0")))
        self.id = write.after.id
        self.edits = 0
        self.last: Message = self.message(write.entries)
        self.last_seq = write.after.seq

    def message(self, entries: tuple) -> Message:
        return next(e.data for e in entries if isinstance(e.data, Message))

    @property
    def actor(self) -> ConversationActor:
        return self.scribe.actors[self.id]

    def step(self) -> bool:
        """Something happens. Returns whether it overtakes a draft."""
        what = self.random.choice(
            ["customer", "customer", "agent", "note", "bot", "machine", "edit", "nothing"]
        )
        if what == "nothing":
            return False
        if what == "edit":
            self.edits += 1
            edit = Edit(
                "m", self.last.id, self.last_seq, f"edited {self.edits}", self.last.content, self.edits
            )
            self.scribe.write(to_conversation(edit, self.id, SERVICE))
            return True
        post: Post = {
            "customer": said("more"),
            "agent": answered("hello"),
            "note": answered("psst", is_private=True),
            "bot": Post("bot", "We will be with you shortly"),
            "machine": said("I am out of office", metadata={"auto_reply": True}),
        }[what]
        by = SERVICE if what in ("bot", "machine", "customer") else agent()
        write = self.scribe.write(to_conversation(post, self.id, by))
        if what == "customer":
            self.last, self.last_seq = (
                self.message(write.entries),
                next(e.seq for e in write.entries if isinstance(e.data, Message)),
            )
        return what in ("customer", "agent")

    def approve(self, seen: int) -> Done | Refused:
        post = answered("The draft", seen=seen)
        envelope = to_conversation(post, self.id)
        self.scribe.now += 1
        command: Command = envelope.command
        assert command is post
        outcome = self.actor.turn(TurnRequest(envelope, self.scribe.now, self.id, None)).outcome
        assert isinstance(outcome, Done | Refused)
        return outcome


def race(seed: int) -> bool:
    """Draft, let something happen, approve. Returns whether the draft was sent."""
    one = Race(seed)
    for _ in range(one.random.randrange(14)):
        one.step()
    seen = one.actor.state.conversation.seq
    overtaken = [one.step() for _ in range(one.random.choice([0, 0, 1, 1, 2, 12]))]
    outcome = one.approve(seen)
    if isinstance(outcome, Done):
        assert not any(overtaken), f"a stale draft was sent, seed {seed}"
        return True
    assert outcome.code == "stale", outcome
    assert any(overtaken) or len(overtaken) >= 8, f"a fresh draft was refused, seed {seed}"
    return False


@pytest.mark.parametrize("part", range(2))
def test_no_stale_draft_is_sent(part: int) -> None:
    sent = sum(race(part * RACES + seed) for seed in range(RACES // 2))
    assert 0 < sent < RACES // 2, "some are sent, some are overtaken"
