"""Histograms of times in fixed memory (HdrHistogram), which merge without loss."""

from __future__ import annotations

from hdrh.histogram import HdrHistogram

LONGEST = 24 * 3600.0
"""Seconds; longer times count as this."""
_MICROS = 1_000_000


class Histogram:
    """Times in seconds, from a microsecond to a day. `digits`: significant decimal digits, 3 for figures, 2 for a plot's points.

    About 200 KiB with three digits, 30 KiB with two.
    """

    __slots__ = ("_counts", "digits", "total")

    def __init__(self, digits: int = 3) -> None:
        self.digits = digits
        self._counts = HdrHistogram(1, int(LONGEST) * _MICROS, digits)
        self.total = 0.0

    def record(self, seconds: float) -> None:
        seconds = min(max(seconds, 0.0), LONGEST - 1)
        self.total += seconds
        self._counts.record_value(max(1, round(seconds * _MICROS)))

    @property
    def count(self) -> int:
        return self._counts.get_total_count()

    @property
    def mean(self) -> float:
        """Seconds; exact, not rounded to the histogram's digits."""
        return self.total / self.count if self.count else 0.0

    @property
    def largest(self) -> float:
        return self._counts.get_max_value() / _MICROS if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """Seconds that `percent` of 100 do not exceed; 0 if nothing was recorded."""
        return self._counts.get_value_at_percentile(percent) / _MICROS if self.count else 0.0

    def add(self, other: Histogram) -> None:
        if other.count:
            self._counts.add(other._counts)
        self.total += other.total

    def dumped(self) -> tuple[int, float, bytes]:
        return self.digits, self.total, bytes(self._counts.encode()) if self.count else b""

    @classmethod
    def loaded(cls, dumped: tuple[int, float, bytes]) -> Histogram:
        digits, total, counts = dumped
        histogram = cls(digits)
        if counts:
            histogram._counts.add(HdrHistogram.decode(counts))
        histogram.total = total
        return histogram
