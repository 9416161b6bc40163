"""Routing rules other than the server's own: which agent, and which conversation next."""

from __future__ import annotations

from typing import Any

import pytest
from office import HOUR, NOW, SECOND, conversation, given, words

from tertulia.core.accounts.business_hours import MINUTE
from tertulia.core.routing.alternatives.strategies import Cost, Match, Strategies, Threshold
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Preferences, Waiting
from tertulia.core.routing.messages import AgentChanged, Arrived, Assign, Gone, PresenceChanged, Snapshot


class Floor:
    """A desk with other rules. `times`: agent → expected handling time."""

    def __init__(
        self, agents: Any, queue: Any = "oldest", times: dict[str, float] | None = None, **more: Any
    ) -> None:
        known = times or {}
        rules = Strategies(agents, queue, lambda agent, w: known.get(agent, 1.0), **more)
        self.desk, _ = Desk.restored(Snapshot(Policy()), NOW, rules)
        self.now = NOW

    def agent(self, name: str, **preferences: Any) -> None:
        self.now += SECOND
        self.desk.handle(AgentChanged(name, Preferences(**{"auto_accept": True} | preferences)), self.now)
        self.desk.handle(PresenceChanged(name, "online"), self.now)

    def arrive(self, name: str, **fields: Any) -> str | None:
        self.now += SECOND
        waiting: Waiting = conversation(name, fields.pop("waiting_since", self.now), **fields)
        return given(self.desk.handle(Arrived(waiting), self.now), name)

    def gone(self, name: str) -> dict[str, str]:
        """What is assigned when a conversation is over."""
        self.now += SECOND
        effects = self.desk.handle(Gone(name), self.now)
        return {e.conversation_id: e.agent_id for e in effects if isinstance(e, Assign)}


def test_longest_idle_ignores_how_many_an_agent_has() -> None:
    floor = Floor("longest_idle")
    for name in ("ana", "ben"):
        floor.agent(name)
    assert [floor.arrive(f"c{n}") for n in range(3)] == ["ana", "ben", "ana"]
    floor.gone("c1")
    assert floor.arrive("c3") == "ana", "who has two, but nothing has happened to her for longer"


def test_the_fastest_comes_first_until_full() -> None:
    floor = Floor("fastest_first", times={"ana": 3, "ben": 1, "cleo": 2})
    for name in ("ana", "ben", "cleo"):
        floor.agent(name, maximum=2)
    assert [floor.arrive(f"c{n}") for n in range(7)] == ["ben", "ben", "cleo", "cleo", "ana", "ana", None]
    assert floor.gone("c2") == {"c6": "cleo"}


def test_the_idlest_pool_comes_first() -> None:
    floor = Floor("most_idle")
    floor.agent("ana", topics=words("billing"), maximum=2)
    for name in ("ben", "cleo"):
        floor.agent(name, topics=words("billing", "sales"), maximum=2)
    assert floor.arrive("c0", topics=words("billing")) == "ana", "all pools are free: the longest idle"
    assert floor.arrive("c1", topics=words("billing")) == "ben"
    assert floor.arrive("c2", topics=words("billing")) == "cleo", (
        "ana's pool has 1 of 2 free, the other 3 of 4"
    )


def test_a_threshold_keeps_slots_for_some() -> None:
    kept = Threshold(keep_free=1, reserved_for=(Match(priority="urgent"),))
    floor = Floor("least_busy", threshold=kept)
    floor.agent("ana", maximum=2)
    assert [floor.arrive("c0"), floor.arrive("c1")] == ["ana", None]
    assert floor.arrive("c2", priority="urgent") == "ana"
    assert floor.gone("c2") == {}, "one free slot is kept"
    assert floor.gone("c0") == {"c1": "ana"}


@pytest.mark.parametrize(("weight", "first"), [(1, "old"), (100, "dear")])
def test_the_dearest_conversation_comes_first(weight: float, first: str) -> None:
    costs = [
        Cost(match=Match(topic="billing"), weight=weight, exponent=2),
        Cost(match=Match(), weight=1, exponent=2),
    ]
    floor = Floor("least_busy", "generalised_cmu", costs=costs)
    floor.agent("ana", maximum=1)
    assert floor.arrive("busy") == "ana"
    assert floor.arrive("old", waiting_since=NOW - HOUR) is None
    assert floor.arrive("dear", waiting_since=NOW - MINUTE, topics=words("billing")) is None
    assert floor.gone("busy") == {first: "ana"}


def test_each_agent_takes_what_it_is_fast_at() -> None:
    def handling(agent: str, w: Waiting) -> float:
        return 1.0 if (agent == "ana") == ("billing" in w.topics) else 5.0

    for name, first in (("ana", "bill"), ("ben", "other")):
        rules = Strategies(
            "least_busy",
            "generalised_cmu",
            handling,
            costs=[Cost(match=Match(topic="billing"), weight=1, exponent=1)],
        )
        desk, _ = Desk.restored(Snapshot(Policy()), NOW, rules)
        for c, topics in (("other", words()), ("bill", words("billing"))):
            desk.handle(Arrived(conversation(c, NOW, topics=topics)), NOW)
        desk.handle(AgentChanged(name, Preferences(auto_accept=True, maximum=1)), NOW)
        assert given(desk.handle(PresenceChanged(name, "online"), NOW), first) == name


def test_sticky_agents_and_the_conversation_s_own_strategy_hold() -> None:
    floor = Floor(None)
    for name in ("ana", "ben"):
        floor.agent(name)
    assert floor.arrive("c0", sticky_agent="ben", sticky_until=NOW + HOUR) == "ben"
    assert floor.arrive("c1", strategy="round_robin") == "ana"
    assert floor.arrive("c2", strategy="manual_queue") is None
