"""Schedules against a slow oracle that reads the wall clock minute by minute, changes of the clock included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.accounts.account_settings import Hours
from tertulia.core.accounts.business_hours import DAYS, MINUTE, Schedule

HOUR = 60 * MINUTE
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]

ZONES = [
    "UTC",
    "Africa/Addis_Ababa",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kathmandu",  # +05:45
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "America/Santiago",  # changes at midnight
    "Africa/Casablanca",  # daylight saving in winter
    "Pacific/Apia",
]
NEAR_CHANGES = [
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 4, 5, tzinfo=UTC),
    datetime(2026, 9, 6, tzinfo=UTC),
    datetime(2026, 2, 15, tzinfo=UTC),
    datetime(2011, 12, 30, tzinfo=UTC),  # Apia skipped this day
    datetime(2026, 6, 15, tzinfo=UTC),
]


def at(zone: str, *parts: int, fold: int = 0) -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)  # type: ignore[arg-type, misc]


def minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def oracle_open(blocks: list[Hours], zone: str, ms: int) -> bool:
    wall = datetime.fromtimestamp(ms / 1000, ZoneInfo(zone))
    for back in (0, 1, 2):  # a block begun today, yesterday, or (24:00 into the next night) the day before
        day = DAYS[(wall.weekday() - back) % 7]
        now = wall.hour * 60 + wall.minute + back * 1440
        for block in blocks:
            start, end = minutes(block.start), minutes(block.end)
            if day in block.days and start <= now < (end if end >= start else end + 1440):
                return True
    return not blocks


times = st.one_of(
    st.sampled_from(["00:00", "24:00", "01:30", "02:00", "02:30", "03:00", "09:00", "17:00", "22:00"]),
    st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59)),
)
blocks_of = st.lists(
    st.builds(Hours, st.lists(st.sampled_from(DAYS), min_size=1, max_size=7), times, times), max_size=4
)
starts = st.builds(
    lambda day, shift: int((day + timedelta(minutes=shift)).timestamp() * 1000),
    st.sampled_from(NEAR_CHANGES),
    st.integers(-2000, 2000),
)


def open_time(schedule: Schedule, start: int, end: int) -> int:
    """Open milliseconds between two instants, from change to change."""
    total, at = 0, start
    while at < end:
        change = schedule.next_change(at)
        until = end if change is None else min(change, end)
        total += (until - at) * schedule.is_open(at)
        at = until
    return total


@searched(30)
@given(blocks_of, st.sampled_from(ZONES), starts)
def test_every_minute_of_two_days_agrees_with_the_wall_clock(
    blocks: list[Hours], zone: str, start: int
) -> None:
    schedule = Schedule(blocks, zone)
    span = [start + n * MINUTE for n in range(2 * 1440)]
    opened = [oracle_open(blocks, zone, ms) for ms in span]
    assert [schedule.is_open(ms) for ms in span] == opened
    assert open_time(schedule, start, start + 2 * 1440 * MINUTE) == sum(opened) * MINUTE

    changes = [ms for ms, was, now in zip(span[1:], opened, opened[1:], strict=False) if was != now]
    found, after = [], start
    while (change := schedule.next_change(after)) is not None and change <= span[-1]:
        found.append(change)
        after = change
    assert found == changes

    wanted = 7 * MINUTE
    inside = [ms for ms, is_open in zip(span, opened, strict=True) if is_open]
    if len(inside) >= 7:
        assert schedule.after(start, wanted) == inside[6] + MINUTE


@searched(50)
@given(blocks_of, st.sampled_from(ZONES), starts, st.integers(0, 5000))
def test_business_time_and_the_instant_after_it_are_inverse(
    blocks: list[Hours], zone: str, start: int, wanted: int
) -> None:
    schedule = Schedule(blocks, zone)
    end = schedule.after(start, wanted * MINUTE)
    if end is None:
        assert blocks and schedule.next_change(start) is None
    else:
        assert open_time(schedule, start, end) == wanted * MINUTE


def test_working_days() -> None:
    schedule = Schedule([Hours(WEEKDAYS, "09:00", "17:00")], "Africa/Addis_Ababa")  # type: ignore[arg-type]
    friday = at("Africa/Addis_Ababa", 2026, 11, 20, 16, 30)
    assert schedule.is_open(friday)
    assert schedule.next_change(friday) == friday + 30 * MINUTE
    assert schedule.after(friday, HOUR) == at("Africa/Addis_Ababa", 2026, 11, 23, 9, 30)


def test_over_midnight_and_several_blocks_a_day() -> None:
    schedule = Schedule(
        [Hours(["fri"], "22:00", "02:00"), Hours(["fri"], "08:00", "09:00"), Hours(["sun"], "23:00", "24:00")]
    )
    assert schedule.is_open(at("UTC", 2026, 11, 21, 1, 59))
    assert not schedule.is_open(at("UTC", 2026, 11, 21, 2, 0))
    assert not schedule.is_open(at("UTC", 2026, 11, 20, 1, 0)), "Friday's night is not Thursday's"
    assert open_time(schedule, at("UTC", 2026, 11, 20), at("UTC", 2026, 11, 23)) == 6 * HOUR


def test_all_day_is_all_day_over_the_week_s_end() -> None:
    schedule = Schedule(
        [Hours(["sun"], "00:00", "24:00"), Hours(["mon"], "00:00", "24:00")], "Asia/Kathmandu"
    )
    sunday = at("Asia/Kathmandu", 2026, 11, 22, 12)
    assert schedule.next_change(sunday) == at("Asia/Kathmandu", 2026, 11, 24)


@pytest.mark.parametrize(
    ("blocks", "always"),
    [([], True), ([Hours(list(DAYS), "00:00", "24:00")], True), ([Hours(["mon"], "09:00", "09:00")], False)],
)
def test_hours_that_never_change(blocks: list[Hours], always: bool) -> None:
    schedule = Schedule(blocks, "Europe/Berlin")
    now = at("Europe/Berlin", 2026, 11, 23, 9)
    assert schedule.is_open(now) is always
    assert schedule.next_change(now) is None
    assert schedule.after(now, HOUR) == (now + HOUR if always else None)


def test_a_gap_opens_late_and_a_fold_is_open_twice() -> None:
    zone = "America/New_York"
    schedule = Schedule([Hours(["sun"], "01:30", "02:30")], zone)
    gap = open_time(schedule, at(zone, 2026, 3, 8), at(zone, 2026, 3, 9))
    fold = open_time(schedule, at(zone, 2026, 11, 1), at(zone, 2026, 11, 2))
    assert (gap, fold) == (30 * MINUTE, 90 * MINUTE)
    swallowed = Schedule([Hours(["sun"], "02:00", "03:00")], zone)
    assert swallowed.next_change(at(zone, 2026, 3, 8)) == at(zone, 2026, 3, 15, 2)
