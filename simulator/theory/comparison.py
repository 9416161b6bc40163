"""Erlang-A's values beside the measured ones, and a sentence whether the server routes as theory allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from .batch_means import Interval, ratio_interval
from .erlang import erlang_a, served_within

LEAST_ARRIVALS = 200


class Model(msgspec.Struct, frozen=True):
    """Rates per second of the model; `within`: the target of the share answered in time, in seconds."""

    arrival: float
    service: float
    servers: int
    patience: float
    within: float


class Measured(msgspec.Struct, frozen=True):
    """Batches' sums: arrivals, those that had to wait, gave up, were answered in time, whose end is known, their waits (seconds of
    the model), busy slot-seconds; and the slot-seconds that a batch has."""

    arrived: Sequence[float]
    waited: Sequence[float]
    decided: Sequence[float]
    abandoned: Sequence[float]
    in_time: Sequence[float]
    wait: Sequence[float]
    busy: Sequence[float]
    available: float
    held: float
    """Mean time that a conversation really held its slot, the server's own latency included, in seconds of the model."""


class Line(msgspec.Struct, frozen=True):
    """`expected`: of the scenario's model. `effective`: of the model with the slots' real holding time, None if that has no steady state."""

    name: str
    unit: str
    expected: float
    effective: float | None
    measured: Interval | None

    @property
    def agrees(self) -> bool:
        return self.measured is not None and self.expected in self.measured


class Comparison(msgspec.Struct, frozen=True):
    lines: list[Line]
    sentence: str
    effect: str


def _values(model: Model) -> dict[str, float]:
    e = erlang_a(model.arrival, model.service, model.servers, model.patience)
    in_time = served_within(model.arrival, model.service, model.servers, model.patience, model.within)
    return {
        "waits": e.waits,
        "abandons": e.abandons,
        "wait": e.mean_wait,
        "occupancy": e.occupancy,
        "in_time": in_time,
    }


def compare(model: Model, measured: Measured) -> Comparison | None:
    """None if the model has no steady state."""
    try:
        expected = _values(model)
    except ValueError:
        return None
    try:
        effective = (
            _values(msgspec.structs.replace(model, service=1 / measured.held)) if measured.held else None
        )
    except ValueError:
        effective = None
    m = measured
    found = {
        "waits": ratio_interval(m.waited, m.arrived),
        "abandons": ratio_interval(m.abandoned, m.decided),
        "wait": ratio_interval(m.wait, m.decided),
        "occupancy": ratio_interval(m.busy, [m.available] * len(m.busy)),
        "in_time": ratio_interval(m.in_time, m.decided),
    }
    names = {
        "waits": ("had to wait", "share"),
        "abandons": ("gave up", "share"),
        "wait": ("mean wait", "s"),
        "occupancy": ("occupancy", "share"),
        "in_time": (f"answered within {model.within:g} s", "share"),
    }
    lines = [
        Line(*names[key], expected[key], None if effective is None else effective[key], found[key])
        for key in names
        if key != "abandons" or model.patience
    ]
    return Comparison(lines, _sentence(lines, sum(m.arrived)), _effect(model, measured))


def _sentence(lines: list[Line], arrived: float) -> str:
    if arrived < LEAST_ARRIVALS:
        return f"Too few arrivals after the warm-up ({arrived:.0f}) to judge the routing by theory."
    off = [line for line in lines if not line.agrees]
    if not off:
        return "The server routes as theory allows: each of Erlang-A's values lies in the measured 95 % interval."
    worse = ", ".join(line.name for line in off)
    few = "One value in twenty does so by chance." if len(off) == 1 else ""
    return f"Off the theory: {worse} outside of the measured 95 % interval. {few}".strip()


def _effect(model: Model, measured: Measured) -> str:
    if not measured.held or not math.isfinite(measured.held):
        return ""
    extra = measured.held * model.service - 1
    return f"A conversation held its slot for {measured.held:.2f} s of the model where the scenario says {1 / model.service:.2f} s ({extra:+.1%})."
