"""The server's own desk without a server: two agents of different speed, and nothing but work takes time.

    make simulate-theory ARGS="--rows --no-policies"

A live run of some minutes is too short to tell neighbours in the order of the policies. Here the same code that routes live conversations
gets as many customers as that takes, the same ones under every rule (common random numbers).
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from itertools import count
from typing import Final, Literal, NamedTuple

import numpy as np

from tertulia.core.conversation.explain_record import Need, Strategy
from tertulia.core.routing.agents import Agents
from tertulia.core.routing.alternatives.strategies import Strategies
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Agent, Policy, Preferences, Waiting
from tertulia.core.routing.messages import Arrived, Assign, Event, Gone, Snapshot
from tertulia.core.routing.rules import OWN, Rules
from tertulia.core.routing.sorted_agents import bits
from tertulia.simulator.scenario.arrivals import arrival_times
from tertulia.simulator.scenario.model import Scenario, profile

Tried = Literal["fastest_first", "least_busy", "random", "round_robin", "slowest_first"]
OWN_STRATEGIES: Final[dict[str, Strategy]] = {"least_busy": "least_busy", "round_robin": "round_robin"}
MS: Final = 1000


class Waits(NamedTuple):
    """The share that had to wait, and the mean wait in minutes."""

    waited: float
    mean: float


class AtRandom(Rules):
    """Any agent who is ready: a simulated lead's rule, which the server does not have."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def agent(self, agents: Agents, w: Waiting, need: Need, now: int) -> int | None:
        ready = list(bits(agents.fits(need) & agents.ready))
        return self._chance.choice(ready) if ready else None


def rules_of(strategy: Tried, means: list[float], seed: int) -> Rules:
    """`means`: the agents' mean handling times, by number."""
    if strategy in OWN_STRATEGIES:
        return OWN
    if strategy == "random":
        return AtRandom(seed)
    sign = 1 if strategy == "fastest_first" else -1
    return Strategies("fastest_first", "oldest", lambda agent_id, w: sign * means[int(agent_id)])


class Run:
    """One run of a scenario's customers. Times of the desk are ms of the model."""

    def __init__(self, of: Scenario, strategy: Tried) -> None:
        self._of, self._count = of, count()
        self._strategy = OWN_STRATEGIES.get(strategy, "least_busy")
        self._means = [float(group.handling.mean) for group in of.agents]
        self._work: dict[str, float] = {}
        self._came: dict[str, float] = {}
        self._events: list[tuple[float, int, Event]] = []
        self._waits: list[float] = []
        agents = tuple(
            Agent(id=str(n), preferences=Preferences(maximum=1, auto_accept=True), status="online")
            for n in range(len(of.agents))
        )
        rules = rules_of(strategy, self._means, of.seed)
        self._desk, _ = Desk.restored(Snapshot(Policy(), agents), 0, rules)

    def waits(self) -> Waits:
        for event in self._arrivals():
            heapq.heappush(self._events, event)
        while self._events:
            at, _, event = heapq.heappop(self._events)
            for effect in self._desk.handle(event, round(at * MS)):
                if isinstance(effect, Assign):
                    self._assigned(effect, at)
        return Waits(float(np.mean(np.array(self._waits) > 0)), float(np.mean(self._waits)) / 60)

    def _arrivals(self) -> Iterator[tuple[float, int, Event]]:
        for number, at in enumerate(arrival_times(self._of.arrivals, self._of.duration, self._of.seed)):
            name = str(number)
            self._came[name], self._work[name] = at, profile(self._of, number).work.expovariate(1.0)
            waiting = Waiting(
                id=name, waiting_since=round(at * MS), channel_type="webchat", strategy=self._strategy
            )
            yield at, next(self._count), Arrived(waiting)

    def _assigned(self, effect: Assign, at: float) -> None:
        name = effect.conversation_id
        came = self._came.pop(name)
        if came >= self._of.warm_up:
            self._waits.append(at - came)
        ends = at + self._work.pop(name) * self._means[int(effect.agent_id)]
        heapq.heappush(self._events, (ends, next(self._count), Gone(name)))
