"""Other policies on recorded days: what is better is found better, what is equal is not, and the model gives what was recorded."""

from __future__ import annotations

from typing import Any

import pytest
from days import BEGIN, MINUTE, Day
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from office import NOW
from routing_steps import POLICY, STEPS

from tertulia.core.routing.journal import RoutingEntry, entry_of
from tertulia.core.routing.messages import Event, Snapshot
from tertulia.planning.comparison import Comparison, Figure, compare
from tertulia.planning.outcome import recorded
from tertulia.planning.people import chance_of, people_of
from tertulia.planning.policy_file import RECORDED, PolicyFile, parsed
from tertulia.planning.timeline import timeline_of
from tertulia.planning.what_if import Case, WhatIf
from tertulia.planning.workload import TooLittle, workload_of

UNEQUAL = {"ana": 1.0, "ben": 1.0, "cleo": 0.2, "dan": 0.2}
EQUAL = dict.fromkeys(("ana", "ben", "cleo", "dan"), 0.6)


def compared(day: Day, policy: str | PolicyFile, **options: Any) -> Comparison:
    policy = parsed(f'name = "other"\n{policy}') if isinstance(policy, str) else policy
    workload = workload_of(day.entries, BEGIN, day.until)
    contacts = {c: f"customer {n % 40}" for n, c in enumerate(workload.conversations)}
    given = {"replications": 5, "seed": 1, "answer_within": 20.0} | options
    return compare(workload, policy, contacts, **given)


def figures(c: Comparison) -> dict[str, Figure]:
    return {f.name: f for f in c.figures}


@pytest.fixture(scope="module")
def unequal() -> Day:
    return Day(500, 1.2, UNEQUAL, patience=4, strategy="round_robin", seed=3)


@pytest.fixture(scope="module")
def equal() -> Day:
    return Day(250, 2.0, EQUAL, patience=4, strategy="round_robin", seed=4)


def test_the_model_of_the_recorded_policy_gives_what_was_recorded(unequal: Day, equal: Day) -> None:
    for day in (unequal, equal):
        found = compared(day, "")
        assert all(f.fits for f in found.figures), found.notes
        assert {f.verdict for f in found.figures} == {"equal"}
        assert figures(found)["abandoned"].recorded > 0.02


def test_the_fastest_first_is_better_among_unequal_agents(unequal: Day) -> None:
    found = figures(compared(unequal, 'agents = "fastest_first"', replications=15))
    assert found["wait"].verdict == found["abandoned"].verdict == found["in time"].verdict == "better"
    assert found["wait"].difference.high < 0 < found["in time"].difference.low


def test_among_equal_agents_no_rule_is_better(equal: Day) -> None:
    for rule in ("fastest_first", "longest_idle", "most_idle", "least_busy"):
        found = compared(equal, f'agents = "{rule}"')
        assert found.factors == {}
        for name in ("wait", "wait p95", "abandoned", "in time"):
            assert figures(found)[name].verdict in ("equal", "no difference shown"), (rule, name)


def test_more_agents_are_better_and_fewer_are_worse(equal: Day) -> None:
    more = figures(compared(equal, '[[staffing]]\nadd = 1\nlike = "ana"'))
    fewer = figures(compared(equal, '[[staffing]]\nremove = ["ana"]\nat = "1h"\nlasts = "2h"'))
    assert more["wait"].verdict == "better" and more["occupancy"].verdict == "lower"
    assert fewer["wait"].verdict == "worse" and fewer["occupancy"].verdict == "higher"
    assert more["wait"].difference.high < 0 < fewer["wait"].difference.low


def test_other_capacities(equal: Day) -> None:
    found = figures(compared(equal, "[[capacity]]\nmaximum = 3"))
    assert found["wait"].verdict == "better"
    assert figures(compared(equal, '[[capacity]]\nagents = ["ben"]\nmaximum = 0'))["wait"].verdict == "worse"


def test_the_same_seed_gives_the_same_figures_and_another_one_others(equal: Day) -> None:
    policy = 'agents = "fastest_first"\nqueue = "generalised_cmu"\n[[costs]]\nweight = 2\nexponent = 2'
    once, again, other = (compared(equal, policy, seed=n, replications=2) for n in (1, 1, 2))
    assert once == again and figures(other)["wait"].present != figures(once)["wait"].present


def test_offers_are_answered_as_recorded(equal: Day) -> None:
    day = Day(150, 1.0, EQUAL, accepts=False, seed=5)
    workload = workload_of(day.entries, BEGIN, day.until)
    assert {(r.outcome, r.after) for r in workload.responses} == {("accepted", 2000)}
    found = figures(compared(day, "[routing]\nauto_accept = true"))
    assert found["wait"].present.mean > 2 and found["wait"].verdict == "better"


def test_a_record_without_a_handled_conversation_is_refused() -> None:
    day = Day(1, 0.001, {"ana": 1.0})
    with pytest.raises(TooLittle):
        compared(day, "")


def test_what_began_before_the_time_does_not_count() -> None:
    day = Day(200, 2.0, EQUAL, seed=6)
    middle = BEGIN + 100 * MINUTE
    workload = workload_of(day.entries, middle, day.until)
    was = recorded(workload, 20_000)
    later = [e for e in day.entries if e.kind == "arrived" and e.at >= middle]
    assert was.count == len(later) < len([e for e in day.entries if e.kind == "arrived"])
    c = compare(workload, parsed('name = "other"'), {}, replications=2, seed=1, answer_within=20.0)
    occupancy = next(f for f in c.figures if f.name == "occupancy")
    assert 0.4 < occupancy.recorded <= 1 and abs(occupancy.present.mean - occupancy.recorded) < 0.2


@given(STEPS, st.integers(0, 60))
@searched(30)
def test_any_journal_is_a_workload_and_nobody_is_lost(steps: list[tuple[Event, int]], cut: int) -> None:
    entries, now = [RoutingEntry(1, NOW, "restored", Snapshot(POLICY))], NOW
    for event, later in steps:
        now += later
        entries.append(replace(entry_of(event, now), position=len(entries) + 1))
    since = entries[min(cut, len(entries) - 1)].at
    workload = workload_of(entries, since, now + 1000)
    for s in workload.stints:
        assert (
            s.arrived_at <= (s.assigned_at or s.arrived_at) <= (s.ended_at or s.assigned_at or s.arrived_at)
        )
    people = people_of(workload)
    policy = parsed(POLICY_OF_ALL_KINDS)
    for p in (RECORDED, policy):
        case = Case(workload, workload.stints, people, p, timeline_of(workload, p), {}, 1000)
        found = WhatIf(case, chance_of(people, workload.stints, 1, 0)).run()
        assert found.count == len(found.waits) + found.waiting
        assert found.measures()["wait"] >= 0


POLICY_OF_ALL_KINDS = """
name = "all"
agents = "most_idle"
queue = "generalised_cmu"
sticky = "1h"
[routing]
auto_accept = true
relax = [{ after = "1m", drop = "topics" }]
[threshold]
keep_free = 1
reserved_for = [{ priority = "urgent" }]
[[costs]]
match = { topic = "billing" }
weight = 3
exponent = 2
[[capacity]]
factor = 2
[[staffing]]
add = 2
like = "ana"
at = "10s"
lasts = "1m"
[[staffing]]
remove = ["ben"]
at = "5s"
lasts = "10s"
"""
