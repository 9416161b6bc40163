"""From a record back to the scenario behind it: arrivals, bursts, patience, handling, agents, and nobody's name."""

from __future__ import annotations

import math
import random
import re

import pytest
from days import BEGIN, Day

from tertulia.planning.fitting import curve_of, duration_of, patience_of
from tertulia.planning.learning import Talk, learned
from tertulia.planning.workload import TooLittle, workload_of
from tertulia.simulator.scenario.arrivals import Arrivals, Burst, arrival_times, rate_at
from tertulia.simulator.scenario.distributions import Distribution
from tertulia.simulator.scenario.loading import parsed
from tertulia.simulator.scenario.model import Scenario
from tertulia.simulator.scenario.units import PerSecond, Seconds

SCENARIO = """
name = "Original"
about = "To be found again."
duration = "10h"
[arrivals]
rate = "4/min"
bursts = [{ at = "3h", lasts = "20m", factor = 3 }]
[[customers]]
patience = { distribution = "weibull", mean = "3m", shape = 0.7 }
[[agents]]
count = 4
slots = 4
handling = { distribution = "lognormal", mean = "4m", cv = 0.8 }
"""
AGENTS = ("ana@example.com", "ben", "cleo", "dan")


def recorded(text: str = SCENARIO, **preferences: object) -> Day:
    scenario = parsed(text)
    return Day(
        round(scenario.duration / 60), 1, dict.fromkeys(AGENTS, 1.0), slots=scenario.agents[0].slots, scenario=scenario, **preferences,
    )  # fmt: skip


def learn(day: Day) -> Scenario:
    workload = workload_of(day.entries, BEGIN, day.until)
    talks = {c: Talk(3, 40_000, 2) for c in workload.conversations}
    return parsed(learned(workload, talks).toml)


def test_a_scenario_is_found_again() -> None:
    found, original = learn(recorded()), parsed(SCENARIO)
    assert found.duration == original.duration
    assert found.arrivals.curve == "constant"
    assert found.arrivals.rate == pytest.approx(original.arrivals.rate, rel=0.08)
    (burst,) = found.arrivals.bursts
    assert (burst.at, burst.lasts) == (pytest.approx(10_800, abs=300), pytest.approx(1200, abs=300))
    assert burst.factor == pytest.approx(3, rel=0.25)
    (customers,), (agents,) = found.customers, found.agents
    assert customers.patience is not None and customers.patience.distribution == "weibull"
    assert customers.patience.mean == pytest.approx(180, rel=0.3)
    assert customers.patience.shape == pytest.approx(0.7, rel=0.2)
    assert (customers.turns, customers.think.mean) == (3, 20)
    assert agents.handling.distribution == "lognormal"
    assert agents.handling.mean == pytest.approx(240, rel=0.1)
    assert agents.handling.cv == pytest.approx(0.8, rel=0.1)
    assert (agents.count, agents.slots, agents.auto_accept) == (4, 4, True)
    assert found.policy.strategy == "least_busy"


def test_quick_and_slow_agents_are_different_kinds() -> None:
    day = Day(600, 2.0, {"ana": 1.0, "ben": 1.0, "cleo": 0.25, "dan": 0.25}, patience=5, slots=2, seed=9)
    kinds = sorted((a.handling.mean, a.count) for a in learn(day).agents)
    assert kinds == [(pytest.approx(60, rel=0.2), 2), (pytest.approx(240, rel=0.2), 2)]


def test_nobody_is_named() -> None:
    day = recorded(topics=frozenset({"Mrs Smith's divorce"}), languages=frozenset({"en"}))
    workload = workload_of(day.entries, BEGIN, day.until)
    text = learned(workload, {}).toml
    for word in (*AGENTS, "Smith", *list(workload.conversations)[:5]):
        assert not re.search(rf"\b{re.escape(word)}\b", text), word
    assert parsed(text).agents[0].topics == ["topic 1"] and parsed(text).agents[0].languages == ["en"]


def test_a_record_without_customers_is_refused() -> None:
    day = Day(1, 0.001, {"ana": 1.0})
    with pytest.raises(TooLittle):
        learned(workload_of(day.entries, BEGIN, day.until), {})


@pytest.mark.parametrize("seed", range(3))
def test_a_day_s_curve(seed: int) -> None:
    day = Arrivals(curve="day", rate=PerSecond(0.1), bursts=[Burst(Seconds(30_000), Seconds(1800), 4.0)])
    curve = curve_of(list(arrival_times(day, 86_400, seed)), 86_400)
    again = Arrivals(curve="day", rate=PerSecond(curve.rate), hours=curve.hours)
    plain = Arrivals(curve="day", rate=PerSecond(0.1))
    for hour in range(8, 20):
        t = (hour + 0.5) * 3600
        assert rate_at(again, t, 86_400) == pytest.approx(rate_at(plain, t, 86_400), rel=0.25)
    assert [(b.at, b.lasts) for b in curve.bursts] == [(30_000, 1800)]
    assert curve.bursts[0].factor == pytest.approx(4, rel=0.25)


def test_a_constant_rate_has_neither_hours_nor_bursts() -> None:
    for seed in range(10):
        curve = curve_of(list(arrival_times(Arrivals(rate=PerSecond(0.2)), 36_000, seed)), 36_000)
        assert (curve.hours, curve.bursts) == ([], [])
        assert curve.rate == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        (Distribution(mean=Seconds(60)), None),
        (Distribution(distribution="lognormal", mean=Seconds(300), cv=1.2), 1.2),
    ],
)
def test_durations(kind: Distribution, second: float | None) -> None:
    rng = random.Random(2)
    found = duration_of([kind.sample(rng) for _ in range(3000)])
    assert found.name == kind.distribution and found.mean == pytest.approx(kind.mean, rel=0.1)
    assert found.second == (None if second is None else pytest.approx(second, rel=0.1))


def test_patience_is_not_taken_for_the_wait_of_those_who_gave_up() -> None:
    rng = random.Random(3)
    pairs = [(rng.expovariate(1 / 60), rng.expovariate(1 / 20)) for _ in range(4000)]
    found = patience_of([min(p) for p in pairs], [a < b for a, b in pairs])
    assert found is not None and found.name == "exponential" and found.mean == pytest.approx(60, rel=0.1)
    assert math.isclose(sum(min(p) for p in pairs) / len(pairs), 15, rel_tol=0.1)
    assert patience_of([1.0] * 50, [False] * 50) is None
