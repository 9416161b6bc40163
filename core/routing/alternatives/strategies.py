"""Routing rules other than the server's own. Pure.

Longest idle first, and fastest first: Armony (2005). Keeping agents free by a threshold: Gans and Zhou (2003). The idlest pool:
Gurvich and Whitt (2009). The generalised c-mu rule: Van Mieghem (1995), Mandelbaum and Stolyar (2004).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from ...accounts.account_settings import AgentRule
from ...conversation.explain_record import Need
from ..agents import Agents
from ..facts import Agent, Policy, Preferences, Waiting
from ..queue import Queue
from ..rules import Choice, Rules
from ..sorted_agents import bits

QueueRule = Literal["oldest", "generalised_cmu"]
"""`oldest`: the queue's order. `generalised_cmu`: the greatest marginal cost of waiting times the agent's speed."""
Handling = Callable[[str, Waiting], float]
"""(agent, conversation) → the expected handling time, in any unit."""
Rank = tuple[float | str, ...]


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which conversations are meant: those that fit all that is given."""

    priority: str | None = None
    channel: str | None = None
    topic: str | None = None
    language: str | None = None
    team: str | None = None

    def fits(self, w: Waiting) -> bool:
        return (
            (self.priority is None or self.priority == w.priority)
            and (self.channel is None or self.channel == w.channel_type)
            and (self.topic is None or self.topic.casefold() in w.topics)
            and (self.language is None or self.language == w.language)
            and (self.team is None or self.team == w.team_id)
        )


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of waiting: `weight` · hours to the power of `exponent`."""

    match: Match
    weight: float
    exponent: float

    def marginal(self, waited: int) -> float:
        """The marginal cost of waiting after `waited` ms."""
        return self.weight * self.exponent * (max(waited, 1) / 3_600_000) ** (self.exponent - 1)


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """`keep_free` slots are given only to conversations that match one of `reserved_for`."""

    keep_free: int
    reserved_for: tuple[Match, ...]

    def is_reserved(self, w: Waiting) -> bool:
        return any(match.fits(w) for match in self.reserved_for)


LINEAR = Cost(match=Match(), weight=1.0, exponent=1.0)
"""Of conversations that no cost matches."""


class Strategies(Rules):
    """Rules put together of one for agents (None: the conversation's own strategy), one for the queue, and a threshold. `handling` is
    asked by `fastest_first` and `generalised_cmu` alone."""

    def __init__(
        self,
        agents: AgentRule | None,
        queue: QueueRule,
        handling: Handling,
        *,
        costs: Sequence[Cost] = (),
        threshold: Threshold | None = None,
    ) -> None:
        self._rule = agents
        self._queue_rule = queue
        self._handling = handling
        self._costs = (*costs, LINEAR)
        self._threshold = threshold

    def class_of(self, w: Waiting) -> int:
        """By its cost, and by whether slots are kept free for it."""
        cost = next(n for n, cost in enumerate(self._costs) if cost.match.fits(w))
        return 2 * cost + (self._threshold is not None and self._threshold.is_reserved(w))

    def agent(self, agents: Agents, w: Waiting, need: Need, now: int) -> int | None:
        wanted = self._candidates(agents, w, need)
        return None if not wanted else self._best(agents, w, wanted, now)

    def next(self, agents: Agents, queue: Queue, policy: Policy, woken: int, now: int) -> Choice | None:
        best: tuple[float, Choice] | None = None
        for w, cost in queue.heads_for(woken):
            need = policy.need(w, now)
            wanted = self._candidates(agents, w, need)
            if not wanted:
                continue
            slot = self._best(agents, w, wanted, now)
            if self._queue_rule == "oldest":
                return w, need, slot
            marginal = self._costs[cost // 2].marginal(now - w.waiting_since)
            index = marginal / max(self._handling(agents.at(slot).id, w), 1e-9)
            if best is None or index > best[0]:
                best = index, (w, need, slot)
        return None if best is None else best[1]

    def _candidates(self, agents: Agents, w: Waiting, need: Need) -> int:
        if w.strategy == "manual_queue":
            return 0
        wanted = agents.fits(need) & agents.ready
        if w.declined_by:
            wanted &= ~agents.mask(w.declined_by)
        if wanted and self._threshold is not None and not self._threshold.is_reserved(w):
            free = sum(_free(agents.at(slot)) for slot in bits(wanted))
            if free <= self._threshold.keep_free:
                return 0
        return wanted

    def _best(self, agents: Agents, w: Waiting, wanted: int, now: int) -> int:
        sticky = agents.slot(w.sticky_agent)
        if sticky is not None and now < w.sticky_until and wanted >> sticky & 1:
            return sticky
        if not wanted & (wanted - 1):
            return wanted.bit_length() - 1
        rule = self._rule or w.strategy
        pools = _pools(agents) if rule == "most_idle" else {}
        return min(bits(wanted), key=lambda slot: self._rank(rule, agents.at(slot), w, pools))

    def _rank(self, rule: str, agent: Agent, w: Waiting, pools: Mapping[object, float]) -> Rank:
        if rule == "longest_idle":
            return agent.idle_since, agent.id
        if rule == "round_robin":
            return agent.assigned_at, agent.id
        least_busy: Rank = (agent.load, agent.idle_since, agent.id)
        if rule == "most_idle":
            return (-pools[_skills(agent.preferences)], *least_busy)
        if rule == "fastest_first":
            return (self._handling(agent.id, w), *least_busy)
        return least_busy


def _free(agent: Agent) -> int:
    return max(agent.preferences.maximum - agent.load, 0)


def _skills(p: Preferences) -> object:
    return p.channels, p.topics, p.languages, p.teams


def _pools(agents: Agents) -> dict[object, float]:
    """Skills → the free share of the slots of the ready agents who have just these."""
    free: dict[object, int] = {}
    slots: dict[object, int] = {}
    for slot in bits(agents.ready):
        agent = agents.at(slot)
        skills = _skills(agent.preferences)
        free[skills] = free.get(skills, 0) + _free(agent)
        slots[skills] = slots.get(skills, 0) + agent.preferences.maximum
    return {skills: free[skills] / slots[skills] for skills in free}
