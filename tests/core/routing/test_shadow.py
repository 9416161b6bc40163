"""Shadow policies: they count what they would have decided, and decide nothing."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from office import NOW, SECOND, Office, conversation
from routing_steps import POLICY, STEPS

from tertulia.core.accounts.account_settings import AgentRule
from tertulia.core.routing.alternatives.shadow import PER_SECOND, RECENT, AgentCount, Difference, Shadow
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.messages import Assign, Effect, Event, Gone, Offer, Snapshot

RULES = get_args(AgentRule)


def shadowed(rule: Any) -> tuple[Office, Shadow]:
    office, shadow = Office(), Shadow(rule, NOW)
    office.desk.board.observer = shadow
    return office, shadow


@given(STEPS, st.sampled_from(RULES))
@searched(40)
def test_decisions_are_the_same_with_and_without_a_shadow(
    steps: list[tuple[Event, int]], rule: AgentRule
) -> None:
    (alone, followed), now = (Desk.restored(Snapshot(POLICY), NOW)[0] for _ in range(2)), NOW
    shadow = followed.board.observer = Shadow(rule, NOW)
    decided: list[Effect] = []
    for event, later in steps:
        now += later
        effects = alone.handle(event, now)
        assert followed.handle(event, now) == effects
        decided += [
            e for e in effects if isinstance(e, Offer) or (isinstance(e, Assign) and e.by == "routing")
        ]
    assert followed.snapshot() == alone.snapshot()
    found = shadow.figures()
    assert found.decisions == found.compared == len(decided)
    assert len(found.recent) == min(RECENT, found.compared - found.agreed)
    assert sum(a.got for a in found.agents) == sum(a.would_get for a in found.agents) == found.compared
    assert all(d.agent_id != d.shadow_agent_id for d in found.recent)


@given(STEPS, st.sampled_from(["least_busy", "round_robin"]))
@searched(40)
def test_the_policy_in_force_agrees_with_itself(steps: list[tuple[Event, int]], rule: Any) -> None:
    desk, now = Desk.restored(Snapshot(POLICY), NOW)[0], NOW
    shadow = desk.board.observer = Shadow(rule, NOW)
    others = 0
    for event, later in steps:
        now += later
        for effect in desk.handle(event, now):
            if isinstance(effect, Assign | Offer) and effect.explain is not None:
                others += effect.explain.strategy != rule
    found = shadow.figures()
    assert found.compared - found.agreed <= others


def test_the_fastest_are_known_by_what_they_have_finished() -> None:
    office, shadow = shadowed("fastest_first")
    for name in ("ana", "ben"):
        office.agent(name, maximum=1)
    for n in range(6):  # ben takes a tenth of the time
        assert {office.arrive(f"a{n}"), office.arrive(f"b{n}")} == {"ana", "ben"}
        held = {h.agent_id: i for i, h in office.desk.held.items()}
        office.now += 3 * SECOND
        office.tell(Gone(held["ben"]))
        office.now += 27 * SECOND
        office.tell(Gone(held["ana"]))
    before = shadow.figures()
    assert office.arrive("next") == "ben", "who has been idle for longer, and is the fastest"
    office.tell(Gone("next"))
    assert office.arrive("last") == "ana"
    after = shadow.figures()
    assert (after.decisions - before.decisions, after.agreed - before.agreed) == (2, 1)
    assert after.recent[0] == Difference(office.now, "last", "ana", "ben")
    (ana, ben) = after.agents
    assert isinstance(ana, AgentCount) and ana.got + ben.got == ana.would_get + ben.would_get == 14
    assert ben.would_get > ben.got


def test_the_longest_idle_may_be_the_busiest() -> None:
    office, shadow = shadowed("longest_idle")
    office.agent("ana")
    office.agent("ben")
    office.now += SECOND
    assert office.arrive("one") == "ana"
    office.now += SECOND
    assert office.arrive("two") == "ben"
    office.now += SECOND
    office.tell(Gone("two"))
    office.now += SECOND
    assert office.arrive("three") == "ben", "who has fewer"
    found = shadow.figures()
    assert (found.compared, found.agreed) == (3, 2)
    assert found.recent == (Difference(office.now, "three", "ben", "ana"),)


@pytest.mark.parametrize("rule", ["most_idle", "longest_idle"])
def test_what_it_looks_at_in_a_second_is_bounded(rule: AgentRule) -> None:
    office, shadow = shadowed(rule)
    agents = 400
    for n in range(agents):
        office.agent(f"agent{n}", maximum=10)
    for n in range(100):
        office.arrive(f"c{n}")
    found = shadow.figures()
    assert found.decisions == 100 and found.compared == PER_SECOND // agents
    office.now += SECOND
    office.arrive("later")
    assert shadow.figures().compared == found.compared + 1


def test_a_conversation_that_was_there_before_says_nothing_about_speed() -> None:
    office = Office()
    office.agent("ana")
    assert office.arrive("early") == "ana"
    shadow = office.desk.board.observer = Shadow("fastest_first", NOW)
    office.now += SECOND
    office.tell(Gone("early"))
    assert office.arrive(conversation("later").id) == "ana"
    assert shadow.figures().agreed == 1
