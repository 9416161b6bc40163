"""Customers' arrivals: an open model, a non-homogeneous Poisson process whose rate follows a curve, or a recording.

Arrivals do not wait for answers. Every worker generates the same sequence from the seed and takes its share of it, so a run
has the same arrivals however many processes drive it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from .units import PerSecond, Seconds

DAY = (0.10, 0.06, 0.04, 0.03, 0.04, 0.10, 0.25, 0.55, 1.00, 1.45, 1.70, 1.75,
       1.60, 1.55, 1.65, 1.65, 1.50, 1.30, 1.05, 0.90, 0.80, 0.65, 0.40, 0.20)  # fmt: skip
"""Weight of each hour of a common day: two humps around noon, quiet nights (the shape in Brown et al. 2005)."""


class Burst(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign or an outage: from `at` on, for `lasts`, the rate is multiplied by `factor`."""

    at: Seconds
    lasts: Seconds
    factor: Annotated[float, msgspec.Meta(gt=0, le=1000)]


class Arrivals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`rate` is the rate of a constant curve, the mean of a day, and where a ramp begins; it ends at `to`.

    `hours` are the weights of the day's hours; the day is stretched over the scenario's duration. `ramp_up`: the rate rises from
    nothing within this time. `times` come from `recording`, a file with one arrival a line, in seconds from its beginning.
    """

    curve: Literal["constant", "ramp", "day", "recording"] = "constant"
    rate: PerSecond = PerSecond(0)
    to: PerSecond | None = None
    ramp_up: Seconds = Seconds(0)
    hours: Annotated[
        list[Annotated[float, msgspec.Meta(ge=0, le=1000)]], msgspec.Meta(min_length=24, max_length=24)
    ] = msgspec.field(default_factory=lambda: list(DAY))
    bursts: Annotated[list[Burst], msgspec.Meta(max_length=100)] = []
    recording: str | None = None
    times: list[float] = []


def rate_at(arrivals: Arrivals, t: float, duration: float) -> float:
    """The rate per second of the model at `t` seconds."""
    rate = float(arrivals.rate)
    if arrivals.curve == "ramp":
        rate += (float(arrivals.to or 0) - rate) * t / duration
    elif arrivals.curve == "day":
        hour = (
            24 * t / duration - 0.5
        )  # a weight holds in the middle of its hour, and is interpolated between
        low = int(hour // 1)
        left, right = arrivals.hours[low % 24], arrivals.hours[(low + 1) % 24]
        rate *= (left + (right - left) * (hour - low)) * 24 / sum(arrivals.hours)
    for burst in arrivals.bursts:
        if burst.at <= t < burst.at + burst.lasts:
            rate *= burst.factor
    if t < arrivals.ramp_up:
        rate *= t / arrivals.ramp_up
    return rate


def peak(arrivals: Arrivals) -> float:
    """A bound of the rate, for thinning."""
    rate = max(float(arrivals.rate), float(arrivals.to or 0) if arrivals.curve == "ramp" else 0.0)
    if arrivals.curve == "day":
        rate *= 24 * max(arrivals.hours) / sum(arrivals.hours)
    for burst in arrivals.bursts:
        rate *= max(1.0, burst.factor)  # bursts may overlap
    return rate


def arrival_times(arrivals: Arrivals, duration: float, seed: int) -> Iterator[float]:
    """The arrivals before `duration`, in seconds of the model, ascending. Thinning after Lewis and Shedler (1979)."""
    if arrivals.curve == "recording":
        yield from (t for t in arrivals.times if t < duration)
        return
    rng, t, most = random.Random(seed), 0.0, peak(arrivals)
    while most > 0:
        t += rng.expovariate(most)
        if t >= duration:
            return
        if rng.random() * most < rate_at(arrivals, t, duration):
            yield t


def expected(arrivals: Arrivals, duration: float) -> float:
    """The expected number of customers."""
    if arrivals.curve == "recording":
        return float(sum(t < duration for t in arrivals.times))
    steps = 2_000
    return (
        sum(rate_at(arrivals, (i + 0.5) * duration / steps, duration) for i in range(steps))
        * duration
        / steps
    )
