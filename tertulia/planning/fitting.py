"""Fits distributions and arrival curves, as scenarios have them, to what was recorded. Pure; times in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from .survival import Floats

FEWEST: Final = 10
"""Values below which nothing but a mean is fitted."""
CHI2_95: Final = 3.841
"""Quantile 0.95 of the chi-square distribution with one degree of freedom: a second parameter must explain more than chance would."""
HOURS: Final = 24
FINE: Final = 12
"""Bins of an hour of the curve, in which bursts are looked for."""
CHI2_HOURS: Final = 49.73
"""Quantile 0.999 of the chi-square distribution with 23 degrees of freedom: hours that differ less are taken for chance."""
Z_BURST: Final = 5.0
Z_NEAR: Final = 2.0
"""Standard deviations above the curve from which a count is a burst, and one beside a burst belongs to it."""
LEAST_FACTOR: Final = 1.5
"""By which the rate of a burst is multiplied, at least."""


class Fitted(msgspec.Struct, frozen=True):
    """A distribution of a scenario. `second`: its `cv` or `shape`."""

    name: str
    mean: float
    second: float | None = None

    def toml(self) -> str:
        parts = [] if self.name == "exponential" else [f'distribution = "{self.name}"']
        parts.append(f"mean = {_figures(self.mean)}")
        if self.second is not None:
            parts.append(f"{'cv' if self.name == 'lognormal' else 'shape'} = {_figures(self.second)}")
        return "{ " + ", ".join(parts) + " }"


def _figures(value: float) -> float:
    """Three significant figures: more would say more than is known."""
    return float(f"{value:.3g}")


def duration_of(values: Sequence[float]) -> Fitted:
    """Exponential or lognormal, whichever is likelier."""
    seen = np.maximum(np.asarray(values, np.float64), 0.001)
    mean = float(seen.mean())
    logs = np.log(seen)
    spread = float(logs.std())
    if len(seen) < FEWEST or spread < 0.01:
        return Fitted("exponential", mean)
    exponential = -len(seen) * (math.log(mean) + 1)
    lognormal = -float(logs.sum()) - len(seen) * (math.log(spread) + 0.5 * math.log(2 * math.pi) + 0.5)
    if 2 * (lognormal - exponential) <= CHI2_95:
        return Fitted("exponential", mean)
    variance = spread**2
    return Fitted(
        "lognormal",
        math.exp(float(logs.mean()) + variance / 2),
        min(max(math.sqrt(math.expm1(variance)), 0.01), 10),
    )


def patience_of(waits: Sequence[float], left: Sequence[bool]) -> Fitted | None:
    """Exponential or, if that explains notably more, Weibull, from waits of which only some were seen to their end: maximum likelihood.
    None if too few gave up to tell."""
    seen, over = np.maximum(np.asarray(waits, np.float64), 0.001), np.asarray(left, np.bool_)
    events = int(over.sum())
    if events < FEWEST:
        return None
    mean = float(seen.sum()) / events
    shape = _shape(seen, over)
    scale = float((seen**shape).sum() / events) ** (1 / shape)
    exponential = -events * math.log(mean) - float(seen.sum()) / mean
    weibull = (
        events * (math.log(shape) - shape * math.log(scale))
        + (shape - 1) * float(np.log(seen[over]).sum())
        - float(((seen / scale) ** shape).sum())
    )
    if 2 * (weibull - exponential) <= CHI2_95:
        return Fitted("exponential", mean)
    return Fitted("weibull", scale * math.gamma(1 + 1 / shape), shape)


def _shape(seen: Floats, over: np.ndarray) -> float:
    """The shape at which the likelihood is greatest, by bisection: its derivative falls."""
    logs = np.log(seen / seen.max())
    of_events = float(logs[over].mean())
    low, high = 0.2, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        weights = np.exp(middle * logs)
        slope = 1 / middle + of_events - float((weights * logs).sum() / weights.sum())
        low, high = (middle, high) if slope > 0 else (low, middle)
    return (low + high) / 2


class Burst(msgspec.Struct, frozen=True):
    at: float
    lasts: float
    factor: float


class Curve(msgspec.Struct, frozen=True):
    """`rate`: a second, the mean without bursts. `hours`: 24 weights over the whole time; empty for a constant rate."""

    rate: float
    hours: list[float]
    bursts: list[Burst]


def curve_of(times: Sequence[float], duration: float) -> Curve:
    """The arrivals' curve: constant unless chance cannot explain the hours, and bursts above it."""
    counts = np.histogram(np.asarray(times), bins=HOURS * FINE, range=(0.0, duration))[0].astype(np.float64)
    usual = ~_unusual(counts, _rough(counts))
    expected = counts
    for _ in range(5):  # bursts raise the curve under which they hide
        expected = _smooth(counts, usual)
        again = ~_unusual(counts, expected)
        if (again == usual).all():
            break
        usual = again
    width = duration / len(counts)
    bursts = _bursts(counts, expected, ~usual, width)
    rate = float(expected.sum()) / duration
    hours = expected.reshape(HOURS, FINE).mean(axis=1)
    mean = float(hours.mean())
    varies = mean > 0 and float(hours.max() - hours.min()) > 1e-9
    return Curve(rate, [_figures(float(h) / mean) for h in hours] if varies else [], bursts)


