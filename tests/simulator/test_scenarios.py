"""Scenarios: what is shipped loads, errors name the field's path, arrivals follow their curve."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.accounts import phones
from tertulia.simulator.figures import expectations
from tertulia.simulator.scenario import changes, loading, units
from tertulia.simulator.scenario.arrivals import Arrivals, Burst, arrival_times, expected, peak, rate_at
from tertulia.simulator.scenario.distributions import Distribution
from tertulia.simulator.scenario.model import profile
from tertulia.simulator.scenario.units import PerSecond, Seconds
from tertulia.simulator.traffic import identities

MINIMAL = """
name = "x"
about = "y"
duration = "1m"
[arrivals]
rate = "60/min"
[[customers]]
[[agents]]
count = 2
handling = { mean = 5 }
"""


def test_all_that_is_shipped_loads_and_says_what_it_is_for() -> None:
    found = loading.shipped()
    assert len(found) >= 8
    for name, scenario in found.items():
        assert scenario == loading.load(name)
        assert scenario.about.endswith(".") and expected(scenario.arrivals, scenario.duration) > 20
        expectations.all_of(scenario.expect)


def with_(old: str, new: str) -> str:
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name =", "not TOML"),
        (with_('duration = "1m"', 'duration = "1 fortnight"'), "duration: must be a time"),
        (with_('duration = "1m"', ""), "duration: is missing"),
        (with_('rate = "60/min"', 'rate = "fast"'), "arrivals.rate: must be a rate"),
        (with_('rate = "60/min"', 'rate = "60/min"\nspeed = 1'), "arrivals.speed: unknown field"),
        (with_('rate = "60/min"', 'curve = "ramp"'), "arrivals.to: a ramp needs"),
        (with_('rate = "60/min"', 'curve = "recording"'), "arrivals.recording: names the file"),
        (with_('rate = "60/min"', "times = [1]"), "arrivals.times: give a file"),
        (with_("[[customers]]", "[[customers]]\npatience = { mean = -3 }"), "customers[0].patience.mean: must be a time"),
        (with_("[[customers]]", "[[customers]]\n[[customers]]\nsilent = 1.5"), "customers[1].silent: must be a number from 0 to 1, not 1.5"),
        (with_("[[customers]]", "[[customers]]\nedits = 0.5"), "customers[0].edits: only customers on telegram"),
        (with_("[[customers]]", '[[customers]]\nchannel = "fax"'), "customers[0].channel: must be one of email, messenger, sms, telegram, webchat, whatsapp, not \"fax\""),
        (with_("count = 2", "count = 0"), "agents[0].count: must be a whole number from 1 to 5,000, not 0"),
        (with_("count = 2", "count = 2\npace = []"), "agents[0].pace: must be a list of 1 to 100 items, not an empty list"),
        (with_('duration = "1m"', 'duration = "1m"\nwarm_up = "2m"'), "warm_up: must be below duration"),
        (with_('duration = "1m"', 'duration = "1m"\nscale = inf'), "scale: must be a number from 0.1 to 3,600, not inf"),
        (with_('duration = "1m"', 'duration = "60d"'), "duration: must be above 0 and at most 31d"),
        (with_('duration = "1m"', 'duration = "1m"\nexpect = 5'), "expect: must be a list, not 5"),
        (with_('about = "y"', 'about = ""'), 'about: must be text of 1 to 500 characters, not ""'),
        (with_("[arrivals]\n", "[arrivals]\ncurves = 1\n"), "arrivals.curves: unknown field; do you mean curve?"),
        ("arrivals = 1\n", "arrivals: must be a table, not 1"),
        (with_("[[customers]]", "[customers]"), "customers: must be a list of 1 to 50 tables, each under a heading in [[ ]], not a table"),
        (with_('rate = "60/min"', "rate = 1e9"), "arrivals: 60,000,000,000 customers in 60 s; a run may have 1,000,000"),
        (with_('rate = "60/min"', 'rate = 1\nto = 2'), 'arrivals.to: is for curve = "ramp", and it is "constant"'),
        (with_('rate = "60/min"', 'curve = "recording"\nrecording = "none.txt"'), "arrivals.recording: none.txt cannot be read: No such file"),
        (with_("[[customers]]", "[[customers]]\nthink = 5"), 'customers[0].think: must be a table such as { mean = "30s" }, not 5'),
        (with_("[[customers]]", '[[customers]]\nlanguage = "english"'), 'customers[0].language: must be a language code such as "en" or "de", not "english"'),
        (with_("[[customers]]", "[[customers]]\npatience = { mean = 0 }"), "customers[0].patience.mean: must be above 0"),
        (with_("count = 2", "count = 2\nbreaks = { after = { mean = 0 }, lasts = { mean = 1 } }"), "agents[0].breaks.after.mean: must be above 0"),
        (with_("mean = 5", "mean = 0"), "agents[0].handling.mean: must be above 0"),
    ],
)  # fmt: skip
def test_errors_name_the_field(text: str, error: str) -> None:
    with pytest.raises(loading.ScenarioError) as caught:
        loading.parsed(text)
    assert error in str(caught.value)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(loading.ScenarioError, match="first-look"):
        loading.load("nothing-like-this")


def test_a_recording_is_replayed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "calls.txt").write_text("# seconds\n1\n1.5\n\n90s\n")
    text = with_('rate = "60/min"', 'curve = "recording"\nrecording = "calls.txt"')
    scenario = loading.parsed(text, tmp_path)
    assert list(arrival_times(scenario.arrivals, 60, 1)) == [1, 1.5]
    (tmp_path / "calls.txt").write_text("2\n1\n")
    with pytest.raises(loading.ScenarioError, match="ascend"):
        loading.parsed(text, tmp_path)
    (tmp_path / "calls.txt").write_text("2\nnoon\n")
    with pytest.raises(loading.ScenarioError, match="line 2"):
        loading.parsed(text, tmp_path)


@pytest.mark.parametrize(
    "arrivals",
    [
        Arrivals(rate=PerSecond(20)),
        Arrivals(curve="ramp", rate=PerSecond(2), to=PerSecond(50)),
        Arrivals(curve="day", rate=PerSecond(20)),
        Arrivals(rate=PerSecond(8), bursts=[Burst(Seconds(100), Seconds(50), 10)], ramp_up=Seconds(60)),
    ],
)  # fmt: skip
def test_arrivals_follow_the_curve(arrivals: Arrivals) -> None:
    duration, parts = 600.0, 12
    times = list(arrival_times(arrivals, duration, 7))
    assert times == sorted(times) and times == list(arrival_times(arrivals, duration, 7))
    assert all(rate_at(arrivals, t, duration) <= peak(arrivals) * (1 + 1e-9) for t in range(600))
    for part in range(parts):
        low, high = duration * part / parts, duration * (part + 1) / parts
        wanted = (
            sum(rate_at(arrivals, low + (high - low) * (i + 0.5) / 500, duration) for i in range(500))
            / 500
            * (high - low)
        )
        found = sum(low <= t < high for t in times)
        assert abs(found - wanted) < 5 * math.sqrt(wanted) + 1
    assert math.isclose(expected(arrivals, duration), len(times), rel_tol=0.1)


@given(
    st.sampled_from(["exponential", "lognormal", "weibull", "constant"]),
    st.floats(0.1, 1000),
    st.integers(0, 99),
)
def test_distributions_have_their_mean(name: str, mean: float, seed: int) -> None:
    import random

    d = Distribution(distribution=name, mean=Seconds(mean), cv=0.7, shape=1.5)  # type: ignore[arg-type]
    rng = random.Random(seed)
    found = sum(d.sample(rng) for _ in range(4000)) / 4000
    assert math.isclose(found, mean, rel_tol=0.12)


def test_a_customer_is_the_same_whatever_else_changes() -> None:
    first = loading.load("busy-day")
    second = changes.apply(first, agents=30, policy="round_robin")
    for number in range(50):
        a, b = profile(first, number), profile(second, number)
        assert (a.kind, a.patience, a.turns, a.work.random()) == (
            b.kind,
            b.patience,
            b.turns,
            b.work.random(),
        )


@given(
    st.sampled_from(["webchat", "whatsapp", "telegram", "messenger", "sms", "email"]), st.integers(0, 999_999)
)
def test_addresses_say_whose_they_are(channel: str, number: int) -> None:
    address = identities.identifier(channel, "run7ab", number)  # type: ignore[arg-type]
    assert identities.reader("run7ab")(address) == number
    assert identities.common(channel, "run7ab") in address  # type: ignore[arg-type]
    assert identities.reader("run7ab")("visitor-0193") is None
    assert identities.reader("run7ac")(address) is None


@pytest.mark.parametrize(
    "address",
    ["+4915112345678", "+49151990000001", "7712000123", "5012345678901234", "sim-run7ab-1x", "+8839"],
)
def test_addresses_that_a_real_customer_may_have_are_no_runs(address: str) -> None:
    """A run erases its customers: an address of somebody else's must not look like one."""
    assert identities.reader("run7ab")(address) is None
    for channel in ("whatsapp", "sms"):
        phone = identities.identifier(channel, "run7ab", 3)
        assert (
            phones.is_possible(phone) and phones.e164(phone.removeprefix("+")) == phone and len(phone) <= 16
        )


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("5m", 300), (" 1.5 h", 5400), ("250ms", 0.25), (7, 7), ("7", 7)]
)
def test_times(text: str, value: float) -> None:
    assert units.seconds(text) == value


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e400", "5 apples", True, None, "1" * 5000 + "x"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time"):
        units.seconds(text)


def test_options_change_what_they_name() -> None:
    base = loading.load("all-channels")
    changed = changes.apply(
        base,
        rate="120/min",
        duration="10m",
        agents=14,
        transport="sse",
        seed=9,
        ramp="1m",
        scale=5,
        policy="random",
    )
    assert (changed.arrivals.rate, changed.duration, changed.agent_count, changed.seed, changed.scale) == (
        2,
        600,
        14,
        9,
        5,
    )
    assert {g.transport for g in changed.agents} == {"sse"} and [g.count for g in changed.agents] == [6, 4, 4]
    assert changed.arrivals.ramp_up == 60 and changed.policy.strategy == "random"
    few = changes.apply(base, customers=90, duration="1m")
    assert 90 <= expected(few.arrivals, 60) < 110
    for wrong in ({"rate": "x"}, {"duration": "x"}, {"ramp": "x"}, {"agents": 2}, {"duration": "0"}):
        with pytest.raises(loading.ScenarioError):
            changes.apply(base, **wrong)  # type: ignore[arg-type]
