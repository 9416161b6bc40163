"""Reports: one document in every form, self-contained, comparable; and the marks of a run that says nothing."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from msgspec.structs import replace
from rich.console import Console

from tertulia.simulator.figures.figures import Figures
from tertulia.simulator.figures.floor import BATCHES, Batch, Load
from tertulia.simulator.plan import Seat
from tertulia.simulator.report import comparison, files, terminal
from tertulia.simulator.report.document import Machine, Report, Run, decoded, encoded, report_of
from tertulia.simulator.report.live_page import REFRESH, LivePage
from tertulia.simulator.report.page import page
from tertulia.simulator.report.plots import LEFT, Line, chart, ticks
from tertulia.simulator.report.theories import model_of
from tertulia.simulator.run.worker import FloorFigures, Outcome
from tertulia.simulator.scenario import changes, loading
from tertulia.simulator.theory.comparison import ErlangModel, TwoAgentsModel


def report(
    *,
    ack: float = 0.01,
    failed: int = 0,
    lag: float = 0.001,
    expect: tuple[str, ...] = (),
    started: str = "2026-11-30T02:00:00+00:00",
    elapsed: float = 120.0,
) -> Report:
    scenario = loading.load("erlang-a")
    figures = Figures(1.5)
    for i in range(100):
        figures.ack(i, ack * (1 + i / 100))
        figures.point("arrived", i)
        figures.time("lag", lag)
        figures.time("handling", 60)
        figures.row("POST /v1/webchat/messages").latency.record(ack)
        figures.row("POST /v1/webchat/messages").statuses["201"] += 1
    figures.counts["arrived"], figures.counts["failed"] = 100, failed
    figures.counts["limit TERTULIA_RATE_USER"] = failed
    if failed:
        figures.error("POST /x: 429 rate_limited", "<script>alert(1)</script>")
    seats = [Seat(f"simulated-{n}", "secret-token") for n in range(scenario.agent_count)]
    batch = Batch(arrived=20, waited=9, abandoned=1, in_time=19, wait=70.0, busy=400.0, decided=20)
    floor = FloorFigures(
        [batch] * BATCHES,
        {s.user_id: Load(1, taken=3) for s in seats},
        {"answered": 95, "abandoned": 5, "served": 95},
        [],
    )
    run = Run(
        name="abc234", started_at=started, elapsed=elapsed, url="http://127.0.0.1:8080", server="0.1.0", account="a", workers=1, ray=None,
        parameters={"rate": "2"}, machine=Machine("box", "Linux", 2, "3.11", 0.5),
    )  # fmt: skip
    return report_of(scenario, seats, run, figures, Outcome(b"", {}, 100, [], floor, []), list(expect), [])


def test_the_share_that_had_to_wait_can_be_a_condition() -> None:
    found = report(expect=("waited<46%", "waited<40%"))
    assert found.measures["waited"] == pytest.approx(0.45)
    assert [v.holds for v in found.verdicts if "waited" in v.text] == [True, False]


def test_a_report_survives_being_written(tmp_path: Path) -> None:
    first = report()
    assert decoded(encoded(first)) == first
    files.write(first, tmp_path / "made")
    assert comparison.load(tmp_path / "made") == first
    assert {p.name for p in (tmp_path / "made").iterdir()} == {
        "report.json",
        "report.html",
        "requests.csv",
        "junit.xml",
    }
    assert b"secret-token" not in encoded(first)


def test_occupancy_counts_the_time_that_the_run_had() -> None:
    """The batches have 8,000 busy slot-seconds; there are 50 slots, and 165 s after the warm-up."""
    assert report(elapsed=200).measures["occupancy"] == pytest.approx(8000 / (50 * 165))
    assert report(elapsed=95).measures["occupancy"] == pytest.approx(8000 / (50 * 80))


def test_every_form_says_that_a_run_was_interrupted() -> None:
    whole = report()
    found = replace(whole, run=replace(whole.run, interrupted=True))
    sentence = "Interrupted after 120 of 180 s; until then all conditions held."
    console = Console(record=True, width=200, file=io.StringIO())
    terminal.summary(found, console)
    assert sentence in page(found) and sentence in console.export_text()
    suite = ElementTree.fromstring(files.junit(found))
    assert suite.get("errors") == "1" and suite.get("tests") == str(len(suite.findall("testcase")))
    assert [e.get("message") for e in suite.iter("error")] == [sentence]
    assert decoded(encoded(found)).run.interrupted
    old = encoded(whole).replace(b'"interrupted": false', b'"of": "before"')
    assert old != encoded(whole) and not decoded(old).run.interrupted


def test_the_page_is_self_contained_and_escapes_what_it_shows() -> None:
    text = page(report(failed=999))
    assert (
        "http://" not in text.replace("http://127.0.0.1:8080", "")
        and "https://" not in text
        and "src=" not in text
        and "<script" not in text
    )
    assert (
        text.count("<svg") >= 5
        and "Erlang-A" in text
        and "TERTULIA_RATE_USER" in text
        and "&lt;script&gt;" in text
    )
    for wanted in ("p90", "p95", "0.1.0", "2026-11-30", "rate", "abc234", "box"):
        assert wanted in text


def test_refused_sends_do_not_pass() -> None:
    assert report().passed
    bad = report(failed=999)
    assert not bad.passed and [v.text for v in bad.verdicts if not v.holds] == ["failed=0"]
    assert report(failed=3, expect=("failed<5",)).passed
    assert not report(ack=0.2, expect=("p99(ack)<100ms",)).passed


def test_junit_has_a_case_for_each_condition() -> None:
    suite = ElementTree.fromstring(files.junit(report(failed=999, expect=("p99(ack)<100ms",))))
    assert suite.get("tests") == "8" and suite.get("failures") == "1"
    assert [c.get("name") for c in suite if c.find("failure") is not None] == ["failed=0"]


def test_csv_has_a_row_for_each_request() -> None:
    (row,) = csv.DictReader(io.StringIO(files.requests_csv(report())))
    assert (
        row["kind"] == "POST /v1/webchat/messages"
        and row["count"] == "100"
        and float(row["p99_ms"]) == pytest.approx(10, rel=0.01)
    )
    assert row["statuses"] == "201:100"


def test_a_slow_generator_is_marked() -> None:
    assert report().limited == []
    slow = report(lag=0.2)
    assert (
        "event loop" in slow.limited[0] and "bottleneck" in page(slow) and "bottleneck" in files.junit(slow)
    )


def test_two_reports_are_compared() -> None:
    a, b = report(), report(ack=0.02, started="2026-12-01T02:00:00+00:00")
    rows = {row.name: row for row in comparison.rows(a, b)}
    assert rows["p99(ack)"].better is False and rows["p99(ack)"].change == pytest.approx(1, abs=0.01)
    assert rows["lost"].better is None and comparison.rows(a, a)[0].better is None
    assert comparison.differences(a, b) == []
    other = replace(b, scenario=b.scenario | {"seed": 2})
    assert comparison.differences(a, other) == ["scenario.seed: 1 and 2"]
    loaded, larger = (replace(b.run.machine, **changed) for changed in ({"load": 9.0}, {"cpus": 8}))
    assert comparison.differences(a, replace(b, run=replace(b.run, machine=loaded))) == []
    assert comparison.differences(a, replace(b, run=replace(b.run, machine=larger))) == [
        "machine: box: Linux, 2 CPUs, Python 3.11 and box: Linux, 8 CPUs, Python 3.11"
    ]
    text = page(a), comparison.page(a, other)
    assert "Not the same: scenario.seed" in text[1] and text[1].count("<svg") == 3


def test_the_terminal_shows_both_while_it_runs_and_at_the_end() -> None:
    out = Console(file=io.StringIO(), width=120)
    bad = report(failed=999, lag=0.3)
    out.print(terminal.live(bad))
    terminal.summary(bad, out)
    comparison.show(bad, report(), out)
    assert terminal.line(bad).startswith(
        "120 of 180 s: 100 customers, 95 served"
    ) and "1 errors" in terminal.line(bad)
    text = out.file.getvalue()  # type: ignore[attr-defined]
    for wanted in ("999", "TERTULIA_RATE_USER", "bottleneck", "Failed: failed=0", "had to wait"):
        assert wanted in text


def test_a_shorter_run_ends_sooner_in_a_plot_of_two() -> None:
    """Lines over 100 and 50 seconds: the second has its points in the left half."""
    text = chart("x", [Line("A", [1.0] * 10, 100), Line("B", [1.0] * 10, 50)], 100, str)
    ends = [float(line.split()[-1].split(",")[0]) for line in re.findall(r'points="([^"]*)"', text)]
    assert ends[1] - LEFT == pytest.approx((ends[0] - LEFT) / 2, abs=0.2)


@pytest.mark.parametrize("most", [0.0, 1e-6, 0.7, 1, 9.99, 10, 123456.7])
def test_ticks_are_few_and_reach_the_top(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0 and found[-1] >= most * 0.999 and 2 <= len(found) <= 6


@pytest.mark.parametrize(
    ("arrivals", "within"),
    [
        ("rate = 1", True),
        ('rate = 1\nramp_up = "5m"\nbursts = [{ at = 0, lasts = "1m", factor = 40 }]', True),
        ('rate = 1\nbursts = [{ at = "4m", lasts = "2m", factor = 2 }]', False),
        ('rate = 1\nramp_up = "6m"', False),
        ('rate = 1\ncurve = "day"', False),
    ],
)
def test_theory_reaches_arrivals_that_are_constant_after_the_warm_up(arrivals: str, within: bool) -> None:
    scenario = loading.parsed(
        f'name = "x"\nabout = "x"\nduration = "1h"\nwarm_up = "5m"\n[arrivals]\n{arrivals}\n'
        "[[customers]]\n[[agents]]\ncount = 70\nhandling = { mean = 60 }"
    )
    model = model_of(scenario)
    assert (model is not None) is within
    assert model is None or model == ErlangModel(1, 1 / 60, 70, 0, 20)


def test_theory_reaches_two_agents_of_different_speed() -> None:
    scenario = changes.apply(loading.load("two-speeds"), policy="least_busy")
    assert model_of(scenario) == TwoAgentsModel(1.5 / 60, 1 / 30, 1 / 60, "longest_idle", 20)
    fast, slow = scenario.agents
    beyond = (
        replace(scenario, agents=[fast, replace(slow, slots=2)]),
        replace(scenario, agents=[fast, replace(slow, languages=["de"])]),
        replace(scenario, agents=[fast, slow, slow]),
        replace(scenario, policy=replace(scenario.policy, strategy="account")),
        replace(scenario, customers=[replace(scenario.customers[0], patience=fast.handling)]),
    )
    assert [model_of(s) for s in beyond] == [None] * len(beyond)


async def test_the_live_page_says_how_a_run_is_doing_and_ends_with_the_report(unused_tcp_port: int) -> None:
    live = LivePage(unused_tcp_port)
    await live.open()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}") as client:
            assert "about to begin" in (await client.get("/")).text
            assert (await client.get("/report.json")).status_code == 404
            live.show(report(failed=3))
            running = (await client.get("/")).text
            assert (
                "Running, 120 of 180 s; not so far: failed=0" in running and 'http-equiv="refresh"' in running
            )
            ending = asyncio.ensure_future(live.finish(report()))
            await asyncio.sleep(0)
            assert not ending.done(), "until the browser has it"
            last = (await client.get("/")).text
            await ending
            assert "Passed: all conditions hold." in last and 'http-equiv="refresh"' not in last
            assert decoded((await client.get("/report.json")).content).passed
    finally:
        await live.close()


async def test_the_live_page_waits_for_nobody_who_does_not_watch(unused_tcp_port: int) -> None:
    live, last = LivePage(unused_tcp_port), report()
    async with asyncio.timeout(REFRESH):
        await live.finish(last)
    await live.close()
