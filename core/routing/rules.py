"""The desk's choices: the agent for a conversation, and the next conversation for agents that have become free.

`OWN` are the server's rules; `alternatives/` has others.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..conversation.explain_record import Need
from .agents import Agents
from .explain import decide
from .facts import Policy, Waiting
from .queue import Queue

Choice = tuple[Waiting, Need, int]
"""A conversation, what it needs now, and the slot of its agent."""


class Observer(Protocol):
    """Follows a board's decisions. It must neither change anything nor raise."""

    def decided(self, agents: Agents, w: Waiting, need: Need, slot: int, now: int) -> None:
        """Routing is about to give a conversation to the agent in `slot`, by assignment or offer."""
        ...

    def held(self, conversation_id: str, agent_id: str, now: int) -> None:
        """An agent has a conversation now."""
        ...

    def released(self, conversation_id: str, now: int) -> None:
        """Its agent does not have it any more."""
        ...


class Rules:
    """The server's own: the agent by the conversation's strategy, and the oldest conversation that fits."""

    def class_of(self, w: Waiting) -> int:
        """Conversations of different classes are offered to `next` separately."""
        return 0

    def agent(self, agents: Agents, w: Waiting, need: Need, now: int) -> int | None:
        """The slot of the agent to choose; None if it has to wait."""
        return decide(agents, w, need, now)

    def next(self, agents: Agents, queue: Queue, policy: Policy, woken: int, now: int) -> Choice | None:
        """The next conversation for one of the woken agents, who are ready; None if none is to be given."""
        w = queue.first_for(woken)
        if w is None:
            return None
        need = policy.need(w, now)
        slot = self.agent(agents, w, need, now)
        assert slot is not None, "its group said that an agent fits"
        return w, need, slot


OWN: Final = Rules()
