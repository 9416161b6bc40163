"""How many nodes the load needs: enough at once, fewer only after a long calm, and no coming and going."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tertulia.serving.scale_policy import Limits, Load, Scale, rescale

LIMITS = Limits(fewest=1, most=12, commands=1000, streams=5000, waiting=100, quiet=300)
EVERY = 5.0
QUIET = int(LIMITS.quiet / EVERY)
ALONE = Scale(1)

loads = st.builds(
    Load,
    commands=st.floats(0, 20_000),
    streams=st.floats(0, 80_000),
    waiting=st.floats(0, 2_000),
    whole=st.booleans(),
)
traces = st.lists(st.tuples(loads, st.integers(1, 80)), min_size=1, max_size=25).map(
    lambda phases: [load for load, times in phases for _ in range(times)]
)
"""Loads as seen every few seconds: each lasts for a while, from one look to longer than a calm."""


def steps(loads: Sequence[Load], start: Scale = ALONE) -> list[Scale]:
    """The scale after each look, where nodes come and go at once."""
    nodes = itertools.accumulate(
        enumerate(loads), lambda scale, seen: rescale(scale, seen[1], scale.wanted, seen[0] * EVERY, LIMITS),
        initial=start,
    )  # fmt: skip
    return list(nodes)


def changes(scales: Sequence[Scale]) -> list[tuple[int, int]]:
    """Each change: at which look, and by how many nodes."""
    pairs = enumerate(itertools.pairwise(scales))
    return [(at, b.wanted - a.wanted) for at, (a, b) in pairs if a.wanted != b.wanted]


@given(traces)
def test_a_node_goes_only_after_a_calm_and_one_at_a_time(trace: list[Load]) -> None:
    found = changes(steps(trace))
    for (before, _), (at, by) in itertools.pairwise(found):
        assert by > 0 or (by == -1 and at - before >= QUIET)
    assert all(LIMITS.fewest <= scale.wanted <= LIMITS.most for scale in steps(trace))


@given(
    st.floats(0, 9_000),
    st.floats(0, 45_000),
    st.lists(st.tuples(st.floats(1, 1.45), st.floats(1, 1.45), st.integers(1, 150)), min_size=1, max_size=15),
    st.integers(1, 12),
)
def test_a_load_that_stays_within_a_factor_of_1_45_never_adds_and_ends_nodes(
    commands: float, streams: float, noise: list[tuple[float, float, int]], start: int
) -> None:
    trace = [Load(commands * a, streams * b, 0) for a, b, times in noise for _ in range(times)]
    assert len({by > 0 for _, by in changes(steps(trace, Scale(start)))}) <= 1


@given(traces, loads)
def test_nodes_for_all_that_was_measured_are_there_at_once(trace: list[Load], last: Load) -> None:
    wanted = steps([*trace, last])[-1].wanted
    enough = (
        last.commands <= 0.81 * wanted * LIMITS.commands and last.streams <= 0.81 * wanted * LIMITS.streams
    )
    assert enough or wanted == LIMITS.most


@given(traces)
def test_no_node_ends_while_a_process_does_not_tell_its_load(trace: list[Load]) -> None:
    partial = [Load(load.commands, load.streams, load.waiting, whole=False) for load in trace]
    assert all(by > 0 for _, by in changes(steps(partial, Scale(6))))


def test_a_calm_ends_all_nodes_but_the_fewest_one_after_the_other() -> None:
    found = changes(steps([Load(0, 0, 0)] * (5 * QUIET), Scale(4)))
    assert found == [(QUIET, -1), (2 * QUIET, -1), (3 * QUIET, -1)]


def test_the_next_node_goes_once_the_one_before_has_left() -> None:
    scale = Scale(4)
    for look in range(4 * QUIET):
        scale = rescale(scale, Load(0, 0, 0), 4, look * EVERY, LIMITS)
    assert scale.wanted == 3


def test_a_queue_adds_one_node_a_minute_once_those_wanted_work() -> None:
    queue = [Load(0, 0, 50_000)] * 37  # three minutes
    assert changes(steps(queue)) == [(0, 1), (12, 1), (24, 1), (36, 1)]
    waiting = Scale(2)
    for look in range(37):
        waiting = rescale(waiting, queue[0], 1, look * EVERY, LIMITS)
    assert waiting.wanted == 2, "the second node has not come yet"
