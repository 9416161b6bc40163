"""Plots as inline SVG, without scripts: the report is one file that any browser shows and mail programs do not strip."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

import msgspec

WIDTH, HEIGHT = 560, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 26
COLOURS = ("var(--a)", "var(--b)", "var(--c)", "var(--d)")


class Line(msgspec.Struct, frozen=True):
    """`lasts`: the seconds that its values are spread over; those of the chart by default."""

    name: str
    values: Sequence[float]
    lasts: float | None = None


def ticks(most: float, count: int = 4) -> list[float]:
    """Round values from 0 to at least `most`."""
    if most <= 0:
        return [0.0, 1.0]
    raw = most / count
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    return [i * step for i in range(math.ceil(most / step - 1e-9) + 1)]


def chart(title: str, lines: list[Line], span: float, shown: Callable[[float], str]) -> str:
    """Lines over time, from 0 to `span` seconds."""
    marks = ticks(max((max(line.values, default=0.0) for line in lines), default=0.0))
    top = marks[-1]
    inner, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def y(value: float) -> float:
        return TOP + high - high * value / top

    parts = [
        f'<figure><figcaption>{html.escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">'
    ]
    for mark in marks:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        )
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(mark) + 3.5:.1f}" text-anchor="end">{html.escape(shown(mark))}</text>'
        )
    unit = 60.0 if span >= 120 else 1.0
    for mark in (t * unit for t in ticks(span / unit, 6) if t * unit <= span):
        x = LEFT + inner * mark / span if span else LEFT
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{_time(mark)}</text>')
    for line, colour in zip(lines, COLOURS, strict=False):
        lasts = span if line.lasts is None else line.lasts
        step = inner / max(1, len(line.values)) * (lasts / span if span else 1.0)
        points = " ".join(f"{LEFT + step * (i + 0.5):.1f},{y(v):.1f}" for i, v in enumerate(line.values))
        parts.append(
            f'<polyline style="stroke:{colour}" points="{points}"><title>{html.escape(line.name)}</title></polyline>'
        )
    parts.append("</svg>")
    parts.append(_legend(lines) + "</figure>")
    return "".join(parts)


def _legend(lines: list[Line]) -> str:
    """The legend, if there is more than one line."""
    named = (
        f'<span style="--colour:{colour}">{html.escape(line.name)}</span>'
        for line, colour in zip(lines, COLOURS, strict=False)
    )
    return f'<p class="legend">{"".join(named)}</p>' if len(lines) > 1 else ""


def bars(title: str, rows: list[tuple[str, float, str]]) -> str:
    """A funnel: name, value, and the value's text."""
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    parts = [f'<figure><figcaption>{html.escape(title)}</figcaption><table class="bars">']
    for name, value, text in rows:
        parts.append(
            f'<tr><td>{html.escape(name)}</td><td><i style="width:{100 * value / most:.1f}%"></i></td><td>{html.escape(text)}</td></tr>'
        )
    return "".join(parts) + "</table></figure>"


def _time(t: float) -> str:
    return f"{t:g} s" if t < 120 else f"{t / 60:g} min"
