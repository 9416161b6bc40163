"""Figures: they merge without loss, travel between processes, and conditions judge them."""

from __future__ import annotations

import random

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st

from tertulia.simulator.figures.expectations import ALWAYS, ExpectationError, all_of, judged, parsed
from tertulia.simulator.figures.figures import BUCKETS, MAX_KINDS, Figures
from tertulia.simulator.figures.floor import Floor, gini
from tertulia.simulator.figures.histograms import Histogram


@searched(15)
@given(st.lists(st.floats(0.00001, 80_000), min_size=1, max_size=300), st.integers(0, 300))
def test_a_merged_histogram_is_that_of_all_values(values: list[float], cut: int) -> None:
    whole, parts = Histogram(), [Histogram(), Histogram()]
    for i, value in enumerate(values):
        whole.record(value)
        parts[i < cut].record(value)
    merged = Histogram.loaded(parts[0].dumped())
    merged.add(Histogram.loaded(parts[1].dumped()))
    assert merged.count == whole.count == len(values)
    for percent in (0, 50, 90, 99, 99.9, 100):
        assert merged.percentile(percent) == whole.percentile(percent)
    ranked = sorted(values)[max(0, -(-len(values) // 2) - 1)]
    assert whole.percentile(50) == pytest.approx(ranked, rel=2e-3, abs=2e-6)
    assert whole.mean == pytest.approx(sum(values) / len(values)) and whole.largest >= max(values) * 0.998


def test_figures_of_workers_merge() -> None:
    rng, whole, workers = random.Random(3), Figures(2.0), [Figures(2.0) for _ in range(3)]
    for i in range(500):
        for figures in (whole, workers[i % 3]):
            t, value = float(i), rng.random() if figures is whole else value_of(i)
            figures.ack(t, value_of(i))
            figures.time("wait", value_of(i))
            row = figures.row("GET /x")
            row.latency.record(value_of(i))
            row.statuses["200" if i % 7 else "503"] += 1
            row.failed += not i % 7
            figures.error("kind", f"sample {i}")
            figures.point("arrived", t)
            del value
    merged = Figures.load(workers[0].dump())
    for figures in workers[1:]:
        merged.merge(Figures.load(figures.dump()))
    assert merged.counts == whole.counts and merged.errors == whole.errors and merged.series == whole.series
    assert (
        merged.rows["GET /x"].statuses == whole.rows["GET /x"].statuses and merged.rows["GET /x"].failed == 72
    )
    assert [h.percentile(99) for h in merged.acks] == [h.percentile(99) for h in whole.acks]
    assert merged.times["wait"].percentile(90) == whole.times["wait"].percentile(90)


def value_of(i: int) -> float:
    return 0.001 + (i * 7919 % 1000) / 1000


def test_figures_have_a_fixed_size() -> None:
    figures = Figures()
    for i in range(3 * MAX_KINDS):
        figures.row(f"GET /{i}")
        figures.error(f"error {i}")
        figures.point("arrived", i * 1000.0)
    assert len(figures.rows) <= MAX_KINDS + 1 and len(figures.errors) <= MAX_KINDS + 1
    assert len(figures.series["arrived"]) == BUCKETS


@pytest.mark.parametrize(
    ("text", "measure", "value"),
    [
        ("p99(ack)<100ms", "p99(ack)", 0.1),
        (" p99.9( ack ) <= 1.5 s ", "p99.9(ack)", 1.5),
        ("abandoned<5%", "abandoned", 0.05),
        ("lost=0", "lost", 0),
        ("p50(POST /v1/webchat/messages)<20ms", "p50(POST /v1/webchat/messages)", 0.02),
        ("rate(ack)>=200", "rate(ack)", 200),
    ],
)
def test_conditions(text: str, measure: str, value: float) -> None:
    found = parsed(text)
    assert (found.measure, found.value) == (measure, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lost",
        "p99(ack)",
        "p99(nothing)<1s",
        "lust=0",
        "p99(ack)<fast",
        "<5",
        "x" * 10_000,
        "p0(ack)<1s",
        "p100(ack)<1s",
        "lost!=0",
        "lost=-1",
        "lost=0 and failed=0",
    ],
)
def test_conditions_that_are_none(text: str) -> None:
    with pytest.raises(ExpectationError):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p99(ack)<100", "p99(ack) is a time: say 100ms or 100s"),
        ("max(POST /v1/x)<5%", "is a time: say 5ms or 5s"),
        ("abandoned<5", "abandoned is a share: say 5% or a number from 0 to 1"),
        ("in_time>80", "in_time is a share: say 80%"),
        ("lost<5ms", "lost is a count, without ms"),
        ("errors<1%", "errors is a count, without %"),
        ("rate(ack)>5%", "rate(ack) is a number a second, without %"),
        ("waits<3", "do you mean waited?"),
    ],
)
def test_a_value_needs_the_unit_of_its_measure(text: str, said: str) -> None:
    """Without it, the condition would always hold, or never."""
    with pytest.raises(ExpectationError) as error:
        parsed(text)
    assert said in str(error.value)
    assert parsed("rate(ack)>=200/s").value == 200 and parsed("abandoned<0.05").value == 0.05


