"""Routing by itself: a desk with a thousand agents and many waiting conversations. Pure: no server, no database.

Agents and conversations are of many kinds: six channels, eight topics, four languages, ten teams, drawn at random, so that
hardly two agents are alike and some 2,000 kinds of needs wait. Every decision is of a freed slot: a conversation is resolved,
its agent gets the first of the queue that fits, with the whole record of why; then a new one joins the queue.
"""

from __future__ import annotations

import gc
import random
import time

from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Preferences, Waiting
from tertulia.core.routing.messages import AgentChanged, Arrived, Assign, Gone, PresenceChanged

from ...processes import BenchError
from ...results import Figure, Series, ratios
from ..bench import Bench

AGENTS = 1_000
QUEUED = (100, 1_000, 10_000, 100_000)
DECISIONS = 5_000
SLICES = 5
"""Turns the queues take within a round: what else the machine does falls on all of them alike."""
NOW = 1_800_000_000_000

CHANNELS = ("webchat", "whatsapp", "telegram", "messenger", "sms", "email")
TOPICS = tuple(f"topic-{n}" for n in range(8))
LANGUAGES = ("en", "am", "es", "id")
TEAMS = tuple(f"team-{n}" for n in range(10))


class Board:
    """A desk with all agents at work, all of them busy, and `queued` conversations waiting."""

    def __init__(self, queued: int) -> None:
        self.random = random.Random(queued)
        self.desk = Desk(Policy())
        self.now = NOW
        self.count = 0
        self.queued = queued
        for number in range(AGENTS):
            self.desk.handle(AgentChanged(f"agent-{number:04}", self._preferences()), self.now)
            self.desk.handle(PresenceChanged(f"agent-{number:04}", "online"), self.now)
        while len(self.desk.queue) < queued:
            self._arrive()
        self.held = list(self.desk.held)

    def _some(self, values: tuple[str, ...], most: int) -> frozenset[str]:
        return frozenset(self.random.sample(values, self.random.randint(1, most)))

    def _preferences(self) -> Preferences:
        return Preferences(
            channels=self._some(CHANNELS, 6),
            topics=self._some(TOPICS, 4),
            languages=self._some(LANGUAGES, 2),
            teams=self._some(TEAMS, 3),
            auto_accept=True,
        )

    def _waiting(self) -> Waiting:
        self.count += 1
        pick = self.random.choice
        return Waiting(
            id=f"{self.count:09}",
            waiting_since=self.now,
            channel_type=pick(CHANNELS),
            priority=pick(("low", "normal", "normal", "normal", "high", "urgent")),
            topics=frozenset({pick(TOPICS)}),
            language=pick(LANGUAGES),
            team_id=pick((None, *TEAMS)),
        )

    def _arrive(self) -> None:
        self.now += 1
        self.desk.handle(Arrived(self._waiting()), self.now)

    def decide(self, count: int) -> float:
        """The seconds that `count` decisions took, arrivals included."""
        events = [(self.random.randrange(1 << 30), self._waiting()) for _ in range(count)]
        given = 0
        gc.collect()
        start = time.perf_counter()
        for number, waiting in events:
            self.now += 1
            index = number % len(self.held)
            freed, self.held[index] = self.held[index], self.held[-1]
            self.held.pop()
            for effect in self.desk.handle(Gone(freed), self.now):
                if isinstance(effect, Assign):
                    self.held.append(effect.conversation_id)
                    given += 1
            for effect in self.desk.handle(Arrived(waiting), self.now):
                if isinstance(effect, Assign):
                    self.held.append(effect.conversation_id)
                    given += 1
        seconds = time.perf_counter() - start
        if given < count * 0.9:
            raise BenchError(f"{given} of {count} freed slots were given away")
        return seconds


async def routing(bench: Bench) -> list[Figure]:
    """Decisions a second with 100,000 waiting, and their cost with fewer, in turn."""
    floors = {}
    for queued in QUEUED:
        bench.step(f"filling a queue of {queued:,}")
        floors[queued] = Board(queued)
        floors[queued].decide(DECISIONS // 5)
    cost: dict[int, list[float]] = {queued: [] for queued in QUEUED}
    for number in range(bench.steady_rounds):
        bench.step(f"round {number + 1}")
        seconds = dict.fromkeys(QUEUED, 0.0)
        for _ in range(SLICES):
            for queued, floor in floors.items():
                seconds[queued] += floor.decide(DECISIONS // SLICES)
        for queued in QUEUED:
            cost[queued].append(seconds[queued] / DECISIONS * 1e6)
    most, least = QUEUED[-1], QUEUED[0]
    return [
        Figure(
            measure="routing",
            what=f"decisions with {AGENTS:,} agents and {most:,} conversations waiting",
            value=Series("routing", "decisions/s", [1e6 / c for c in cost[most]]),
            goal=10_000,
            note="a freed slot gets the first that fits, with its record; the arrival that takes its place is in the time",
        ),
        Figure(
            measure="routing",
            what=f"cost of a decision with {most:,} waiting against {least:,}",
            value=ratios("many", cost[most], cost[least]),
            goal=2.5,
            most=True,
            parts=[Series(f"{queued:,} waiting", "µs/decision", cost[queued]) for queued in QUEUED],
            note="logarithmic would be 2.5",
        ),
    ]
