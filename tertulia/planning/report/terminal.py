"""A comparison of policies in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..comparison import Comparison
from .page import signed, value

SHORT = {"no difference shown": "not shown"}
COLOURS = {"better": "[green]", "worse": "[red]"}


def show(c: Comparison, console: Console) -> None:
    table = Table(show_edge=False, pad_edge=False)
    for name in ("", "recorded", "model", "policy", "difference, 95 % interval", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for f in c.figures:
        table.add_row(
            f.name, value(f.name, f.recorded), value(f.name, f.present.mean), value(f.name, f.other.mean),
            f"{signed(f.name, f.difference.low)} … {signed(f.name, f.difference.high)}",
            f"{COLOURS.get(f.verdict, '')}{SHORT.get(f.verdict, f.verdict)}",
        )  # fmt: skip
    console.print(f"[bold]{escape(c.policy.name)}[/bold], beside the recorded policy in the model")
    console.print(table)
    for note in c.notes:
        console.print(note, markup=False)
