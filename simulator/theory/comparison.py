"""A theory's values beside the measured ones, and a sentence whether the server routes as theory allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from .batch_means import Interval, ratio_interval
from .erlang import erlang_a, served_within
from .two_servers import Rule, two_servers, waits_longer

LEAST_ARRIVALS = 200


class ErlangModel(msgspec.Struct, frozen=True):
    """Rates per second of the model; `within`: the target of the share answered in time, in seconds."""

    arrival: float
    service: float
    servers: int
    patience: float
    within: float

    name = "Erlang-A"

    def values(self) -> dict[str, float]:
        """Raises ValueError if there is no steady state."""
        e = erlang_a(self.arrival, self.service, self.servers, self.patience)
        in_time = served_within(self.arrival, self.service, self.servers, self.patience, self.within)
        gave_up = {"abandons": e.abandons} if self.patience else {}
        return {
            "waits": e.waits,
            **gave_up,
            "wait": e.mean_wait,
            "occupancy": e.occupancy,
            "in_time": in_time,
        }

    def handling(self) -> float:
        """The mean time that a conversation should hold its slot."""
        return 1 / self.service

    def slowed(self, factor: float) -> ErlangModel:
        """With conversations that hold their slots so many times as long."""
        return msgspec.structs.replace(self, service=self.service / factor)


class TwoAgentsModel(msgspec.Struct, frozen=True):
    """Two agents of different speed with one slot each, customers who wait for ever, and the rule that chooses between both."""

    arrival: float
    fast: float
    slow: float
    rule: Rule
    within: float

    name = "exact"

    def values(self) -> dict[str, float]:
        """Raises ValueError if there is no steady state."""
        found = two_servers(self.arrival, self.fast, self.slow, self.rule)
        late = waits_longer(self.arrival, self.fast, self.slow, self.rule, self.within)
        return {
            "waits": found.waits,
            "wait": found.mean_wait,
            "occupancy": found.occupancy,
            "in_time": 1 - late,
        }

    def handling(self) -> float:
        """The mean time that a conversation should hold its slot: occupied slots by arrivals."""
        return 2 * self.values()["occupancy"] / self.arrival

    def slowed(self, factor: float) -> TwoAgentsModel:
        """With conversations that hold their slots so many times as long."""
        return msgspec.structs.replace(self, fast=self.fast / factor, slow=self.slow / factor)


Model = ErlangModel | TwoAgentsModel


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
    """`theory`: the name of what the expected values are."""

    theory: str
    lines: list[Line]
    sentence: str
    effect: str


def compare(model: Model, measured: Measured) -> Comparison | None:
    """None if the model has no steady state."""
    try:
        expected = model.values()
    except ValueError:
        return None
    try:
        effective = model.slowed(measured.held / model.handling()).values() if measured.held else None
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
        for key in expected
    ]
    return Comparison(model.name, lines, _sentence(lines, sum(m.arrived)), _effect(model, measured))


def _sentence(lines: list[Line], arrived: float) -> str:
    if arrived < LEAST_ARRIVALS:
        return f"Too few arrivals after the warm-up ({arrived:.0f}) to judge the routing by theory."
    off = [line for line in lines if not line.agrees]
    if not off:
        return "The server routes as theory allows: each of its values lies in the measured 95 % interval."
    worse = ", ".join(line.name for line in off)
    few = "One value in twenty does so by chance." if len(off) == 1 else ""
    return f"Off the theory: {worse} outside of the measured 95 % interval. {few}".strip()


def _effect(model: Model, measured: Measured) -> str:
    if not measured.held or not math.isfinite(measured.held):
        return ""
    planned = model.handling()
    extra = measured.held / planned - 1
    return f"A conversation held its slot for {measured.held:.2f} s of the model where theory says {planned:.2f} s ({extra:+.1%})."
