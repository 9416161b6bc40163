"""Two agents of different speed, one conversation at once: the same customers under each rule for who gets a conversation.

Each rule runs in several accounts at once, all with other seeds; under every rule an account's customers, their work included, are the same
(common random numbers). Beside that, the desk alone, without a server, works through the very same customers. Its mean is theory's, so what the
server does more than it, added to theory's value, is an estimate without the chance of these customers (a control variate).
"""

from __future__ import annotations

import argparse
import asyncio

import numpy as np
from desk_alone import Run, Tried, Waits
from desks import new_accounts
from replications import interval, shown, simulated, told
from serving import OwnServer

from tertulia.simulator.report.document import Report
from tertulia.simulator.scenario import loading
from tertulia.simulator.theory.two_servers import Rule, two_servers

ARRIVAL, FAST, SLOW = 1.5, 2.0, 1.0
"""Rates a minute."""
STRATEGIES: dict[Tried, Rule] = {
    "fastest_first": "fastest_first", "least_busy": "longest_idle", "random": "random", "round_robin": "round_robin",
    "slowest_first": "slowest_first",
}  # fmt: skip
"""Strategy of the scenario → the rule that it is among two agents with one slot. The server itself routes `least_busy` and `round_robin`."""
ORDER: tuple[Tried, ...] = ("fastest_first", "random", "slowest_first")
"""By mean wait. All three are the simulated lead's, so that its latency is the same in them. The last must be worse than the first by more than
chance explains; the one between both lies too near to each to ask for that in a few minutes."""
PAIRS: tuple[tuple[Tried, Tried], ...] = (
    ("fastest_first", "slowest_first"), ("fastest_first", "random"), ("random", "slowest_first"), ("fastest_first", "least_busy"),
    ("least_busy", "round_robin"),
)  # fmt: skip
FILLING, WARM_UP = 1.0, 6.0
"""Minutes: the first customers, as many as theory expects in the system, arrive within one; the queue's memory is 3.9 minutes."""


def scenario(strategy: str, minutes: float, scale: float) -> str:
    known = two_servers(ARRIVAL, FAST, SLOW, "random")  # for all alike: the same customers arrive
    at_first = ARRIVAL * known.mean_wait + 2 * known.occupancy
    return f"""
name = "two agents, {strategy}"
about = "μ = {FAST} and {SLOW}, λ = {ARRIVAL} a minute."
duration = "{minutes + WARM_UP}m"
warm_up = "{WARM_UP}m"
scale = {scale}
[arrivals]
rate = "{ARRIVAL}/min"
bursts = [{{ at = 0, lasts = "{FILLING}m", factor = {1 + at_first / (FILLING * ARRIVAL)} }}]
[[customers]]
[[agents]]
count = 1
handling = {{ mean = {60 / FAST} }}
[[agents]]
count = 1
handling = {{ mean = {60 / SLOW} }}
[policy]
strategy = "{strategy}"
"""


def alone(options: argparse.Namespace) -> bool:
    """Print what the desk alone makes of so many customers that neighbours in the order differ by more than chance; whether they do."""
    texts = {s: scenario(s, options.desk_minutes, 1) for s in STRATEGIES}
    print(
        f"\nthe desk alone, {options.desk_runs} runs of {options.desk_minutes:,.0f} min for each rule …",
        flush=True,
    )
    found = {
        s: [Run(loading.parsed(f"seed = {options.seed + n}\n{text}"), s).waits() for n in range(options.desk_runs)]
        for s, text in texts.items()
    }  # fmt: skip
    near = sum(_value(s, n, [w[n] for w in found[s]]) for s in STRATEGIES for n in (0, 1))
    right = near >= 2 * len(STRATEGIES) - 1
    for better, worse in PAIRS:
        difference = interval(list(_difference(found, better, worse)))
        shown(f"{worse} − {better}", _known(worse) - _known(better), difference)
        right &= difference.low > 0
    print("  accepted" if right else "  NOT accepted", flush=True)
    return right


