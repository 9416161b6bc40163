"""The report of a replay as one self-contained HTML page: no script, no network, plots as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ...core.times import rfc3339
from ...simulator.report import words
from ...simulator.report.markup import escaped, settings, table
from ...simulator.report.page import STYLE
from ...simulator.report.plots import Line, chart
from ..comparison import Comparison, Figure
from ..outcome import SHARES
from ..self_replay import Agreement

MOST_AGENTS = 60
"""Agents in the table of speeds; the others are in the JSON."""


def page(account_id: str, agreement: Agreement, c: Comparison) -> str:
    title = escaped(f"{c.policy.name} – {rfc3339(c.since)}")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    return head + f"<body>{''.join(_parts(account_id, agreement, c))}</body></html>"


def headline(c: Comparison) -> str:
    """A sentence about what the other policy would have changed."""
    changed = [
        f"{f.about} {value(f.name, f.present.mean)} → {value(f.name, f.other.mean)}"
        for f in c.figures
        if f.verdict not in ("equal", "no difference shown")
    ]
    return "; ".join(changed) if changed else "No difference is shown."


def value(name: str, v: float) -> str:
    if name in SHARES:
        return words.share(v)
    if name == "gini of load":
        return f"{v:.3f}"
    return "0 s" if v < 0.0005 else words.seconds(v)


def signed(name: str, v: float) -> str:
    return ("−" if v < 0 else "+") + value(name, abs(v))


def _parts(account_id: str, agreement: Agreement, c: Comparison) -> Iterable[str]:
    yield f"<h1>{escaped(c.policy.name)}, beside the recorded policy</h1><p>{escaped(c.policy.about)}</p>"
    yield f'<p class="dim">{escaped(rfc3339(c.since))} to {escaped(rfc3339(c.until))} · account {escaped(account_id)} · {c.replications} replications, seed {c.seed}</p>'
    yield f'<p class="outcome{"" if agreement.agrees else " bad"}">{agreement.equal:,} of {agreement.stored:,} stored decisions were made again from the journal</p>'
    for note in c.notes:
        yield f'<p class="warning">{escaped(note)}</p>'
    yield f"<p>{escaped(headline(c))}</p>"
    yield '<div class="tiles">' + "".join(_tile(f) for f in c.figures) + "</div>"
    yield '<div class="plots">' + "".join(_plots(c)) + "</div>"
    yield "<h2>Figures</h2>" + table(
        ("", "recorded", "recorded policy, in the model", "this policy", "difference", "95 % interval", ""),
        [_row(f) for f in c.figures],
    )
    yield (
        f'<p class="dim">Waits last until an agent has the conversation or the customer gives up. In time: within {escaped(words.seconds(c.answer_within))}, of all '
        f"{c.stints:,} who arrived. Both policies meet the same chance in each replication; the intervals cover chance in handling times and patience, "
        "not in arrivals, which are as recorded.</p>"
    )
    yield from _speeds(c)
    yield (
        "<h2>Policy</h2><pre>"
        + escaped("\n".join(settings(msgspec.to_builtins(c.policy, enc_hook=float))))
        + "</pre>"
    )


def _tile(f: Figure) -> str:
    change = (
        "" if f.verdict in ("equal", "no difference shown") else f" ({signed(f.name, f.difference.mean)})"
    )
    return f"<div><span>{escaped(f.about)}</span><b>{escaped(value(f.name, f.other.mean))}</b><span>{escaped(f.verdict + change)}</span></div>"


def _row(f: Figure) -> Sequence[str]:
    colour = {"better": "good", "worse": "bad"}.get(f.verdict, "")
    span = f"{signed(f.name, f.difference.low)} … {signed(f.name, f.difference.high)}"
    return (
        escaped(f.about), escaped(value(f.name, f.recorded)), escaped(value(f.name, f.present.mean)), escaped(value(f.name, f.other.mean)),
        escaped(signed(f.name, f.difference.mean)), escaped(span), f'<span class="{colour}">{escaped(f.verdict)}</span>',
    )  # fmt: skip


def _plots(c: Comparison) -> Iterable[str]:
    span = (c.until - c.since) / 1000
    names = (("present", "recorded policy"), ("other", c.policy.name), ("recorded", "recorded"))
    for title, field in (("Waiting conversations", "queue"), ("Slots in use", "busy")):
        yield chart(title, [Line(n, getattr(c.series[k], field)) for k, n in names], span, words.number)
    if c.patience:
        yield chart(
            "Customers still ready to wait, after", [Line("patience", c.patience)], c.longest, words.share
        )


def _speeds(c: Comparison) -> Iterable[str]:
    if not c.factors:
        yield f"<h2>Agents</h2><p>No difference in speed is shown: {c.completed:,} conversations were handled.</p>"
        return
    slowest = sorted(c.factors.items(), key=lambda item: item[1])
    yield "<h2>Agents</h2>" + table(
        ("agent", "handling time, of the mean"),
        [(escaped(a), f"{100 * f:.0f} %") for a, f in slowest[:MOST_AGENTS]],
    )
