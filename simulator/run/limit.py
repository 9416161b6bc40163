"""The knee: the rate at which conditions begin to fail, found by trials and given with its confidence.

Trials near the knee pass or fail by chance, so the answer is a distribution: a logistic curve's midpoint and slope on a grid, updated by
each trial (Bayesian adaptive testing, as QUEST does it: Watson and Pelli 1983). The next trial is at the median, where it is most informative.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import msgspec

from ..scenario.arrivals import peak
from ..scenario.model import Scenario

SLOPES = (4.0, 10.0, 25.0)
"""The slopes to try of the logistic over the logarithm of the rate: from a soft knee to a sharp one."""
LAPSE = 0.02
"""A trial may pass or fail for another reason."""
GRID = 400
NARROW = 1.15
"""The search ends once the 90 % interval's ends are within this factor."""
BOTTLENECK = "The generator itself was the bottleneck"
MOST_TRIALS = 16
MOST_DOUBLINGS = 12


class Trial(msgspec.Struct, frozen=True):
    """`limited`: the generator itself was a bottleneck."""

    rate: float
    passed: bool
    limited: bool = False


class Knee(msgspec.Struct, frozen=True):
    """Rates per second of the model. `low` to `high` holds the knee with 90 %."""

    rate: float
    low: float
    high: float
    trials: list[Trial]

    @property
    def sentence(self) -> str:
        if not any(t.passed for t in self.trials):
            return f"The conditions fail even at {min(t.rate for t in self.trials):.3g} arrivals a second."
        if all(t.passed for t in self.trials):
            most = max(self.trials, key=lambda t: t.rate)
            why = f" {BOTTLENECK}: use more --processes, or --ray." if most.limited else ""
            return f"The conditions still hold at {most.rate:.3g} arrivals a second; the knee is above.{why}"
        found = f"The knee is at {self.rate:.3g} arrivals a second, with 90 % confidence between {self.low:.3g} and {self.high:.3g} ({len(self.trials)} trials)."
        doubtful = sum(t.limited and not t.passed for t in self.trials)
        if doubtful:
            found += (
                f" {BOTTLENECK} in {doubtful} of the trials that failed: the server's own knee may be higher."
            )
        return found

    def encoded(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def start_of(scenario: Scenario) -> float:
    """The rate to begin with: the scenario's own highest."""
    return max(peak(scenario.arrivals), 0.1)


async def search(trial: Callable[[float], Awaitable[Trial]], start: float) -> Knee:
    """Double or halve the rate until the outcome changes, then narrow the knee down. A generator that is the bottleneck already is not
    driven faster."""
    trials = [await trial(start)]
    factor = 2.0 if trials[0].passed else 0.5
    while len({t.passed for t in trials}) < 2 and not (trials[-1].passed and trials[-1].limited):
        trials.append(await trial(trials[-1].rate * factor))
        if len(trials) > MOST_DOUBLINGS:
            break
    found = knee(trials)
    while (
        len({t.passed for t in trials}) == 2 and found.high / found.low > NARROW and len(trials) < MOST_TRIALS
    ):
        trials.append(await trial(found.rate))
        found = knee(trials)
    return found


def knee(trials: list[Trial]) -> Knee:
    """The estimate of the knee from trials."""
    least, most = min(t.rate for t in trials) / 4, max(t.rate for t in trials) * 4
    rates = [least * (most / least) ** (i / (GRID - 1)) for i in range(GRID)]
    weights = [sum(math.exp(_log_likelihood(trials, r, s)) for s in SLOPES) for r in rates]
    total = sum(weights)
    low, middle, high = (_quantile(rates, weights, q * total) for q in (0.05, 0.5, 0.95))
    return Knee(middle, low, high, list(trials))


def _log_likelihood(trials: list[Trial], at: float, slope: float) -> float:
    total = 0.0
    for t in trials:
        passes = LAPSE + (1 - 2 * LAPSE) / (1 + math.exp(min(500.0, slope * math.log(t.rate / at))))
        total += math.log(passes if t.passed else 1 - passes)
    return total


def _quantile(rates: list[float], weights: list[float], wanted: float) -> float:
    mass = 0.0
    for rate, weight in zip(rates, weights, strict=True):
        mass += weight
        if mass >= wanted:
            return rate
    return rates[-1]