async def policies(server: OwnServer, options: argparse.Namespace) -> bool:
    """Run every rule at once, and print it; whether the values and the order are theory's."""
    size = options.policy_accounts
    of = await new_accounts(server, "Theory", size * len(STRATEGIES))
    texts = {s: scenario(s, options.policy_minutes, options.policy_scale) for s in STRATEGIES}
    plans = [(strategy, options.seed + n) for strategy in STRATEGIES for n in range(size)]
    found = await asyncio.gather(
        *(simulated(server, a, texts[s], seed) for a, (s, seed) in zip(of, plans, strict=True))
    )
    reports = {s: found[i * size : (i + 1) * size] for i, s in enumerate(STRATEGIES)}
    customers = sum(report.measures["arrived"] for report in found)
    held = {s: np.mean([report.times["handling"].mean for report in reports[s]]) for s in STRATEGIES}
    print(
        f"\ntwo agents, μ = {FAST:g} and {SLOW:g}, λ = {ARRIVAL:g}: {customers:,.0f} customers, {size} accounts of"
        f" {options.policy_minutes:g} min for each rule, scale {options.policy_scale:g}"
    )
    for s, rule in STRATEGIES.items():
        planned = 60 * 2 * two_servers(ARRIVAL, FAST, SLOW, rule).occupancy / ARRIVAL
        assigned = np.mean([report.times["assign"].mean for report in reports[s]]) * options.policy_scale
        print(
            f"  {s}: slots held {held[s]:.1f} s, by theory {planned:.1f} s; assigned after {assigned:.2f} s"
        )
    measured = {s: [_measured(report) for report in reports[s]] for s in STRATEGIES}
    ideal = {
        s: [Run(loading.parsed(f"seed = {seed}\n{texts[s]}"), s).waits() for r, seed in plans if r == s]
        for s in STRATEGIES
    }  # fmt: skip
    right = _values(measured, ideal) & _order(measured, ideal) & (not told(found))
    print("  accepted" if right else "  NOT accepted", flush=True)
    return right


def _measured(report: Report) -> Waits:
    return Waits(report.measures["waited"], report.times["wait"].mean / 60)


def _values(measured: dict[Tried, list[Waits]], ideal: dict[Tried, list[Waits]]) -> bool:
    """Each value, as it was measured, and by the control variate. Of ten intervals one may miss the theory by chance."""
    right = 0
    for strategy in STRATEGIES:
        for n in (0, 1):
            raw = np.array([w[n] for w in measured[strategy]])
            right += _value(strategy, n, list(raw))
            extra = raw - [w[n] for w in ideal[strategy]]
            expected = _exact(strategy)[n]
            shown("  … control variate", expected, interval(list(expected + extra)))
    return right >= 2 * len(STRATEGIES) - 1


def _value(strategy: Tried, n: int, values: list[float]) -> bool:
    """Print one of a rule's `Waits`; whether the theory's lies in its interval."""
    return shown(f"{strategy}: {('waits', 'min')[n]}", _exact(strategy)[n], interval(values))


def _order(measured: dict[Tried, list[Waits]], ideal: dict[Tried, list[Waits]]) -> bool:
    """The differences of the mean waits; whether the order is ORDER, and its ends differ by more than chance."""
    means = {
        s: np.mean([w.mean for w in measured[s]]) - np.mean([w.mean for w in ideal[s]]) + _known(s)
        for s in STRATEGIES
    }
    right = sorted(ORDER, key=means.__getitem__) == list(ORDER)
    for better, worse in PAIRS:
        expected = _known(worse) - _known(better)
        raw, extra = _difference(measured, better, worse), _difference(ideal, better, worse)
        shown(f"{worse} − {better}", expected, interval(list(raw)))
        sharp = interval(list(expected + raw - extra))
        shown("  … control variate", expected, sharp)
        if (better, worse) == (ORDER[0], ORDER[-1]):
            right &= sharp.low > 0
    return right


def _exact(strategy: Tried) -> Waits:
    known = two_servers(ARRIVAL, FAST, SLOW, STRATEGIES[strategy])
    return Waits(known.waits, known.mean_wait)


def _known(strategy: Tried) -> float:
    return _exact(strategy).mean


def _difference(of: dict[Tried, list[Waits]], better: Tried, worse: Tried) -> np.ndarray:
    return np.array([w.mean for w in of[worse]]) - np.array([w.mean for w in of[better]])