def _rough(counts: np.ndarray) -> np.ndarray:
    """A curve that no burst of less than two hours lifts: the median of the five hours around each one."""
    means = counts.reshape(HOURS, FINE).mean(axis=1)
    around = np.stack([np.roll(means, shift) for shift in range(-2, 3)])
    return np.repeat(np.median(around, axis=0), FINE)


def _smooth(counts: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """The expected count of each bin: the mean of all usual ones if chance explains the hours, else that of its hour, interpolated between
    the middles of hours as scenarios do."""
    by_hour, kept = counts.reshape(HOURS, FINE), usual.reshape(HOURS, FINE)
    overall = float(counts[usual].mean()) if usual.any() else float(counts.mean())
    sums, sizes = (by_hour * kept).sum(axis=1), kept.sum(axis=1)
    expected = np.maximum(overall * sizes, 1e-9)
    if float(((sums - expected) ** 2 / expected).sum()) <= CHI2_HOURS:
        return np.full(len(counts), overall)
    means = np.where(sizes >= FINE / 4, sums / np.maximum(sizes, 1), overall)
    middles = (np.arange(HOURS) + 0.5) * FINE
    wrapped = np.concatenate([[middles[-1] - HOURS * FINE], middles, [middles[0] + HOURS * FINE]])
    values = np.concatenate([[means[-1]], means, [means[0]]])
    return np.interp(np.arange(len(counts)) + 0.5, wrapped, values)


def _unusual(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Bins with more than the curve and chance explain, and their neighbours as far as they are high too."""
    spread = np.sqrt(np.maximum(expected, 0.5))
    high = counts > LEAST_FACTOR * expected
    found, near = high & (counts > expected + Z_BURST * spread), high & (counts > expected + Z_NEAR * spread)
    while True:
        grown = found | (near & (_neighbours(found) | _neighbours(_neighbours(found))))
        if (grown == found).all():
            return found
        found = grown


def _neighbours(bins: np.ndarray) -> np.ndarray:
    found = np.zeros_like(bins)
    found[1:] |= bins[:-1]
    found[:-1] |= bins[1:]
    return found


def _bursts(counts: np.ndarray, expected: np.ndarray, high: np.ndarray, width: float) -> list[Burst]:
    """Neighbouring unusual bins as one; a single usual bin between two does not divide."""
    joined = high.copy()
    joined[1:-1] |= high[:-2] & high[2:]
    found, n = [], 0
    while n < len(joined):
        if not joined[n]:
            n += 1
            continue
        end = n
        while end < len(joined) and joined[end]:
            end += 1
        usual = float(expected[n:end].sum())
        factor = float(counts[n:end].sum()) / max(usual, 0.5)
        found.append(Burst(round(n * width, 1), round((end - n) * width, 1), _figures(min(factor, 1000))))
        n = end
    return found[:100]
