"""Durations of which some were not observed to their end: the estimate of Kaplan and Meier (1958).

A customer who was answered would have waited longer; how long is not known, only that it was longer. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Survival:
    """`times`: when something ended, ascending; `survivors[n]`: the share that lasts longer than `times[n]`. `rate`: ends per unit of time
    over all that was seen; beyond the last end the rest is taken to end at this rate."""

    def __init__(self, times: Floats, survivors: Floats, rate: float) -> None:
        self.times, self.survivors, self.rate = times, survivors, rate

    @classmethod
    def estimated(cls, durations: Sequence[float], ended: Sequence[bool]) -> Survival:
        """From how long each was seen, and whether it ended then."""
        seen, over = np.asarray(durations, np.float64), np.asarray(ended, np.bool_)
        times, ends = np.unique(seen[over], return_counts=True)
        at_risk = len(seen) - np.searchsorted(np.sort(seen), times, side="left")
        survivors = np.cumprod(1.0 - ends / np.maximum(at_risk, 1)).astype(np.float64)
        total = float(seen.sum())
        return cls(times, survivors, float(over.sum()) / total if total > 0 else 0.0)

    def quantiles(self, chance: Floats) -> Floats:
        """For numbers from 0 to 1, evenly drawn, as many durations; infinite for those who are never seen to end."""
        if not len(self.times):
            return np.full(chance.shape, np.inf)
        left = 1.0 - chance
        index = np.searchsorted(-self.survivors, -left, side="left")
        found = self.times[np.minimum(index, len(self.times) - 1)].copy()
        last = float(self.survivors[-1])
        beyond = left < last if last > 0 else np.zeros(chance.shape, np.bool_)
        with np.errstate(divide="ignore"):
            found[beyond] = self.times[-1] - np.log(left[beyond] / last) / self.rate
        return found

    def at(self, duration: float) -> float:
        """The share that lasts longer."""
        index = int(np.searchsorted(self.times, duration, side="right"))
        return 1.0 if index == 0 else float(self.survivors[index - 1])
