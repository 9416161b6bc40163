"""The report of a replay as one self-contained HTML page: no script, no network, plots as inline SVG."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import msgspec

from ...core.times import rfc3339
from ...simulator.report import words
from ...simulator.report.page import STYLE
from ...simulator.report.plots import Line, chart
from ..comparison import Comparison, Figure
from ..outcome import SHARES
from ..self_replay import Agreement

MOST_AGENTS = 60
"""Agents in the table of speeds; the others are in the JSON."""


def page(account_id: str, agreement: Agreement, c: Comparison) -> str:
    title = html.escape(f"{c.policy.name} – {rfc3339(c.since)}")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    return head + f"<body>{''.join(_parts(account_id, agreement, c))}</body></html>"


def headline(c: Comparison) -> str:
    """What the other policy would have changed, in a sentence."""
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
    yield f"<h1>{_e(c.policy.name)}, beside the recorded policy</h1><p>{_e(c.policy.about)}</p>"
    yield f'<p class="dim">{_e(rfc3339(c.since))} to {_e(rfc3339(c.until))} · account {_e(account_id)} · {c.replications} replications, seed {c.seed}</p>'
    yield f'<p class="outcome{"" if agreement.agrees else " bad"}">{agreement.equal:,} of {agreement.stored:,} stored decisions were made again from the journal</p>'
    for note in c.notes:
        yield f'<p class="warning">{_e(note)}</p>'
    yield f"<p>{_e(headline(c))}</p>"
    yield '<div class="tiles">' + "".join(_tile(f) for f in c.figures) + "</div>"
    yield '<div class="plots">' + "".join(_plots(c)) + "</div>"
    yield "<h2>Figures</h2>" + _table(
        ("", "recorded", "recorded policy, in the model", "this policy", "difference", "95 % interval", ""),
        [_row(f) for f in c.figures],
    )
    yield (
        f'<p class="dim">Waits last until an agent has the conversation or the customer gives up. In time: within {_e(words.seconds(c.answer_within))}, of all '
        f"{c.stints:,} who arrived. Both policies meet the same chance in each replication; the intervals cover chance in handling times and patience, "
        "not in arrivals, which are as recorded.</p>"
    )
    yield from _speeds(c)
    yield (
        "<h2>Policy</h2><pre>"
        + _e("\n".join(_toml(msgspec.to_builtins(c.policy, enc_hook=float))))
        + "</pre>"
    )


def _tile(f: Figure) -> str:
    change = (
        "" if f.verdict in ("equal", "no difference shown") else f" ({signed(f.name, f.difference.mean)})"
    )
    return f"<div><span>{_e(f.about)}</span><b>{_e(value(f.name, f.other.mean))}</b><span>{_e(f.verdict + change)}</span></div>"


def _row(f: Figure) -> Sequence[str]:
    colour = {"better": "good", "worse": "bad"}.get(f.verdict, "")
    span = f"{signed(f.name, f.difference.low)} … {signed(f.name, f.difference.high)}"
    return (
        _e(f.about), _e(value(f.name, f.recorded)), _e(value(f.name, f.present.mean)), _e(value(f.name, f.other.mean)),
        _e(signed(f.name, f.difference.mean)), _e(span), f'<span class="{colour}">{_e(f.verdict)}</span>',
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
    yield "<h2>Agents</h2>" + _table(
        ("agent", "handling time, of the mean"),
        [(_e(a), f"{100 * f:.0f} %") for a, f in slowest[:MOST_AGENTS]],
    )


def _toml(given: dict[str, object], prefix: str = "") -> Iterable[str]:
    for name, item in given.items():
        if isinstance(item, dict):
            yield from _toml(item, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            for i, one in enumerate(item):
                yield from _toml(one, f"{prefix}{name}[{i}].")
        elif item not in (None, [], ""):
            yield f"{prefix}{name} = {item}"


def _e(text: object) -> str:
    return html.escape(str(text))


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f"<th>{_e(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
