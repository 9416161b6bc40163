"""Recorded days: a small model of customers and agents around a desk, which writes the journal that a supervisor would have written."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from itertools import count
from typing import Any

from msgspec.structs import replace

from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Preferences, Waiting
from tertulia.core.routing.journal import RoutingEntry, entry_of
from tertulia.core.routing.messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Assign,
    Event,
    Gone,
    Offer,
    PresenceChanged,
    Snapshot,
)
from tertulia.simulator.scenario.arrivals import arrival_times
from tertulia.simulator.scenario.model import Scenario

BEGIN = 1_800_000_000_000
MINUTE = 60_000


class Day:
    """`rate`: customers a minute. `speeds`: agent → conversations finished a minute. `patience`: mean in minutes; None for ever. `scenario`:
    arrivals, handling and patience of its first kinds, instead of these."""

    def __init__(
        self, minutes: int, rate: float, speeds: dict[str, float], *, patience: float | None = None, slots: int = 1,
        strategy: Any = "least_busy", seed: int = 1, accepts: bool = True, scenario: Scenario | None = None, **preferences: Any,
    ) -> None:  # fmt: skip
        self._scenario = scenario
        self.rng = random.Random(seed)
        self.until = BEGIN + minutes * MINUTE
        self.speeds, self.patience = speeds, patience
        self.desk, _ = Desk.restored(Snapshot(Policy()), BEGIN)
        self.entries = [RoutingEntry(1, BEGIN, "restored", Snapshot(Policy()))]
        self._ends: dict[str, int] = {}
        self._heap: list[tuple[int, int, Event]] = []
        self._count = count()
        for name in speeds:
            self.tell(
                AgentChanged(name, Preferences(auto_accept=accepts, maximum=slots, **preferences)), BEGIN
            )
            self.tell(PresenceChanged(name, "online"), BEGIN)
        for n, at in enumerate(self._arrivals(rate)):
            w = Waiting(id=f"c{n}", waiting_since=at, channel_type="webchat", strategy=strategy)
            self.plan(at, Arrived(w))
        while self._heap and self._heap[0][0] < self.until:
            at, _, event = heapq.heappop(self._heap)
            if not (isinstance(event, Gone) and self._void(event, at)):
                self.tell(event, at)

    def _arrivals(self, rate: float) -> Iterator[int]:
        if self._scenario is not None:
            s = self._scenario
            yield from (BEGIN + round(1000 * t) for t in arrival_times(s.arrivals, s.duration, s.seed))
            return
        at = BEGIN
        while (at := at + max(1, round(self.rng.expovariate(rate) * MINUTE))) < self.until:
            yield at

    def _lasts(self, agent_id: str) -> int:
        """A handling time in ms."""
        if self._scenario is not None:
            return max(1, round(1000 * self._scenario.agents[0].handling.sample(self.rng)))
        return max(1, round(self.rng.expovariate(self.speeds[agent_id]) * MINUTE))

    def _endures(self) -> int | None:
        """Patience in ms; None for ever."""
        if self._scenario is not None:
            patience = self._scenario.customers[0].patience
            return None if patience is None else round(1000 * patience.sample(self.rng))
        return None if self.patience is None else round(self.rng.expovariate(1 / self.patience) * MINUTE)

    def _void(self, event: Gone, at: int) -> bool:
        """Whether a customer's patience ends after an agent has come."""
        ends = self._ends.get(event.conversation_id)
        return ends is not None and ends != at

    def plan(self, at: int, event: Event) -> None:
        heapq.heappush(self._heap, (at, next(self._count), event))

    def tell(self, event: Event, at: int) -> None:
        self.entries.append(replace(entry_of(event, at), position=len(self.entries) + 1))
        if isinstance(event, Arrived) and (patience := self._endures()) is not None:
            self.plan(at + patience, Gone(event.waiting.id))
        for effect in self.desk.handle(event, at):
            if isinstance(effect, Assign):
                self._ends[effect.conversation_id] = at + self._lasts(effect.agent_id)
                self.plan(self._ends[effect.conversation_id], Gone(effect.conversation_id))
            elif isinstance(effect, Offer):
                self.plan(at + 2000, Accepted(effect.conversation_id, effect.agent_id))