def test_a_condition_replaces_the_one_that_always_holds_for_its_measure() -> None:
    names = [e.text for e in all_of(["failed<5"])]
    assert "failed<5" in names and "failed=0" not in names and len(names) == len(ALWAYS)


def test_what_was_not_measured_does_not_hold() -> None:
    (verdict,) = judged([parsed("p99(ack)<1s")], lambda _: None)
    assert not verdict.holds and verdict.value is None


def event(kind: str, id: str, at: float, **data: object) -> dict[str, object]:
    from datetime import UTC, datetime

    return {
        "type": kind,
        "conversation_id": id,
        "at": datetime.fromtimestamp(1000 + at, UTC).isoformat(),
        "data": data,
    }


def floor(**changes: object) -> Floor:
    options = {
        "began": 1000.0, "warm_up": 0.0, "duration": 100.0, "scale": 2.0, "answer_within": 20.0, "slots": {"a": 1, "b": 1},
        "number_of": lambda address: int(address) if address.isdigit() else None,
    } | changes  # fmt: skip
    return Floor(Figures(), **options)  # type: ignore[arg-type]


def test_the_floor_forgets_the_oldest_of_very_many_conversations() -> None:
    f = floor(most=10)
    for i in range(12):
        f.on_event(event("conversation:new", f"c{i}", 1, contact_identifier=str(i)))
        f.on_event(event("conversation:status", f"c{i}", 1, **{"from": "open", "to": "closed"}))
    for i in range(12):  # the others are seen to return
        f.on_event(event("conversation:status", f"c{i}", 2, **{"from": "closed", "to": "open"}))
    assert list(f.live) == [f"c{i}" for i in range(2, 12)] and f.waiting == len(f.known) == 10


def test_the_floor_knows_who_had_to_wait_and_for_how_long() -> None:
    f = floor()
    for i in range(3):
        f.on_event(event("conversation:new", f"c{i}", i, contact_identifier=str(i)))
        if i < 2:
            f.on_event(event("agent:assigned", f"c{i}", i + 0.1, agent_id="ab"[i]))
    f.on_event(event("conversation:new", "other", 3, contact_identifier="visitor-x"))
    f.on_event(event("conversation:status", "c0", 7, **{"from": "assigned", "to": "resolved"}))
    f.on_event(event("agent:assigned", "c2", 7, agent_id="a"))
    f.on_event(event("conversation:new", "c3", 8, contact_identifier="3"))
    f.on_event(event("conversation:status", "c3", 18, **{"from": "open", "to": "resolved"}))
    f.close(20)
    total = {
        name: sum(getattr(b, name) for b in f.batches)
        for name in ("arrived", "waited", "abandoned", "in_time", "wait", "busy")
    }
    assert (
        total["arrived"] == 4 and total["waited"] == 2 and total["abandoned"] == 1 and total["in_time"] == 3
    )
    assert total["wait"] == pytest.approx((7 - 2) * 2 + (18 - 8) * 2)
    assert total["busy"] == pytest.approx((7 - 0.1) + (20 - 1.1) + (20 - 7))
    assert f.agents["a"].taken == 2 and f.over_capacity == [] and f.counts["served"] == 1


def test_the_floor_finds_an_agent_over_capacity() -> None:
    f = floor()
    for i in range(2):
        f.on_event(event("conversation:new", f"c{i}", i, contact_identifier=str(i)))
        f.on_event(event("agent:assigned", f"c{i}", i, agent_id="a"))
    assert f.over_capacity == ["a held 2 of 1"]


def test_gini() -> None:
    assert gini([1.0, 1.0, 1.0]) == pytest.approx(0) and gini([0.0, 0.0, 0.0, 4.0]) == pytest.approx(0.75)
    assert gini([]) == 0


def test_shares_waits_and_times_leave_the_warm_up_out() -> None:
    f = floor(warm_up=10.0)
    f.figures.warm_up = 10.0
    for at, id in ((1, "early"), (20, "late")):
        f.on_event(event("conversation:new", id, at, contact_identifier=str(at)))
        f.on_event(event("agent:assigned", id, at + 1, agent_id="a"))
        f.on_event(event("conversation:status", id, at + 5, **{"from": "assigned", "to": "resolved"}))
    f.on_event(event("conversation:new", "gone", 2, contact_identifier="3"))
    f.on_event(event("conversation:status", "gone", 30, **{"from": "open", "to": "resolved"}))
    f.figures.ack(9, 0.1)
    f.figures.ack(11, 0.1)
    assert (f.counts["answered"], f.counts["abandoned"], f.counts["served"]) == (1, 0, 2)
    assert {name: f.figures.times[name].count for name in ("wait", "handling", "assign", "ack")} == {
        "wait": 1, "handling": 1, "assign": 1, "ack": 1,
    }  # fmt: skip
    assert f.figures.counts["acknowledged"] == 2 and sum(f.figures.series["abandoned"]) == 1
