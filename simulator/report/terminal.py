"""The run in a terminal: live while it continues, and a summary at its end."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from . import words
from .document import Report, points

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40
MOST_ERRORS = 8


def live(report: Report) -> RenderableType:
    """The state of a run."""
    total = words.planned(report)
    left = Table.grid(padding=(0, 2))
    for name, value in words.key_figures(report):
        left.add_row(f"[dim]{name}", value)
    right = Table.grid(padding=(0, 2))
    for name in ("arrived", "waiting", "busy slots", "acknowledged", "ack p99", "errors"):
        values = points(report, name)
        last = words.seconds(values[-1]) if name.startswith("ack p") else words.number(values[-1])
        right.add_row(f"[dim]{name}", sparkline(values), last)
    errors = Table.grid(padding=(0, 2))
    for kind, count in list(report.errors.items())[:MOST_ERRORS]:
        errors.add_row(f"[yellow]{escape(kind)}", f"{count:,}")
    for why in report.limited:
        errors.add_row(f"[red]the generator is a bottleneck: {why}", "")
    for setting, count in report.limits.items():
        errors.add_row(f"[yellow]limited by {setting}", f"{count:,}")
    body = Table.grid(padding=(0, 4))
    body.add_row(left, right)
    bar = ProgressBar(total=total, completed=min(total, report.run.elapsed), width=60)
    title = f"{report.scenario['name']}  {report.run.elapsed:.0f} of {total:.0f} s"
    return Panel(Group(bar, "", body, errors), title=title, title_align="left")


def line(report: Report) -> str:
    """The state of a run in a line, for a log."""
    m, errors = report.measures, sum(report.errors.values())
    ack = report.times.get("ack")
    return (
        f"{report.run.elapsed:.0f} of {words.planned(report):.0f} s: {m['arrived']:,.0f} customers, {m['served']:,.0f} served,"
        f" {points(report, 'waiting')[-1]:,.0f} waiting, ack p99 {'–' if ack is None else words.seconds(ack.p99)}, {errors:,} errors"
    )


def sparkline(values: list[float]) -> str:
    """The last values as blocks."""
    kept = values[-WIDTH:]
    most = max(kept, default=0.0)
    return "".join(BLOCKS[min(7, int(v / most * 7.999))] if most else BLOCKS[0] for v in kept)


def summary(report: Report, console: Console) -> None:
    """The main figures, printed at the end."""
    table = Table(title=report.scenario["name"], title_justify="left", show_header=False)
    for name, value in words.key_figures(report):
        table.add_row(name, value)
    console.print(table)
    requests = Table(show_edge=False)
    for name in ("request", "count", "failed", "p50", "p95", "p99", "max"):
        # a name that is too long goes on in the next line
        requests.add_column(name, justify="left" if name == "request" else "right", overflow="fold")
    for q in report.requests:
        requests.add_row(
            q.kind,
            f"{q.times.count:,}",
            f"{q.failed:,}",
            *(words.seconds(x) for x in (q.times.p50, q.times.p95, q.times.p99, q.times.max)),
        )
    console.print(requests)
    if report.theory is not None:
        console.print(_theory(report))
        console.print(report.theory.sentence, report.theory.effect)
    for kind, count in list(report.errors.items())[:MOST_ERRORS]:
        console.print(f"[yellow]{count:,} × {escape(kind)}")
    for line in report.audit[:MOST_ERRORS]:
        console.print(f"[red]{escape(line)}")
    for setting, count in report.limits.items():
        console.print(
            f"[yellow]{count:,} requests were refused by a limit that {setting} sets; raise it, or set it to off, to measure beyond"
        )
    for why in report.limited:
        console.print(f"[red]The load generator was a bottleneck: {why}")
    for note in report.notes:
        console.print(note, markup=False)
    colour = "green" if report.passed and not report.run.interrupted else "red"
    console.print(f"[{colour}]{escape(words.headline(report))}")


def _theory(report: Report) -> Table:
    assert report.theory is not None
    table = Table(show_edge=False)
    for name in ("theory", report.theory.of, "measured", "95 % interval", ""):
        table.add_column(name, justify="left" if name == "theory" else "right")
    for line in report.theory.lines:
        m = line.measured
        shown = (
            ("–", "–")
            if m is None
            else (
                words.theory_value(line.unit, m.mean),
                f"{words.theory_value(line.unit, m.low)} … {words.theory_value(line.unit, m.high)}",
            )
        )
        table.add_row(
            line.name, words.theory_value(line.unit, line.expected), *shown, "✓" if line.agrees else "✗"
        )
    return table
