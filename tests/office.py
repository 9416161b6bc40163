"""An account's desk in small: agents and conversations in few words."""

from __future__ import annotations

from typing import Any

from tertulia.core.accounts.business_hours import MINUTE
from tertulia.core.conversation.explain_record import Explain, Figures, Need
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.explain import explain
from tertulia.core.routing.facts import Agent, Policy, Preferences, Reason, Waiting
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


def _eligible(record: Explain) -> int:
    wanted = (1 << len(record.agents)) - 1
    for mask in record.passed.values():
        wanted &= ~int(mask, 16)
    return wanted


def replay(record: Explain) -> str | None:
    """Decide again from the record alone."""
    if record.strategy == "manual_queue":
        return None
    wanted = _eligible(record)
    sticky = record.agents.index(record.sticky) if record.sticky in record.agents else None
    if sticky is not None and wanted >> sticky & 1:
        return record.sticky

    def rank(f: Figures) -> tuple[int, ...]:
        return (f.assigned_at,) if record.strategy == "round_robin" else (f.load, f.idle_since)

    found = [(rank(f), record.agents[f.slot]) for f in record.ranked if wanted >> f.slot & 1]
    return min(found)[1] if found else None


def unready(agent: Agent, now: int) -> list[Reason]:
    """Why automatic routing gives this agent nothing at all."""
    p = agent.preferences
    reasons = []
    if not p.available:
        reasons.append(Reason.UNAVAILABLE)
    if agent.status == "offline":
        reasons.append(Reason.OFFLINE)
    if agent.status == "away":
        reasons.append(Reason.AWAY)
    if not p.schedule().is_open(now):
        reasons.append(Reason.CLOSED)
    if agent.load >= p.maximum:
        reasons.append(Reason.FULL)
    return reasons


def unfit(p: Preferences, need: Need) -> list[Reason]:
    """The requirements of this conversation that the agent does not meet."""
    reasons = []
    if need.teams and not need.teams & p.teams:
        reasons.append(Reason.TEAM)
    if p.channels and need.channel_type not in p.channels:
        reasons.append(Reason.CHANNEL)
    if p.topics and need.topics and not need.topics & p.topics:
        reasons.append(Reason.TOPIC)
    if p.languages and need.language is not None and need.language not in p.languages:
        reasons.append(Reason.LANGUAGE)
    return reasons


def refusals(agent: Agent, need: Need, declined_by: frozenset[str], now: int) -> list[Reason]:
    """Every reason why automatic routing passes the agent over; empty for a candidate."""
    declined = [Reason.DECLINED] if agent.id in declined_by else []
    return unready(agent, now) + unfit(agent.preferences, need) + declined
