"""Weekly opening hours in a time zone, as instants (ms since the epoch).

An instant is open if the zone's wall clock shows a time inside one of the blocks. This rule covers daylight saving: in a gap the
clock never shows 02:30, so a block 02:30–05:00 opens at 03:00, the moment of the change; in a fold 01:30 is shown twice, and both
count.

Blocks become intervals of the wall clock's week. Between two changes of a zone's offset, instants are wall times shifted by the
offset, so the code walks from change to change. Offsets come from zoneinfo.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from .account_settings import Day, Hours

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
WEEK = 7 * DAY
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
THURSDAY = 3 * DAY
"""1970-01-01 was a Thursday."""
FAR = 10 * 366 * DAY
"""Times further away are not searched."""
SOON = 5 * WEEK
"""Long enough to find a block that a clock change removes in some weeks."""


class Schedule:
    """Opening hours of a week. Without blocks it is always open."""

    __slots__ = ("_edges", "_parts", "_zone", "always")

    def __init__(self, blocks: Iterable[Hours] = (), timezone: str = "UTC") -> None:
        blocks = tuple(blocks)
        self._parts = _merged(part for block in blocks for part in _parts_of(block))
        self._edges = [edge for part in self._parts for edge in part]
        self._zone = timezone
        self.always = not blocks or self._parts == [(0, WEEK)]

    def is_open(self, at: int) -> bool:
        if self.always:
            return True
        offset = next(_stretches(self._zone, at))[1]
        return bisect_right(self._edges, (at + offset + THURSDAY) % WEEK) % 2 == 1

    def next_change(self, at: int) -> int | None:
        """The first instant after `at` at which it opens or closes; None for never."""
        for start, end in self._open(at, at + SOON):
            if start > at:
                return start
            if end < at + SOON:
                return end
        return None

    def after(self, at: int, business: int) -> int | None:
        """The instant when `business` ms of open time have passed since `at`; None if not within ten years."""
        if self.always or business <= 0:
            return at + max(0, business)
        if not self._parts:
            return None
        for start, end in self._open(at, at + FAR):
            if business <= end - start:
                return start + business
            business -= end - start
        return None

    def _open(self, at: int, until: int) -> Iterator[tuple[int, int]]:
        """Open spans from `at` to `until`, in order and disjoint."""
        if self.always:
            yield at, until
            return
        held: tuple[int, int] | None = None
        for start, end in self._pieces(at, until):
            if held is not None and start == held[1]:
                held = (held[0], end)
                continue
            if held is not None:
                yield held
            held = (start, end)
        if held is not None:
            yield held

    def _pieces(self, at: int, until: int) -> Iterator[tuple[int, int]]:
        for end, offset in _stretches(self._zone, at):
            shift = offset + THURSDAY
            stop = min(end, until)
            week = (at + shift) // WEEK * WEEK
            while week - shift < stop:
                for opens, closes in self._parts:
                    a, b = max(at, week + opens - shift), min(stop, week + closes - shift)
                    if a < b:
                        yield a, b
                week += WEEK
            if stop == until:
                return
            at = end


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def _parts_of(block: Hours) -> Iterator[tuple[int, int]]:
    """A block's intervals of the week, in ms since Monday 00:00. Equal times make an empty block."""
    start, end = _minutes(block.start), _minutes(block.end)
    length = end - start if end >= start else end + 24 * 60 - start
    for day in block.days:
        opens = (DAYS.index(day) * DAY + start * MINUTE) % WEEK
        closes = opens + length * MINUTE
        yield opens, min(closes, WEEK)
        if closes > WEEK:
            yield 0, closes - WEEK


def _merged(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for opens, closes in sorted(part for part in parts if part[0] < part[1]):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(closes, merged[-1][1]))
        else:
            merged.append((opens, closes))
    return merged


def _offset(zone: str, at: int) -> int:
    """Wall clock minus UTC at an instant, in ms."""
    local = datetime.fromtimestamp(at // 1000, UTC).astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * 1000


@lru_cache(maxsize=8192)
def _day(zone: str, day: int) -> tuple[int, int | None, int]:
    """A UTC day's offset at its start, the change within it (no zone has two in a day), and the offset after that."""
    start, end = day * DAY, (day + 1) * DAY
    before, after = _offset(zone, start), _offset(zone, end)
    if before == after:
        return before, None, after
    low, high = start // 1000, end // 1000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle * 1000) == before else (low, middle)
    return before, high * 1000, after


def _stretches(zone: str, at: int) -> Iterator[tuple[int, int]]:
    """(end, offset) of stretches from `at` on, day by day, split where the offset changes."""
    day = at // DAY
    while True:
        before, change, after = _day(zone, day)
        if change is not None and at < change:
            yield change, before
            at = change
        yield (day + 1) * DAY, after
        day += 1
        at = day * DAY
