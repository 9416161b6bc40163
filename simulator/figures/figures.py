"""The figures of a run: a row for each kind of request, histograms of times, counts, and series over time.

All of it has a fixed size: a run of a day takes no more memory than one of a minute. Workers' figures are merged by `merge`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from .histograms import Histogram

BUCKETS = 120
"""Points of a series over time."""
MAX_KINDS = 200
"""Kinds of requests, and of errors; further ones count as `other`."""
MAX_SAMPLES = 20
"""Errors kept word for word."""


class Row:
    """One kind of request. `latency` counts from the intended time; `failed` are answers that report failure, and requests without an answer."""

    def __init__(self) -> None:
        self.latency = Histogram()
        self.statuses: Counter[str] = Counter()
        self.sent_bytes = 0
        self.received_bytes = 0
        self.failed = 0


class Figures:
    """`width` is the length of a bucket of the series in seconds of the run; times are seconds since its start. What falls before
    `warm_up` is left out of the histograms of times, but not of rows, counts and series.

    `times`: `ack` (a message, from its intended time to the acknowledgement), `delivery` (to the other side), `assign` (opening to
    assignment where an agent was free), `late` (how late the generator itself sent), `lag` (of its event loop); in seconds of the
    run. `wait` and `handling` are in seconds of the model.
    """

    def __init__(self, width: float = 1.0, warm_up: float = 0.0) -> None:
        self.width = width
        self.warm_up = warm_up
        self.rows: dict[str, Row] = {}
        self.times: dict[str, Histogram] = {}
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.samples: list[str] = []
        self.series: dict[str, list[float]] = {}
        self.acks = [Histogram(2) for _ in range(BUCKETS)]

    def bucket(self, t: float) -> int:
        return min(BUCKETS - 1, max(0, int(t / self.width)))

    def row(self, kind: str) -> Row:
        if kind not in self.rows and len(self.rows) >= MAX_KINDS:
            kind = "other"
        return self.rows.setdefault(kind, Row())

    def time(self, name: str, seconds: float, t: float = float("inf")) -> None:
        """A time that belongs to what began at `t`."""
        if t < self.warm_up:
            return
        found = self.times.get(name)
        if found is None:
            found = self.times[name] = Histogram()
        found.record(seconds)

    def ack(self, t: float, seconds: float) -> None:
        """An acknowledged message at time `t`."""
        self.counts["acknowledged"] += 1
        self.time("ack", seconds, t)
        self.acks[self.bucket(t)].record(seconds)
        self.point("acknowledged", t)

    def error(self, what: str, sample: str = "") -> None:
        self.errors[what if what in self.errors or len(self.errors) < MAX_KINDS else "other"] += 1
        if sample and len(self.samples) < MAX_SAMPLES:
            self.samples.append(sample[:500])

    def point(self, name: str, t: float, by: float = 1) -> None:
        """Add to a series of counts."""
        self._column(name)[self.bucket(t)] += by

    def highest(self, name: str, t: float, value: float) -> None:
        """Raise a series of peaks. Only one worker may write it."""
        column, at = self._column(name), self.bucket(t)
        column[at] = max(column[at], value)

    def _column(self, name: str) -> list[float]:
        found = self.series.get(name)
        if found is None:
            found = self.series[name] = [0.0] * BUCKETS
        return found

    def merge(self, other: Figures) -> None:
        """Add another worker's figures of the same run."""
        for kind, row in other.rows.items():
            mine = self.row(kind)
            mine.latency.add(row.latency)
            mine.statuses.update(row.statuses)
            mine.sent_bytes += row.sent_bytes
            mine.received_bytes += row.received_bytes
            mine.failed += row.failed
        for name, histogram in other.times.items():
            self.times.setdefault(name, Histogram()).add(histogram)
        self.counts.update(other.counts)
        self.errors.update(other.errors)
        self.samples = (self.samples + other.samples)[:MAX_SAMPLES]
        for name, column in other.series.items():
            mine_column = self._column(name)
            for i, value in enumerate(column):
                mine_column[i] += value
        for mine_ack, ack in zip(self.acks, other.acks, strict=True):
            mine_ack.add(ack)

    def dump(self) -> bytes:
        """As bytes, for another process."""
        rows = {
            kind: (r.latency.dumped(), dict(r.statuses), r.sent_bytes, r.received_bytes, r.failed)
            for kind, r in self.rows.items()
        }
        times = {name: h.dumped() for name, h in self.times.items()}
        acks = [h.dumped() for h in self.acks]
        whole = (
            self.width,
            rows,
            times,
            dict(self.counts),
            dict(self.errors),
            self.samples,
            self.series,
            acks,
        )
        return msgspec.msgpack.encode(whole)

    @classmethod
    def load(cls, dumped: bytes) -> Figures:
        whole: Any = msgspec.msgpack.decode(dumped)
        width, rows, times, counts, errors, samples, series, acks = whole
        figures = cls(width)
        for kind, (latency, statuses, sent, received, failed) in rows.items():
            row = figures.row(kind)
            row.latency, row.statuses = Histogram.loaded(tuple(latency)), Counter(statuses)
            row.sent_bytes, row.received_bytes, row.failed = sent, received, failed
        figures.times = {name: Histogram.loaded(tuple(h)) for name, h in times.items()}
        figures.counts, figures.errors, figures.samples = Counter(counts), Counter(errors), samples
        figures.series = series
        figures.acks = [Histogram.loaded(tuple(h)) for h in acks]
        return figures
