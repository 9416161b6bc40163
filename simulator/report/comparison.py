"""Compares two reports side by side, in the terminal and as a page."""

from __future__ import annotations

import html
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from . import words
from .document import Report, decoded, points
from .page import STYLE
from .plots import Line, chart

BETTER_IF_LESS = frozenset({"lost", "duplicated", "reordered", "leaked", "over_capacity", "failed", "refused", "errors", "abandoned", "reassigned", "gini of load",
                            "unfinished", "reconnects", "cpu"})  # fmt: skip
NOTABLE = 0.05
"""Relative change from which a row is marked."""


class Row(msgspec.Struct, frozen=True):
    """`change` is relative; `better`: whether that is good, None if it cannot be said or is small."""

    name: str
    before: str
    after: str
    change: float | None
    better: bool | None


def load(path: Path) -> Report:
    """From report.json, or the folder with it. Raises OSError, ValueError."""
    return decoded((path / "report.json" if path.is_dir() else path).read_bytes())


def rows(a: Report, b: Report) -> list[Row]:
    """Measures, times and requests of both, by name."""
    found = [
        _measure(name, a.measures.get(name), b.measures.get(name))
        for name in a.measures.keys() | b.measures.keys()
    ]
    found += [
        _time(f"{what}({name})", getattr(a.times[name], what), getattr(b.times[name], what))
        for name in a.times.keys() & b.times.keys() - {"cpu"}
        for what in ("p50", "p99")
    ]
    theirs = {q.kind: q.times.p99 for q in b.requests}
    found += [_time(f"p99({q.kind})", q.times.p99, theirs[q.kind]) for q in a.requests if q.kind in theirs]
    return sorted(found, key=lambda row: row.name)


def _measure(name: str, a: float | None, b: float | None) -> Row:
    before, after = ("–" if v is None else words.measure(name, v) for v in (a, b))
    change = _change(a, b)
    return Row(name, before, after, change, _better(a, b, change) if name in BETTER_IF_LESS else None)


def _time(name: str, a: float, b: float) -> Row:
    change = _change(a, b)
    return Row(name, words.seconds(a), words.seconds(b), change, _better(a, b, change))


def _change(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None or not a else b / a - 1


def _better(a: float | None, b: float | None, change: float | None) -> bool | None:
    """Whether the second is less, if the difference is notable."""
    if a is None or b is None or a == b or (change is not None and abs(change) < NOTABLE):
        return None
    return b < a


def differences(a: Report, b: Report) -> list[str]:
    """The conditions that differ between the reports."""
    found = [
        f"scenario.{name}: {a.scenario.get(name)!r} and {b.scenario.get(name)!r}"
        for name in a.scenario
        if a.scenario.get(name) != b.scenario.get(name)
    ]
    found += [
        f"{name}: {getattr(a.run, name)} and {getattr(b.run, name)}"
        for name in ("url", "server", "workers", "interrupted")
        if getattr(a.run, name) != getattr(b.run, name)
    ]
    machines = [words.machine(r.run.machine) for r in (a, b)]
    if machines[0] != machines[1]:
        found.append(f"machine: {machines[0]} and {machines[1]}")
    return [text if len(text) <= 300 else text[:300] + " …" for text in found]


def show(a: Report, b: Report, console: Console) -> None:
    table = Table(title=f"{a.run.started_at}  →  {b.run.started_at}", title_justify="left")
    for name in ("", "A", "B", "change"):
        table.add_column(name, justify="right" if name else "left")
    for row in rows(a, b):
        colour = "" if row.better is None else "[green]" if row.better else "[red]"
        table.add_row(
            row.name, row.before, row.after, "" if row.change is None else f"{colour}{row.change:+.1%}"
        )
    console.print(table)
    for text in differences(a, b):
        console.print(f"not the same: {text}", markup=False)


def page(a: Report, b: Report) -> str:
    """The comparison as one self-contained page."""
    lasts = [len(points(r, "arrived")) * r.width for r in (a, b)]
    plots = [
        chart(
            title,
            [Line(x, points(r, name), t) for x, r, t in zip("AB", (a, b), lasts, strict=True)],
            max(lasts),
            unit,
        )
        for title, name, unit in (
            ("p99 to acknowledgement", "ack p99", words.seconds),
            ("Waiting conversations", "waiting", words.number),
            ("Busy slots", "busy slots", words.number),
        )
    ]
    body = "".join(
        f"<tr><td>{html.escape(r.name)}</td><td>{html.escape(r.before)}</td><td>{html.escape(r.after)}</td>"
        f'<td class="{"" if r.better is None else "good" if r.better else "bad"}">{"" if r.change is None else f"{r.change:+.1%}"}</td></tr>'
        for r in rows(a, b)
    )
    notes = "".join(f'<p class="warning">Not the same: {html.escape(text)}</p>' for text in differences(a, b))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Comparison</title><style>{STYLE}</style><body><h1>{html.escape(a.scenario["name"])}: A and B</h1>'
        f'<p class="dim">A: {a.run.started_at} · B: {b.run.started_at}</p>{notes}<div class="plots">{"".join(plots)}</div>'
        f"<h2>Figures</h2><table><thead><tr><th></th><th>A</th><th>B</th><th>change</th></tr></thead><tbody>{body}</tbody></table></body></html>"
    )
