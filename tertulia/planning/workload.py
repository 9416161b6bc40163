"""The workload of a period, taken from the routing journal: the customers and agents that another policy would have had. Pure.

A *stint* is one wait for an agent and, if one came, the time with it. A conversation that goes back to the queue has another stint,
which follows the one before. A transfer from agent to agent belongs to the stint. Times are in ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from ..core.routing.desk import Desk
from ..core.routing.facts import Agent, Policy, Waiting
from ..core.routing.journal import RoutingEntry, replayed
from ..core.routing.messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Assign,
    Declined,
    Effect,
    Event,
    Found,
    Gone,
    Offer,
    PolicyChanged,
    PresenceChanged,
    Snapshot,
    Withdraw,
)


class TooLittle(Exception):
    """The record does not say enough for a comparison or a scenario."""


class Stint(msgspec.Struct, kw_only=True):
    """`agent_id` is the first who had it, `assigned_at` when; `ended_at`: when it left its last agent or the queue, None if it has not by
    the end of the record. `after`: ms since the stint before ended; None for a conversation's first, which arrives by itself.
    `early`: it was there already when the record begins, so when it began is unknown. `claimed`: the agent took it by hand."""

    conversation_id: str
    number: int
    waiting: Waiting
    arrived_at: int
    agent_id: str | None = None
    assigned_at: int | None = None
    ended_at: int | None = None
    after: int | None = None
    early: bool = False
    claimed: bool = False
    shared: bool = False
    """It was handed from one agent to another, so it says little of either's speed."""

    @property
    def handling(self) -> int | None:
        """Ms with agents; None without one, or while it lasts."""
        return None if self.assigned_at is None or self.ended_at is None else self.ended_at - self.assigned_at


class Response(msgspec.Struct, frozen=True):
    """An offer's outcome, and after how many ms. `lapsed`: it had none."""

    agent_id: str
    outcome: Literal["accepted", "declined", "lapsed"]
    after: int


class Workload(msgspec.Struct, kw_only=True):
    """From `since` to `until`. `conversations`: their stints in order. `agents`, `policy`: at the beginning. `events`: what agents and the
    account's settings did later, with its time. `responses`: to offers."""

    since: int
    until: int
    policy: Policy
    agents: list[Agent]
    events: list[tuple[int, Event]]
    conversations: dict[str, list[Stint]]
    responses: list[Response]

    @property
    def stints(self) -> list[Stint]:
        return [s for stints in self.conversations.values() for s in stints]

    def agent_changes(self) -> Iterator[tuple[int, Agent]]:
        """The times at which an agent's preferences or presence changed, and the agent from then on."""
        known = {a.id: a for a in self.agents}
        for at, event in self.events:
            if isinstance(event, AgentChanged):
                agent = known.get(event.agent_id) or Agent(id=event.agent_id, preferences=event.preferences)
                agent = msgspec.structs.replace(agent, preferences=event.preferences)
            elif isinstance(event, PresenceChanged) and event.agent_id in known:
                agent = msgspec.structs.replace(known[event.agent_id], status=event.status)
            else:
                continue
            known[agent.id] = agent
            yield at, agent

    def names(self) -> tuple[set[str], set[str]]:
        """All agents, and all teams that agents are in."""
        known = {a.id: a.preferences for a in self.agents}
        changes = [e for _, e in self.events if isinstance(e, AgentChanged)]
        preferences = [*known.values(), *(e.preferences for e in changes)]
        return {*known, *(e.agent_id for e in changes)}, {t for p in preferences for t in p.teams}


