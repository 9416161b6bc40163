"""The report as one document, from which every format is made."""

from __future__ import annotations

import math
from typing import Any, Protocol

import msgspec

from ..figures import expectations, generator
from ..figures.figures import BUCKETS, Figures
from ..figures.floor import BATCHES, Batch, Load, gini
from ..figures.histograms import Histogram
from ..plan import Seat
from ..scenario.model import Scenario
from ..theory.batch_means import Interval
from ..theory.comparison import Comparison, Line, Measured, compare
from . import theories

FORMAT = 1


class Machine(msgspec.Struct, frozen=True):
    """The generator's. `load`: of the last minute, as the operating system tells it."""

    name: str
    system: str
    cpus: int
    python: str
    load: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """`interrupted`: somebody ended it before its time."""

    name: str
    started_at: str
    elapsed: float
    url: str
    server: str
    account: str
    workers: int
    ray: str | None
    parameters: dict[str, Any]
    machine: Machine
    interrupted: bool = False


class Times(msgspec.Struct, frozen=True):
    """In seconds."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class Request(msgspec.Struct, frozen=True):
    kind: str
    failed: int
    times: Times
    statuses: dict[str, int]
    sent_bytes: int
    received_bytes: int


class AgentFigures(msgspec.Struct, frozen=True):
    """`working`: the share of the run with at least one conversation; `occupancy`: of the slots."""

    user_id: str
    group: str
    slots: int
    taken: int
    working: float
    occupancy: float


class TheoryLine(msgspec.Struct, frozen=True):
    name: str
    unit: str
    expected: float
    effective: float | None
    measured: Interval | None
    agrees: bool


class Theory(msgspec.Struct, frozen=True):
    """`of`: the name of what the expected values are."""

    lines: list[TheoryLine]
    sentence: str
    effect: str
    of: str = "Erlang-A"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`measures`: every figure that a condition can name, but for percentiles. `limited`: why the generator may be what was measured."""

    format: int = FORMAT
    run: Run
    scenario: dict[str, Any]
    passed: bool
    verdicts: list[expectations.Verdict]
    measures: dict[str, float]
    times: dict[str, Times]
    requests: list[Request]
    series: dict[str, list[float]]
    width: float
    errors: dict[str, int]
    samples: list[str]
    audit: list[str]
    agents: list[AgentFigures]
    theory: Theory | None
    limited: list[str]
    limits: dict[str, int]
    notes: list[str]


class Gathered(Protocol):
    """The workers' reports besides their figures: `simulator.run.worker.Outcome`."""

    audit: dict[str, int]
    checked: int
    examples: list[str]
    floor: Any


def times_of(h: Histogram) -> Times:
    p50, p90, p95, p99 = (h.percentile(p) for p in (50, 90, 95, 99))
    return Times(h.count, h.mean, p50, p90, p95, p99, h.largest)


def report_of(
    scenario: Scenario, seats: list[Seat], run: Run, figures: Figures, rest: Gathered, wanted: list[str], notes: list[str],
    *, runs: bool = False,
) -> Report:  # fmt: skip
    """The report of what was measured so far. `runs`: while the run continues, without the theory, whose values take a second of CPU."""
    batches: list[Batch] = rest.floor.batches
    agents = _agents(scenario, seats, rest.floor.loads, run.elapsed)
    measures = _measures(scenario, run, figures, rest, batches, agents)
    verdicts = expectations.judged(
        expectations.all_of(wanted), lambda name: _measured(name, measures, figures, run.elapsed)
    )
    limits = {
        name.removeprefix("limit "): n for name, n in figures.counts.items() if name.startswith("limit ")
    }
    return Report(
        run=run, scenario=msgspec.to_builtins(scenario, enc_hook=float), passed=all(v.holds for v in verdicts), verdicts=verdicts,
        measures=measures, times={name: times_of(h) for name, h in sorted(figures.times.items())},
        requests=[
            Request(kind, r.failed, times_of(r.latency), dict(r.statuses.most_common()), r.sent_bytes, r.received_bytes)
            for kind, r in sorted(figures.rows.items())
        ],
        series=figures.series | _percentiles(figures), width=figures.width, errors=dict(figures.errors.most_common()),
        samples=figures.samples, audit=rest.examples + [f"over_capacity: {what}" for what in rest.floor.over_capacity],
        agents=agents, theory=None if runs else _theory(scenario, figures, batches), limited=generator.limits(figures), limits=limits,
        notes=notes + _notes(scenario, measures),
    )  # fmt: skip


def _percentiles(figures: Figures) -> dict[str, list[float]]:
    return {f"ack p{p}": [h.percentile(p) for h in figures.acks] for p in (50, 99)}


