"""Formats figures for people."""

from __future__ import annotations

from ..figures.expectations import SHARES
from .document import Machine, Report


def seconds(value: float) -> str:
    """`12.3 ms`, `4.50 s`, `2.1 min`."""
    if value < 0.0995:
        return f"{value * 1000:.1f} ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 120 else f"{value / 60:.1f} min"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def share(value: float) -> str:
    return f"{value:.1%}"


def size(value: float) -> str:
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def measure(name: str, value: float | None) -> str:
    """The value of a condition's measure."""
    if value is None:
        return "not measured"
    if name in SHARES:
        return share(value)
    if "(" in name and not name.startswith(("count", "rate")):
        return share(value) if name.endswith("(cpu)") else seconds(value)
    return number(value)


def theory_value(unit: str, value: float) -> str:
    return f"{value:.5f}" if unit == "share" else f"{value:.3f} s"


def so_far(report: Report) -> str:
    """How a run is doing, in a sentence. Conditions on what has not been measured yet say nothing."""
    total = planned(report)
    failed = [v.text for v in report.verdicts if not v.holds and v.value]
    state = f"not so far: {', '.join(failed)}" if failed else "all conditions hold so far"
    return f"Running, {report.run.elapsed:.0f} of {total:.0f} s; {state}."


def machine(of: Machine) -> str:
    """The generator's, without its load, which is never twice the same."""
    return f"{of.name}: {of.system}, {of.cpus} CPUs, Python {of.python}"


def headline(report: Report) -> str:
    """The outcome in a sentence."""
    failed = [v.text for v in report.verdicts if not v.holds]
    if report.run.interrupted:
        held = f"failed: {', '.join(failed)}" if failed else "all conditions held"
        return f"Interrupted after {report.run.elapsed:.0f} of {planned(report):.0f} s; until then {held}."
    if failed:
        return f"Failed: {', '.join(failed)}"
    return "Passed: all conditions hold."


def planned(report: Report) -> float:
    """Seconds of the run in which customers arrive."""
    return report.scenario["duration"] / report.scenario["scale"]


def key_figures(report: Report) -> list[tuple[str, str]]:
    """Name and value of what a reader wants first."""
    m, t = report.measures, report.times
    rows = [
        ("customers arrived", number(m["arrived"])),
        ("served", number(m["served"])),
        ("gave up", share(m["abandoned"]) if "abandoned" in m else "–"),
        ("messages acknowledged", number(m["acknowledged"])),
        ("acknowledged a second", number(m["acknowledged"] / max(1e-9, report.run.elapsed))),
    ]
    for name, label in (("ack", "to acknowledgement"), ("delivery", "to the other side")):
        if name in t:
            rows.append((f"{label}, p50", seconds(t[name].p50)))
            rows.append((f"{label}, p99", seconds(t[name].p99)))
    if "wait" in t:
        rows.append(("mean wait (model)", seconds(t["wait"].mean)))
    rows += [
        (
            f"answered within {report.scenario['answer_within']:g} s",
            share(m["in_time"]) if "in_time" in m else "–",
        ),
        ("occupancy", share(m["occupancy"])),
        (
            "lost, doubled, reordered, leaked",
            " · ".join(number(m[k]) for k in ("lost", "duplicated", "reordered", "leaked")),
        ),
        ("over capacity", number(m["over_capacity"])),
        ("failed requests", number(m["failed"])),
    ]
    return rows
