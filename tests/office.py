"""An account's desk in small: agents and conversations in few words."""

from __future__ import annotations

from typing import Any

from tertulia.core.accounts.business_hours import MINUTE
from tertulia.core.conversation.explain_record import Explain
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.explain import explain
from tertulia.core.routing.facts import Policy, Preferences, Waiting
from tertulia.core.routing.messages import (
    AgentChanged,
    Arrived,
    Assign,
    Effect,
    Event,
    Offer,
    PresenceChanged,
    Snapshot,
)

NOW = 1_800_000_000_000
SECOND = 1000
HOUR = 60 * MINUTE


def conversation(name: str, waiting_since: int = NOW, **fields: Any) -> Waiting:
    return Waiting(id=name, waiting_since=waiting_since, **{"channel_type": "webchat", **fields})


def words(*values: str) -> frozenset[str]:
    return frozenset(values)


class Office:
    """A desk with a clock."""

    def __init__(self, **policy: Any) -> None:
        self.desk = Desk(Policy(**policy))
        self.now = NOW
        self.effects: list[Effect] = []

    def tell(self, event: Event) -> list[Effect]:
        self.effects = self.desk.handle(event, self.now)
        return self.effects

    def agent(self, name: str, **preferences: Any) -> None:
        """An agent at work; accepts by itself unless told otherwise."""
        self.tell(AgentChanged(name, Preferences(**{"auto_accept": True, **preferences})))
        self.tell(PresenceChanged(name, "online"))

    def arrive(self, name: str, **fields: Any) -> str | None:
        """A new conversation. Who got it."""
        return given(
            self.tell(Arrived(conversation(name, fields.pop("waiting_since", self.now), **fields))), name
        )

    @property
    def waiting(self) -> list[str]:
        return [w.id for w in self.desk.queue]

    def why_waiting(self, name: str) -> Explain:
        """Why each agent cannot have a conversation that waits."""
        return why_waiting(self.desk, name, self.now)

    def holder(self, name: str) -> str | None:
        held = self.desk.held.get(name)
        return None if held is None else held.agent_id


def why_waiting(desk: Desk, name: str, now: int) -> Explain:
    w = desk.queue[name]
    return explain(desk.agents, w, desk.board.policy.need(w, now), None, now)


def snapshot(desk: Desk) -> Snapshot:
    """What another desk is restored from to continue like this one, but for offers."""
    return Snapshot(desk.board.policy, tuple(desk.agents), tuple(desk.held.values()), tuple(desk.queue))


def given(effects: list[Effect], name: str) -> str | None:
    """To whom a conversation was assigned or offered."""
    return next(
        (e.agent_id for e in effects if isinstance(e, Assign | Offer) and e.conversation_id == name), None
    )