class _Reader:
    """Follows a replay. `open`: the last stint of each conversation that has not ended; `offers`: when and to whom it is on offer."""

    def __init__(self) -> None:
        self.conversations: dict[str, list[Stint]] = {}
        self.events: list[tuple[int, Event]] = []
        self.responses: list[Response] = []
        self.open: dict[str, Stint] = {}
        self.offers: dict[str, tuple[str, int]] = {}
        self.known: dict[str, Agent] = {}

    def arrive(self, w: Waiting, at: int, *, early: bool = False) -> None:
        stint = self.open.get(w.id)
        if stint is not None and stint.agent_id is None:
            stint.waiting = w  # its needs have changed
            return
        if stint is not None:
            self.end(w.id, at)
        before = self.conversations.setdefault(w.id, [])
        ended = before[-1].ended_at if before else None
        stint = Stint(
            conversation_id=w.id, number=len(before), waiting=w, arrived_at=at, early=early,
            after=None if ended is None else at - ended,
        )  # fmt: skip
        before.append(stint)
        self.open[w.id] = stint

    def hold(self, w: Waiting, agent_id: str, at: int, *, early: bool = False, claimed: bool = False) -> None:
        stint = self.open.get(w.id)
        if stint is None:
            self.arrive(w, at, early=early)
            stint = self.open[w.id]
        if stint.agent_id is None:
            stint.agent_id, stint.assigned_at, stint.claimed = agent_id, at, claimed
        elif stint.agent_id != agent_id:
            stint.shared = True

    def end(self, conversation_id: str, at: int) -> None:
        if (stint := self.open.pop(conversation_id, None)) is not None:
            stint.ended_at = at

    def snapshot(self, snapshot: Snapshot, at: int, *, first: bool) -> None:
        """The stored state, at the beginning or after a supervisor has started."""
        held = {h.waiting.id: h for h in snapshot.held}
        waiting = {w.id: w for w in (*snapshot.waiting, *(o.waiting for o in snapshot.offered))}
        for conversation_id in [i for i in self.open if i not in held and i not in waiting]:
            self.end(conversation_id, at)
        for w in waiting.values():
            self.arrive(w, at, early=first)
        for h in held.values():
            self.hold(h.waiting, h.agent_id, at, early=first)
        self.offers = {o.waiting.id: (o.agent_id, at) for o in snapshot.offered}
        for agent in snapshot.agents:
            before = self.known.get(agent.id)
            if not first and (before is None or before.preferences != agent.preferences):
                self.events.append((at, AgentChanged(agent.id, agent.preferences)))
            if not first and (before is None or before.status != agent.status):
                self.events.append((at, PresenceChanged(agent.id, agent.status)))
            self.known[agent.id] = agent

    def event(self, event: Event, at: int, desk: Desk) -> None:
        if isinstance(event, Arrived):
            self.arrive(event.waiting, at)
        elif isinstance(event, Gone):
            self.end(event.conversation_id, at)
        elif isinstance(event, Found):
            self.hold(event.waiting, event.agent_id, at)
        elif isinstance(event, AgentChanged | PresenceChanged):
            self.events.append((at, event))
            if (agent := desk.agents.get(event.agent_id)) is not None:
                self.known[event.agent_id] = agent
        elif isinstance(event, PolicyChanged):
            self.events.append((at, PolicyChanged(event.policy)))
        elif isinstance(event, Accepted | Declined):
            outcome = "accepted" if isinstance(event, Accepted) else "declined"
            self.answer(event.conversation_id, event.agent_id, outcome, at)

    def answer(
        self,
        conversation_id: str,
        agent_id: str,
        outcome: Literal["accepted", "declined", "lapsed"],
        at: int,
    ) -> None:
        offered = self.offers.get(conversation_id)
        if offered is not None and offered[0] == agent_id:
            del self.offers[conversation_id]
            self.responses.append(Response(agent_id, outcome, at - offered[1]))

    def effect(self, effect: Effect, at: int, desk: Desk) -> None:
        if isinstance(effect, Assign):
            holding = desk.held.get(effect.conversation_id)
            if holding is not None:
                self.hold(holding.waiting, effect.agent_id, at, claimed=effect.by == "claim")
        elif isinstance(effect, Offer):
            self.offers[effect.conversation_id] = effect.agent_id, at
        elif isinstance(effect, Withdraw) and effect.why == "lapsed":
            self.answer(effect.conversation_id, effect.agent_id, "lapsed", at)


def workload_of(entries: Iterable[RoutingEntry], since: int, until: int) -> Workload:
    """The workload of a journal that begins with a snapshot. What came before `since` belongs to the beginning. Raises
    `core.routing.journal.Incomplete`."""
    reader = _Reader()
    policy, agents, first = Policy(), dict[str, Agent](), None
    for entry, desk, effects in replayed(entries):
        at = entry.at
        if isinstance(entry.data, Snapshot):
            if first is None or entry.kind == "restored":
                reader.snapshot(entry.data, at, first=first is None)
        else:
            reader.event(entry.data, at, desk)
        first = at if first is None else first
        for effect in effects:
            reader.effect(effect, at, desk)
        if at <= max(since, first):
            policy, agents = desk.board.policy, {a.id: a for a in desk.agents}
    begin = max(since, first or since)
    return Workload(
        since=begin, until=until, policy=policy, agents=list(agents.values()),
        events=[(at, event) for at, event in reader.events if at > begin],
        conversations=reader.conversations, responses=reader.responses,
    )  # fmt: skip
