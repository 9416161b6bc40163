"""Confidence intervals of steady-state means from one run, by batch means.

Successive waits depend on each other, so their variance alone underestimates the error. The run is cut into batches of equal time; the means of
long batches are nearly independent (Law, Simulation Modeling and Analysis, 9.5.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
         2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045)  # fmt: skip
"""Quantile 0.975 of Student's t for 1, 2, 3 … degrees of freedom."""

FEWEST = 5
"""Batches that are no longer joined."""
MOST_CORRELATION = 0.1
"""Of neighbouring batches; above it they are joined."""


class Interval(msgspec.Struct, frozen=True):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def ratio_interval(sums: Sequence[float], counts: Sequence[float]) -> Interval | None:
    """The interval of Σ sums / Σ counts over batches, by the delta method; None from fewer than two batches with a count.

    Batches with more arrivals weigh more, which the mean of the batches' means would get wrong.
    """
    pairs = _independent([(s, c) for s, c in zip(sums, counts, strict=True) if c > 0])
    n = len(pairs)
    total = sum(c for _, c in pairs)
    if n < 2 or not total:
        return None
    mean = sum(s for s, _ in pairs) / total
    spread = math.fsum((s - mean * c) ** 2 for s, c in pairs) / (n - 1)
    half = quantile(n - 1) * math.sqrt(spread / n) / (total / n)
    return Interval(mean, mean - half, mean + half)


def _independent(pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The batches, neighbours joined until they are no longer correlated: from short ones the interval would be too narrow."""
    while len(pairs) >= 2 * FEWEST and _correlation(pairs) > MOST_CORRELATION:
        pairs = [
            (sum(s for s, _ in joined), sum(c for _, c in joined))
            for joined in (pairs[i : i + 2] for i in range(len(pairs) % 2, len(pairs), 2))
        ]
    return pairs


def _correlation(pairs: list[tuple[float, float]]) -> float:
    """Of neighbouring batches' deviations from the mean."""
    mean = sum(s for s, _ in pairs) / sum(c for _, c in pairs)
    off = [s - mean * c for s, c in pairs]
    square = math.fsum(x * x for x in off)
    return math.fsum(a * b for a, b in pairwise(off)) / square if square else 0.0


def quantile(freedom: int) -> float:
    return T_975[freedom - 1] if freedom <= len(T_975) else 1.96 + 2.5 / freedom
