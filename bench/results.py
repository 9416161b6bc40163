"""The results of a benchmark run, as JSON, a table and a plot."""

from __future__ import annotations

import statistics
from pathlib import Path

import msgspec
from rich.table import Table

BUSY = "The machine was already busy when this run started: whether goals are met says little."
BUSY_LOAD = 0.5


class Series(msgspec.Struct):
    """One figure of several rounds."""

    name: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def text(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" ({number(low)}–{number(high)})" if len(self.values) > 1 else ""
        return f"{number(self.median)}{spread} {self.unit}".strip()


class Figure(msgspec.Struct, kw_only=True):
    """One line of the results. `goal` is the least median of `value`, or with `most` the greatest; None: no goal."""

    measure: str
    what: str
    value: Series
    goal: float | None = None
    most: bool = False
    parts: list[Series] = []
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value.median <= self.goal if self.most else self.value.median >= self.goal

    @property
    def goal_text(self) -> str:
        if self.goal is None:
            return ""
        return f"{'≤' if self.most else '≥'} {number(self.goal)} {self.value.unit}".strip()


class Results(msgspec.Struct, kw_only=True):
    """One run. `failures`: the reasons of measures that failed."""

    started: str
    seconds: float = 0.0
    quick: bool
    rounds: int
    machine: dict[str, str]
    figures: list[Figure] = []
    failures: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        """Whether the machine was busy at the start, by its load average."""
        return float(self.machine["load at start"]) > BUSY_LOAD


def ratios(name: str, over: list[float], under: list[float]) -> Series:
    """Ratios by round, since each pair was measured side by side."""
    return Series(name, "×", [a / b if b else 0.0 for a, b in zip(over, under, strict=True)])


def number(value: float) -> str:
    if value and abs(value) < 10:
        return f"{value:.2f}"
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def verdict(figure: Figure) -> str:
    return {True: "met", False: "missed", None: ""}[figure.met]


def table(results: Results) -> Table:
    """The results as a table for the terminal."""
    shown = Table(title="Tertulia benchmarks", show_lines=False, header_style="bold")
    for column in ("measure", "what", "median (min–max)", "goal", ""):
        shown.add_column(column, overflow="fold")
    colours = {"met": "[green]met", "missed": "[red]missed", "": ""}
    previous = ""
    for f in results.figures:
        if f.measure != previous and previous:
            shown.add_section()
        name = f.measure if f.measure != previous else ""
        shown.add_row(name, f.what, f"[bold]{f.value.text()}", f.goal_text, colours[verdict(f)])
        for part in f.parts:
            shown.add_row("", f"  [dim]{part.name}", f"[dim]{part.text()}", "", "")
        if f.note:
            shown.add_row("", f"  [dim italic]{f.note}", "", "", "")
        previous = f.measure
    for name, why in results.failures.items():
        shown.add_row(name, why, "", "", "[red]failed")
    return shown


def markdown(results: Results) -> str:
    """The results as Markdown for the repository."""
    head = ", ".join(f"{k} {v}" for k, v in results.machine.items())
    lines = [
        "# Benchmarks",
        "",
        f"`make bench`, {results.started}, {results.rounds} rounds{' (quick)' if results.quick else ''}, "
        f"{results.seconds:.0f} s. {head}.",
        "",
        "Medians, with the least and the greatest of the rounds. Ratios compare what was measured in turn within this run;",
        "absolute figures are this machine's on this day.",
        *(["", f"**{BUSY}**"] if results.busy else []),
        "",
        "![attainment of the goals](bench.svg)",
        "",
        "| measure | what | median (min–max) | goal | |",
        "|---|---|---|---|---|",
    ]
    for f in results.figures:
        lines.append(f"| {f.measure} | {f.what} | **{f.value.text()}** | {f.goal_text} | {verdict(f)} |")
        lines += [f"| | · {p.name} | {p.text()} | | |" for p in f.parts]
        if f.note:
            lines.append(f"| | *{f.note}* | | | |")
    lines += [f"| {name} | {why} | | | failed |" for name, why in results.failures.items()]
    return "\n".join(lines) + "\n"


def plot(results: Results, folder: Path) -> None:
    """Plot how far each goal is met, and the throughputs, as PNG and SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    goals = [f for f in results.figures if f.goal]
    rates = [
        (f"{f.measure}: " + (f.what if p is f.value else p.name + "," + f.what.rpartition(",")[2]), p)
        for f in results.figures
        for p in (f.value, *f.parts)
        if p.unit.endswith("/s")
    ]
    if not goals and not rates:
        return
    height = max(3.0, 0.42 * max(len(goals), len(rates)) + 1.2)
    pyplot.rcParams |= {"font.size": 9, "svg.hashsalt": "tertulia", "axes.spines.top": False}
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(15, height), layout="constrained")

    shares = [[v / f.goal if not f.most else f.goal / v for v in f.value.values if v] for f in goals]  # type: ignore[operator]
    middles = [sorted(s)[len(s) // 2] for s in shares]
    for row, (f, share, middle) in enumerate(zip(goals, shares, middles, strict=True)):
        colour = "#2a9d57" if f.met else "#c8413b"
        left.plot([min(share), max(share)], [row, row], color=colour, linewidth=2, alpha=0.6)
        left.plot([middle], [row], "o", color=colour)
        left.annotate(f.value.text(), (middle, row), (6, 5), textcoords="offset points", fontsize=7)
    left.axvline(1, color="#444", linewidth=1)
    left.set_xscale("log")
    left.set_yticks(range(len(goals)), [f"{f.measure}: {f.what}\n{f.goal_text}" for f in goals], fontsize=7)
    left.invert_yaxis()
    left.set_title("goal attainment: right of the line is met (median, min–max)")

    for row, (_, series) in enumerate(rates):
        right.barh(row, series.median, color="#4a7fb5" if "bare" not in series.name else "#b8b8b8")
        right.plot([min(series.values), max(series.values)], [row, row], color="#222", linewidth=1.5)
    right.set_xscale("log")
    right.set_yticks(range(len(rates)), [name for name, _ in rates], fontsize=7)
    right.invert_yaxis()
    right.set_title("rates per second (median, min–max)")
    for kind in ("png", "svg"):
        figure.savefig(folder / f"bench.{kind}", dpi=130, metadata={"Date": None} if kind == "svg" else None)
    pyplot.close(figure)


def save(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    json = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (folder / "bench.json").write_bytes(json + b"\n")
    (folder / "bench.md").write_text(markdown(results))
    plot(results, folder)
