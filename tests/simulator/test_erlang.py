"""The theory: right values known from two independent computations, and limits that must hold."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.simulator.theory.batch_means import ratio_interval
from tertulia.simulator.theory.comparison import ErlangModel, Measured, TwoAgentsModel, compare
from tertulia.simulator.theory.erlang import erlang_a, served_within
from tertulia.simulator.theory.two_servers import RULES, Rule, two_servers, waits_longer

ROWS = [
    (48, 1, 50, 0.5, 0.46777, 0.03091, 3.709, 0.93032, 0.94302),
    (48, 1, 50, 0, 0.69446, 0, 20.834, 0.96, None),
    (9, 1, 10, 0.5, 0.46894, 0.06701, 8.041, 0.83969, 0.79379),
    (60, 1, 50, 0.5, 0.97524, 0.16823, 20.187, 0.99813, 0.38362),
    (100, 1, 100, 1, 0.51330, 0.03986, 2.392, 0.96014, 0.95952),
    (10, 0.1, 100, 0.2, 0.43000, 0.04668, 14.005, 0.95332, 0.71532),
    (12, 0.1, 100, 0.2, 0.90573, 0.17014, 51.042, 0.99583, 0.19433),
]
"""λ, μ, n, θ a minute → P(W > 0), P(abandon), E[W] in seconds, occupancy, served within 20 s."""


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_known_values(row: tuple[float, ...]) -> None:
    arrival, service, servers, patience, waits, abandons, wait, occupancy, in_time = row
    found = erlang_a(arrival, service, int(servers), patience)
    assert round(found.waits, 5) == waits and round(found.abandons, 5) == abandons
    assert round(found.mean_wait * 60, 3) == wait and round(found.occupancy, 5) == occupancy
    if in_time is not None:
        assert round(served_within(arrival, service, int(servers), patience, 20 / 60), 5) == in_time


@pytest.mark.parametrize(
    ("rule", "waits", "wait"),
    [
        ("fastest_first", 0.32609, 0.21739),
        ("longest_idle", 0.34615, 0.23077),
        ("random", 0.34615, 0.23077),
        ("slowest_first", 0.36207, 0.24138),
        ("round_robin", 0.34957, 0.23305),  # an event simulation of 180,000 customers gives 0.348 and 0.229
    ],
)  # fmt: skip
def test_two_servers_of_different_speed(rule: Rule, waits: float, wait: float) -> None:
    found = two_servers(1.5, 2, 1, rule)
    assert (round(found.waits, 5), round(found.mean_wait, 5)) == (waits, wait)


@pytest.mark.parametrize("rule", RULES)
def test_two_servers_of_one_speed_are_erlangs(rule: Rule) -> None:
    found, known = two_servers(1, 1, 1, rule), erlang_a(1, 1, 2, 0)
    assert math.isclose(found.waits, known.waits, abs_tol=1e-9)
    assert math.isclose(found.mean_wait, known.mean_wait, abs_tol=1e-9)
    with pytest.raises(ValueError, match="more service"):
        two_servers(2, 1, 1, rule)


@given(st.floats(0.5, 40), st.integers(1, 60))
def test_with_patience_like_service_the_number_in_the_system_is_poisson(load: float, servers: int) -> None:
    waits = 1 - math.fsum(math.exp(-load + k * math.log(load) - math.lgamma(k + 1)) for k in range(servers))
    assert math.isclose(erlang_a(load, 1, servers, 1).waits, waits, abs_tol=1e-9)


def test_a_queue_that_grows_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="more servers"):
        erlang_a(51, 1, 50, 0)


def test_the_interval_holds_the_mean_nineteen_times_in_twenty() -> None:
    rng = random.Random(5)
    held = 0
    for _ in range(600):
        counts = [float(rng.randint(20, 60)) for _ in range(20)]
        sums = [sum(rng.expovariate(1 / 3) for _ in range(int(c))) for c in counts]
        found = ratio_interval(sums, counts)
        assert found is not None
        held += 3 in found
    assert 0.92 < held / 600 < 0.98


def test_the_interval_of_correlated_batches_is_wider() -> None:
    """An autoregressive process with correlation 0.6 between neighbours: batches taken as independent would hold half as often."""
    rng, held = random.Random(6), 0
    for _ in range(400):
        level, means = rng.gauss(0, 1), []
        for _ in range(20):
            level = 0.6 * level + 0.8 * rng.gauss(0, 1)
            means.append(10 + level)
        found = ratio_interval(means, [1.0] * 20)
        assert found is not None
        held += 10 in found
    assert held / 400 > 0.82


def test_one_batch_has_no_interval() -> None:
    assert ratio_interval([3.0], [2.0]) is None and ratio_interval([0.0, 0.0], [0.0, 0.0]) is None


def measured(waits: float, arrivals: float = 100) -> Measured:
    expected = erlang_a(48, 1, 50, 0.5)
    off = [1 + 0.1 * math.sin(i) for i in range(20)]
    arrived = [arrivals] * 20
    return Measured(
        arrived, [arrivals * waits * x for x in off], arrived, [arrivals * expected.abandons * x for x in off],
        [arrivals * 0.94302] * 19 + [arrivals * 0.95], [arrivals * expected.mean_wait * x for x in off],
        [expected.occupancy * 1000 * x for x in off], 1000, 1.0,
    )  # fmt: skip


def test_the_sentence_tells_a_server_that_routes_from_one_that_does_not() -> None:
    model = ErlangModel(48, 1, 50, 0.5, 20 / 60)
    good, bad, few = (compare(model, measured(*given)) for given in ((0.46777,), (0.6,), (0.46777, 2)))
    assert good and good.sentence.startswith("The server routes as theory allows")
    assert bad and bad.sentence.startswith("Off the theory: had to wait")
    assert few and few.sentence.startswith("Too few arrivals")
    assert compare(ErlangModel(51, 1, 50, 0, 1), measured(0.5)) is None


def test_two_agents_are_judged_by_the_exact_chain() -> None:
    model = TwoAgentsModel(1.5, 2, 1, "round_robin", 0.5)
    off = [1 + 0.1 * math.sin(i) for i in range(20)]
    arrived = [100.0] * 20
    values, held = model.values(), model.handling()
    of = Measured(
        arrived, [100 * values["waits"] * x for x in off], arrived, [0.0] * 20, [100 * values["in_time"] * x for x in off],
        [100 * values["wait"] * x for x in off], [1000 * values["occupancy"] * x for x in off], 1000, held,
    )  # fmt: skip
    found = compare(model, of)
    assert found and found.theory == "exact" and found.lines[0].name == "had to wait"
    assert all(line.agrees for line in found.lines) and "gave up" not in {line.name for line in found.lines}
    assert found.lines[0].effective == pytest.approx(found.lines[0].expected) and "(+0.0%)" in found.effect
    assert compare(TwoAgentsModel(3, 2, 1, "random", 1), of) is None


def test_erlangs_share_in_time_is_that_of_two_equal_servers() -> None:
    late = waits_longer(1, 1, 1, "longest_idle", 0.7)
    assert math.isclose(1 - late, served_within(1, 1, 2, 0, 0.7), abs_tol=1e-12)


@pytest.mark.parametrize("row", [(1000, 1, 1010, 0.1), (48, 1, 50, 0.5), (60, 1, 50, 0.5)], ids=str)
def test_in_time_without_end_are_all_who_do_not_give_up(row: tuple[float, ...]) -> None:
    arrival, service, servers, patience = row
    abandons = erlang_a(arrival, service, int(servers), patience).abandons
    found = served_within(arrival, service, int(servers), patience, 60 / patience)
    assert math.isclose(found, 1 - abandons, abs_tol=1e-10)


def test_at_once_are_all_who_need_not_wait() -> None:
    assert math.isclose(served_within(48, 1, 50, 0.5, 0), 1 - erlang_a(48, 1, 50, 0.5).waits, abs_tol=1e-12)
