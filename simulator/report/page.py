"""The report as one self-contained HTML page: no script, no network, plots as inline SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from . import words
from .document import Report, points
from .markup import escaped, settings, table
from .plots import Line, bars, chart

MOST_AGENTS = 60
"""Agents in the table; the others are in the JSON."""

STYLE = """
:root{--bg:#fff;--fg:#1c1f26;--dim:#6b7280;--line:#e5e7eb;--card:#f7f8fa;--a:#2563eb;--b:#d97706;--c:#059669;--d:#be185d;--good:#15803d;--bad:#b91c1c}
@media(prefers-color-scheme:dark){:root{--bg:#14161b;--fg:#e6e8ec;--dim:#9aa1ad;--line:#2c3038;--card:#1c1f26;--a:#7aa7ff;--b:#fbbf24;--c:#4ade80;--d:#f472b6;--good:#4ade80;--bad:#f87171}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:24px;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:32px 0 8px}p{margin:4px 0}.dim{color:var(--dim)}
.outcome{display:inline-block;margin:12px 0;padding:6px 12px;border-radius:6px;color:#fff;background:var(--good)}.outcome.bad{background:var(--bad)}
.outcome{color:var(--bg)}.outcome.running{background:var(--a)}.warning{border-left:4px solid var(--b);background:var(--card);padding:8px 12px;margin:8px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:10px;margin:12px 0}
.tiles div{background:var(--card);border-radius:8px;padding:10px 12px}.tiles b{display:block;font-size:19px;font-weight:600}.tiles span{color:var(--dim);font-size:13px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px}
figure{margin:0;background:var(--card);border-radius:8px;padding:12px}figcaption{font-weight:600;margin-bottom:4px}
svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font:11px system-ui,sans-serif}.grid{stroke:var(--line)}polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
.legend{font-size:13px;color:var(--dim)}.legend span{margin-right:16px}.legend span:before{content:"";display:inline-block;width:12px;height:3px;margin-right:6px;vertical-align:middle;background:var(--colour)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}td.text{text-align:left;white-space:normal}th{color:var(--dim);font-weight:500}
.bars td{border:0}.bars td:nth-child(2){width:60%}.bars i{display:block;height:14px;border-radius:3px;background:var(--a);min-width:2px}
.good{color:var(--good)}.bad{color:var(--bad)}.outcome.bad{color:var(--bg)}pre{background:var(--card);padding:12px;border-radius:8px;overflow-x:auto;font-size:13px}
"""


def page(report: Report, *, refresh: int | None = None) -> str:
    """The whole page. `refresh`: seconds after which a browser loads it again."""
    title = escaped(f"{report.scenario['name']} – {report.run.started_at}")
    again = "" if refresh is None else f'<meta http-equiv="refresh" content="{refresh}">'
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">{again}<title>{title}</title><style>{STYLE}</style>'
    return head + f"<body>{''.join(_parts(report, runs=refresh is not None))}</body></html>"


def _parts(report: Report, *, runs: bool) -> Iterable[str]:
    yield from _outcome(report, runs=runs)
    yield (
        '<div class="tiles">'
        + "".join(
            f"<div><span>{escaped(n)}</span><b>{escaped(v)}</b></div>" for n, v in words.key_figures(report)
        )
        + "</div>"
    )
    yield '<div class="plots">' + "".join(_plots(report)) + "</div>"
    yield from _theory(report)
    yield "<h2>Conditions</h2>" + table(
        ("condition", "measured", ""),
        [
            (escaped(v.text), escaped(words.measure(_name(v.text), v.value)), _mark(v.holds))
            for v in report.verdicts
        ],
    )
    yield from _requests(report)
    yield "<h2>Times</h2>" + table(
        ("", "count", "mean", "p50", "p90", "p95", "p99", "max"),
        [
            (
                escaped(EXPLAINED.get(n, n)),
                f"{t.count:,}",
                *(words.seconds(x) for x in (t.mean, t.p50, t.p90, t.p95, t.p99, t.max)),
            )
            for n, t in report.times.items()
            if n != "cpu"
        ],
    )
    yield from _agents(report)
    yield from _faults(report)
    yield from _setting(report)


def _outcome(report: Report, *, runs: bool) -> Iterable[str]:
    """The head: the scenario, its result, and the limits of its meaning."""
    r = report.run
    yield f"<h1>{escaped(report.scenario['name'])}</h1><p>{escaped(report.scenario['about'])}</p>"
    yield f'<p class="dim">{escaped(r.started_at)} · {r.elapsed:.0f} s · {escaped(r.url)} · Tertulia {escaped(r.server)} · run {escaped(r.name)}</p>'
    if runs:
        yield f'<p class="outcome running">{escaped(words.so_far(report))}</p>'
    else:
        yield f'<p class="outcome{"" if report.passed and not r.interrupted else " bad"}">{escaped(words.headline(report))}</p>'
    if report.limited:
        yield f'<p class="warning"><b>The load generator was a bottleneck</b>, so these figures are partly its own: {escaped("; ".join(report.limited))}.</p>'
    for setting, count in report.limits.items():
        yield f'<p class="warning">The server refused {count:,} requests by a limit that <code>{escaped(setting)}</code> sets. Raise it, or set it to off, to measure beyond.</p>'
    for note in report.notes:
        yield f'<p class="warning">{escaped(note)}</p>'


def _requests(report: Report) -> Iterable[str]:
    elapsed = max(1e-9, report.run.elapsed)
    yield "<h2>Requests</h2>" + table(
        ("kind", "count", "a second", "failed", "p50", "p90", "p95", "p99", "max", "statuses", "sent", "received"),
        [
            (
                escaped(q.kind), f"{q.times.count:,}", words.number(q.times.count / elapsed), f"{q.failed:,}",
                *(words.seconds(x) for x in (q.times.p50, q.times.p90, q.times.p95, q.times.p99, q.times.max)),
                escaped(", ".join(f"{k}: {n:,}" for k, n in q.statuses.items())), _size(q.sent_bytes), _size(q.received_bytes),
            )
            for q in report.requests
        ],
    )  # fmt: skip


EXPLAINED = {
    "ack": "message to acknowledgement, from the intended time",
    "delivery": "message to the other side",
    "assign": "opening to assignment, an agent being free",
    "handling": "handling (model)",
    "wait": "wait for an agent (model)",
    "late": "the generator's lateness at arrivals",
    "lag": "lag of the generator's event loop",
}


def _plots(report: Report) -> Iterable[str]:
    span = len(points(report, "arrived")) * report.width

    def rates(*names: str) -> list[Line]:
        return [Line(name, [v / report.width for v in points(report, name)]) for name in names]

    def plain(*names: str) -> list[Line]:
        return [Line(name, points(report, name)) for name in names]

    yield chart("Customers a second", rates("arrived", "answered", "abandoned"), span, words.number)
    yield chart("Waiting conversations and busy slots", plain("waiting", "busy slots"), span, words.number)
    yield chart("Message to acknowledgement", plain("ack p50", "ack p99"), span, words.seconds)
    yield chart("Messages acknowledged a second", rates("acknowledged"), span, words.number)
    if "errors" in report.series:
        yield chart("Failed requests a second", rates("errors"), span, words.number)
    yield chart("CPU of the busiest generator process", plain("generator cpu"), span, words.share)
    m, arrived = report.measures, report.measures["arrived"]
    funnel = [
        ("arrived", arrived),
        ("answered", m.get("served", 0) + 0),
        ("in time", m.get("in_time", 0) * arrived),
        ("gave up", m.get("abandoned", 0) * arrived),
    ]
    yield bars("What became of them", [(n, v, words.number(round(v))) for n, v in funnel])


def _theory(report: Report) -> Iterable[str]:
    if (t := report.theory) is None:
        return
    yield f"<h2>Theory</h2><p>{escaped(t.sentence)}</p><p class=dim>{escaped(t.effect)}</p>"
    yield table(
        ("", t.of, "with the real holding time", "measured", "95 % interval", ""),
        [
            (
                escaped(line.name), words.theory_value(line.unit, line.expected),
                "–" if line.effective is None else words.theory_value(line.unit, line.effective),
                "–" if line.measured is None else words.theory_value(line.unit, line.measured.mean),
                "–" if line.measured is None else f"{words.theory_value(line.unit, line.measured.low)} … {words.theory_value(line.unit, line.measured.high)}",
                _mark(line.agrees),
            )
            for line in t.lines
        ],
    )  # fmt: skip


def _agents(report: Report) -> Iterable[str]:
    rows = [
        (
            escaped(a.user_id),
            escaped(a.group),
            str(a.slots),
            f"{a.taken:,}",
            words.share(a.working),
            words.share(a.occupancy),
        )
        for a in report.agents[:MOST_AGENTS]
    ]
    left = len(report.agents) - len(rows)
    m = report.measures
    yield f"<h2>Agents</h2><p>Gini coefficient of their load: {m['gini of load']:.3f}, of their idleness: {m['gini of idleness']:.3f}. Reassignments: {m['reassigned']:.0f}. SLA notices: {m['sla']:.0f}.</p>"
    yield table(("agent", "kind", "slots", "conversations", "working", "occupancy"), rows)
    if left > 0:
        yield f'<p class="dim">and {left} more, in report.json</p>'


def _faults(report: Report) -> Iterable[str]:
    if report.audit:
        yield "<h2>Audit</h2>" + table(("what",), [(escaped(line),) for line in report.audit])
    if report.errors:
        yield "<h2>Errors</h2>" + table(
            ("error", "count"), [(escaped(k), f"{n:,}") for k, n in report.errors.items()]
        )
        yield "<pre>" + "\n".join(map(escaped, report.samples)) + "</pre>"


def _setting(report: Report) -> Iterable[str]:
    r, machine = report.run, report.run.machine
    yield "<h2>Run</h2>" + table(
        ("", ""),
        [
            ("server", escaped(f"{r.url}, Tertulia {r.server}, account {r.account}")),
            ("generator", escaped(f"{words.machine(machine)}, load average {machine.load:.1f}")),
            ("workers", escaped(f"{r.workers}" + ("" if r.ray is None else f" on the Ray cluster {r.ray}"))),
            *((escaped(k), escaped(str(v))) for k, v in r.parameters.items()),
        ],
    )  # fmt: skip
    yield (
        "<h2>Scenario</h2><pre>"
        + escaped("\n".join(settings(_given(report.scenario), unset=(None, [], "", False))))
        + "</pre>"
    )


def _given(scenario: dict[str, Any]) -> dict[str, Any]:
    """Without the hours of a day that the arrivals do not follow."""
    arrivals = scenario["arrivals"]
    kept = {k: v for k, v in arrivals.items() if k != "hours" or arrivals["curve"] == "day"}
    return {**scenario, "arrivals": kept}


def _size(count: int) -> str:
    """Bytes; a stream's are not counted."""
    return words.size(count) if count else "–"


def _name(text: str) -> str:
    return re.split(r"\s*(?:<=|>=|<|>|=)", text, maxsplit=1)[0].strip()


def _mark(holds: bool) -> str:
    return '<span class="good">✓</span>' if holds else '<span class="bad">✗</span>'