def _measures(
    scenario: Scenario,
    run: Run,
    figures: Figures,
    rest: Gathered,
    batches: list[Batch],
    agents: list[AgentFigures],
) -> dict[str, float]:
    counts, floor = figures.counts, rest.floor.counts
    decided = floor.get("answered", 0) + floor.get("abandoned", 0)
    length, warm_up = (float(t) / scenario.scale for t in (scenario.duration, scenario.warm_up))
    slots = max(1e-9, min(run.elapsed, length) - warm_up) * scenario.slot_count
    known = {name: float(rest.audit.get(name, 0)) for name in ("lost", "duplicated", "reordered", "leaked")}
    silent = counts["left silently"]
    known |= {name: float(counts[name]) for name in ("arrived", "sent", "acknowledged", "failed", "refused", "over_capacity", "unfinished",
                                                     "reconnects", "came back", "resent", "agents signed in")}  # fmt: skip
    known |= {
        name: float(floor.get(name, 0)) for name in ("served", "reassigned", "foreign", "to others", "sla")
    }
    known["checked"] = float(rest.checked)
    known["errors"] = float(sum(figures.errors.values()))
    if decided:
        known["abandoned"] = floor.get("abandoned", 0) / decided
        known["abandoned_silently"] = silent / decided
    if total := sum(b.arrived for b in batches):
        known["waited"] = sum(b.waited for b in batches) / total
    if total := sum(b.decided for b in batches):
        known["in_time"] = sum(b.in_time for b in batches) / total
    known["occupancy"] = sum(b.busy for b in batches) / slots
    known["gini of load"] = gini([a.occupancy for a in agents])
    known["gini of idleness"] = gini([max(0.0, 1 - a.working) for a in agents])
    if (cpu := figures.times.get("cpu")) is not None:
        known["cpu"] = cpu.mean
    known["elapsed"] = run.elapsed
    return known


def _measured(name: str, measures: dict[str, float], figures: Figures, elapsed: float) -> float | None:
    """The value of a condition's measure; None if there is nothing to measure."""
    if (call := expectations.call_of(name)) is None:
        return measures.get(name)
    how, what = call
    row = figures.rows.get(what)
    h = row.latency if row is not None else figures.times.get(what)
    if how in ("count", "rate"):
        count = 0 if h is None else h.count
        return float(count) if how == "count" else count / max(elapsed, 1e-9)
    if h is None or not h.count:
        return None
    if how == "mean":
        return h.mean
    return h.largest if how == "max" else h.percentile(float(how[1:]))


def _batch_seconds(scenario: Scenario) -> float:
    return (float(scenario.duration) - float(scenario.warm_up)) / scenario.scale / BATCHES


def _agents(
    scenario: Scenario, seats: list[Seat], loads: dict[str, Load], elapsed: float
) -> list[AgentFigures]:
    found = []
    for number, seat in enumerate(seats):
        load, group = loads[seat.user_id], scenario.group_of(number)
        span = max(elapsed, 1e-9)
        occupancy = load.slot_seconds / span / load.slots
        found.append(
            AgentFigures(
                seat.user_id,
                group.name,
                load.slots,
                load.taken,
                min(1.0, load.working / span),
                min(1.0, occupancy),
            )
        )
    return found


def _theory(scenario: Scenario, figures: Figures, batches: list[Batch]) -> Theory | None:
    if (model := theories.model_of(scenario)) is None:
        return None
    handling = figures.times.get("handling")
    measured = Measured(
        *([float(getattr(b, name)) for b in batches] for name in ("arrived", "waited", "decided", "abandoned", "in_time", "wait", "busy")),
        available=_batch_seconds(scenario) * scenario.slot_count, held=handling.mean if handling else 0.0,
    )  # fmt: skip
    found: Comparison | None = compare(model, measured)
    return found and Theory([_line(line) for line in found.lines], found.sentence, found.effect, found.theory)


def _line(line: Line) -> TheoryLine:
    return TheoryLine(line.name, line.unit, line.expected, line.effective, line.measured, line.agrees)


def _notes(scenario: Scenario, measures: dict[str, float]) -> list[str]:
    found = []
    if measures["foreign"]:
        found.append(
            f"{measures['foreign']:.0f} conversations of others were assigned to simulated agents; an account of its own avoids that (tertulia account create)."
        )
    if measures["to others"]:
        found.append(
            f"{measures['to others']:.0f} simulated conversations were assigned to agents outside of the run."
        )
    if scenario.scale != 1:
        found.append(
            f"Time is scaled: a second of the run is {scenario.scale:g} s of the model. Waits and handling times are the model's."
        )
    if measures["unfinished"]:
        found.append(f"{measures['unfinished']:.0f} customers were still under way when the run ended.")
    return found


def encoded(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=1)


def decoded(data: bytes) -> Report:
    """Raises ValueError."""
    try:
        report = msgspec.json.decode(data, type=Report)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a report: {error}") from None
    if report.format != FORMAT:
        raise ValueError(f"a report of format {report.format}, not {FORMAT}")
    return report


GAUGES = frozenset({"waiting", "busy slots"})
"""Series of levels, which hold until the next event."""


def _held(column: list[float]) -> list[float]:
    """With the last level where nothing happened; levels that fell to 0 are stored as just above it."""
    found, last = [], 0.0
    for value in column:
        last = value or last
        found.append(round(last))
    return found


def points(report: Report, name: str) -> list[float]:
    """A series, up to the time that the run had reached."""
    column = report.series.get(name, [0.0] * BUCKETS)
    if name in GAUGES:
        column = _held(column)
    return column[: max(2, min(BUCKETS, math.ceil(report.run.elapsed / report.width)))]
