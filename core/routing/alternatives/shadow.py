"""A shadow policy: for each decision of routing, which agent another rule would have chosen at that moment. It only counts.

It sees the board just before a decision is carried out, so both rules choose in the same situation. What would have followed from its
own choices it does not know; the replay lab does.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from ...accounts.account_settings import AgentRule
from ...conversation.explain_record import Need
from ..agents import Agents
from ..facts import Waiting
from .strategies import Strategies

PER_SECOND: Final = 20_000
"""Agents that the shadow may look at in a second, some 20 ms of work. Decisions beyond it are not compared, and counted as such."""
RECENT: Final = 50
"""Differing decisions that are kept in full."""
MOST_HELD: Final = 100_000
"""Conversations whose end is awaited; beyond this, the handling time of the oldest is not counted."""
LONGEST: Final = 200
"""Conversations over which an agent's mean handling time reaches back: an exponential mean afterwards."""
DOUBT: Final = 5
"""An agent's mean is drawn towards all agents' as if they had been seen with so many conversations of it."""


class Difference(msgspec.Struct, frozen=True):
    """`agent_id` got the conversation at `at` (ms); the shadow would have chosen `shadow_agent_id`."""

    at: int
    conversation_id: str
    agent_id: str
    shadow_agent_id: str


class AgentCount(msgspec.Struct, frozen=True):
    """How many of the compared decisions went to an agent, and how many the shadow would have given to them."""

    user_id: str
    got: int
    would_get: int


class ShadowFigures(msgspec.Struct, frozen=True):
    """What a shadow has counted since a time in ms. `compared` of all `decisions`, of which both chose the same agent in `agreed`."""

    policy: AgentRule
    since: int
    decisions: int
    compared: int
    agreed: int
    agents: tuple[AgentCount, ...]
    recent: tuple[Difference, ...]


class Mean:
    """A mean of recent values."""

    __slots__ = ("count", "value")

    def __init__(self) -> None:
        self.count = 0
        self.value = 0.0

    def add(self, value: float) -> None:
        self.count = min(self.count + 1, LONGEST)
        self.value += (value - self.value) / self.count


class HandlingTimes:
    """How long agents keep conversations, by agent. Bounded by the agents, and by `MOST_HELD`."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, int]] = {}
        self._all = Mean()
        self._of: dict[str, Mean] = {}

    def held(self, conversation_id: str, agent_id: str, now: int) -> None:
        self._since[conversation_id] = agent_id, now
        if len(self._since) > MOST_HELD:
            del self._since[next(iter(self._since))]

    def released(self, conversation_id: str, now: int) -> None:
        known = self._since.pop(conversation_id, None)
        if known is not None:
            agent_id, since = known
            self._all.add(now - since)
            self._of.setdefault(agent_id, Mean()).add(now - since)

    def expected(self, agent_id: str) -> float:
        """In ms; all agents' mean for one who has not finished anything."""
        own = self._of.get(agent_id)
        if own is None:
            return self._all.value
        return (own.count * own.value + DOUBT * self._all.value) / (own.count + DOUBT)


class Shadow:
    """Follows a board (`core.routing.rules.Observer`), and never changes it."""

    def __init__(self, rule: AgentRule, now: int) -> None:
        self.rule: AgentRule = rule
        self._since = now
        self._handling = HandlingTimes()
        self._rules = Strategies(rule, "oldest", lambda agent_id, w: self._handling.expected(agent_id))
        self._decisions = self._compared = self._agreed = 0
        self._got: dict[str, int] = {}
        self._would_get: dict[str, int] = {}
        self._recent: deque[Difference] = deque(maxlen=RECENT)
        self._left = PER_SECOND
        self._second = now

    def held(self, conversation_id: str, agent_id: str, now: int) -> None:
        self._handling.held(conversation_id, agent_id, now)

    def released(self, conversation_id: str, now: int) -> None:
        self._handling.released(conversation_id, now)

    def decided(self, agents: Agents, w: Waiting, need: Need, slot: int, now: int) -> None:
        self._decisions += 1
        if not self._may_look_at(agents.ready.bit_count(), now):
            return
        would = self._rules.agent(agents, w, need, now)
        if would is None:
            return  # a rule that nobody fits has nothing to compare
        self._compared += 1
        agent_id, shadow_agent_id = agents.at(slot).id, agents.at(would).id
        self._got[agent_id] = self._got.get(agent_id, 0) + 1
        self._would_get[shadow_agent_id] = self._would_get.get(shadow_agent_id, 0) + 1
        if would == slot:
            self._agreed += 1
        else:
            self._recent.append(Difference(now, w.id, agent_id, shadow_agent_id))

    def _may_look_at(self, count: int, now: int) -> bool:
        if now - self._second >= 1000:
            self._second, self._left = now, PER_SECOND
        if count > self._left:
            return False
        self._left -= count
        return True

    @property
    def counts(self) -> tuple[int, int]:
        """Compared decisions, and those of them that agree."""
        return self._compared, self._agreed

    def figures(self) -> ShadowFigures:
        agents = tuple(
            AgentCount(i, self._got.get(i, 0), self._would_get.get(i, 0))
            for i in sorted(self._got.keys() | self._would_get.keys())
        )
        return ShadowFigures(
            self.rule, self._since, self._decisions, self._compared, self._agreed, agents, tuple(reversed(self._recent))
        )  # fmt: skip
