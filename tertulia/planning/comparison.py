"""The recorded policy and another one, on the same customers and agents, again and again with other chance.

In each replication both policies meet the same chance (common random numbers), so that their difference is theirs. The intervals say
how far chance in handling times and patience reaches; arrivals are those of the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np

from ..simulator.theory.batch_means import Interval, quantile
from .outcome import BINS, LESS_IS_BETTER, MEASURES, NEUTRAL, SHARES, Outcome, recorded
from .people import People, chance_of, people_of
from .policy_file import RECORDED, PolicyFile
from .timeline import timeline_of
from .what_if import Case, WhatIf
from .workload import TooLittle, Workload

Verdict = Literal["better", "worse", "higher", "lower", "equal", "no difference shown"]
NEGLIGIBLE = 1e-9


class Figure(msgspec.Struct, frozen=True):
    """One measure: as it was, and under both policies with 95 % intervals. `difference`: the other policy's minus the recorded one's.
    `fits`: whether what was recorded lies where the model of the recorded policy has it."""

    name: str
    about: str
    recorded: float
    present: Interval
    other: Interval
    difference: Interval
    verdict: Verdict
    fits: bool


class Series(msgspec.Struct, frozen=True):
    """Means over time: conversations that wait, and slots in use."""

    queue: list[float]
    busy: list[float]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`since`, `until` in ms. `factors`: how many times as long agents take, if they differ."""

    policy: PolicyFile
    since: int
    until: int
    replications: int
    seed: int
    answer_within: float
    stints: int
    completed: int
    gave_up: int
    factors: dict[str, float]
    figures: list[Figure]
    series: dict[str, Series]
    patience: list[float]
    """The share that is still ready to wait after 0, 1/50, 2/50 … of the longest wait that was seen."""
    longest: float
    """That wait, in seconds."""

    @property
    def notes(self) -> list[str]:
        """Sentences on the comparison's limits."""
        found = []
        wrong = [f.about for f in self.figures if not f.fits]
        if wrong:
            found.append(
                f"The model of the recorded policy does not give what was recorded ({', '.join(wrong)}): read the differences with care."
            )
        if not self.gave_up:
            found.append("Nobody gave up in this time, so the model's customers wait for ever.")
        return found


def compare(
    workload: Workload, policy: PolicyFile, contacts: dict[str, str], *, replications: int, seed: int,
    answer_within: float, progress: Callable[[int], None] = lambda done: None,
) -> Comparison:  # fmt: skip
    """Raises TooLittle."""
    stints, people = workload.stints, people_of(workload)
    if not people.completed:
        raise TooLittle("no conversation was handled from its beginning to its end in this time")
    within = round(1000 * answer_within)
    cases = [
        Case(workload, stints, people, p, timeline_of(workload, p), contacts, within)
        for p in (RECORDED, policy)
    ]
    rows: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
    queue, busy = np.zeros((2, BINS)), np.zeros((2, BINS))
    for replication in range(replications):
        chance = chance_of(people, stints, seed, replication)
        for n, case in enumerate(cases):
            outcome = WhatIf(case, chance).run()
            rows[n].append(outcome.measures())
            queue[n] += outcome.queue / replications
            busy[n] += outcome.busy / replications
        progress(replication + 1)
    was = recorded(workload, within)
    series = {
        "recorded": _series(was), "present": Series(queue[0].tolist(), busy[0].tolist()),
        "other": Series(queue[1].tolist(), busy[1].tolist()),
    }  # fmt: skip
    found = was.measures()
    patience, longest = _patience(people)
    return Comparison(
        policy=policy, since=workload.since, until=workload.until, replications=replications, seed=seed,
        answer_within=answer_within, stints=len(stints), completed=people.completed, gave_up=people.gave_up,
        factors=people.factors, figures=[_figure(name, found[name], *rows) for name in MEASURES], series=series,
        patience=patience, longest=longest,
    )  # fmt: skip


def _series(outcome: Outcome) -> Series:
    return Series(outcome.queue.tolist(), outcome.busy.tolist())


def _patience(people: People) -> tuple[list[float], float]:
    longest = float(people.patience.times[-1]) if len(people.patience.times) else 0.0
    return [people.patience.at(longest * n / 50) for n in range(51)] if longest else [], longest / 1000


def interval(values: Sequence[float]) -> Interval:
    """The mean of replications and its 95 % interval."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Interval(mean, -math.inf, math.inf)
    spread = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    half = quantile(n - 1) * math.sqrt(spread / n)
    return Interval(mean, mean - half, mean + half)


def _figure(
    name: str, was: float, present: Sequence[dict[str, float]], other: Sequence[dict[str, float]]
) -> Figure:
    a, b = [row[name] for row in present], [row[name] for row in other]
    difference = interval([y - x for x, y in zip(a, b, strict=True)])
    return Figure(
        name,
        MEASURES[name],
        was,
        interval(a),
        interval(b),
        difference,
        _verdict(name, difference),
        _fits(name, was, a),
    )


def _verdict(name: str, difference: Interval) -> Verdict:
    if max(abs(difference.low), abs(difference.high)) < NEGLIGIBLE:
        return "equal"
    if difference.low <= 0 <= difference.high:
        return "no difference shown"
    less = difference.high < 0
    if name in NEUTRAL:
        return "lower" if less else "higher"
    return "better" if less == (name in LESS_IS_BETTER) else "worse"


def _fits(name: str, was: float, values: Sequence[float]) -> bool:
    """Whether another replication might give what was recorded, or nearly that."""
    n = len(values)
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / max(n - 1, 1))
    near = 0.02 if name in SHARES or name == "gini of load" else max(0.1 * abs(mean), 0.5)
    return abs(was - mean) <= max(3 * spread * math.sqrt(1 + 1 / n), near)
