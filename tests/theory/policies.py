"""Two agents of different speed, one conversation at once: the same customers under each rule for who gets a conversation.

Each rule runs in several accounts at once, all with other seeds; under every rule an account's customers, their work included, are the same
(common random numbers). Beside that, an event simulation without a server works through the very same customers. Its mean is theory's, so
what the server does more than it, added to theory's value, is an estimate without the chance of these customers (a control variate).
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import numpy as np
from desks import new_accounts
from replications import interval, shown, simulated, told
from serving import OwnServer

from tertulia.simulator.report.document import Report
from tertulia.simulator.scenario import loading
from tertulia.simulator.scenario.arrivals import arrival_times
from tertulia.simulator.scenario.model import Scenario, profile
from tertulia.simulator.theory.two_servers import Rule, two_servers

ARRIVAL, FAST, SLOW = 1.5, 2.0, 1.0
"""Rates a minute."""
STRATEGIES: dict[str, Rule] = {
    "fastest_first": "fastest_first", "least_busy": "longest_idle", "random": "random", "round_robin": "round_robin",
    "slowest_first": "slowest_first",
}  # fmt: skip
"""Strategy of the scenario → the rule that it is among two agents with one slot. The server itself routes `least_busy` and `round_robin`."""
ORDER = ("fastest_first", "random", "slowest_first")
"""By mean wait. All three are the simulated lead's, so that its latency is the same in them. The last must be worse than the first by more than
chance explains; the one between both lies too near to each to ask for that in a few minutes."""
PAIRS = (
    ("fastest_first", "slowest_first"), ("fastest_first", "random"), ("random", "slowest_first"), ("fastest_first", "least_busy"),
    ("least_busy", "round_robin"),
)  # fmt: skip
FILLING, WARM_UP = 1.0, 6.0
"""Minutes: the first customers, as many as theory expects in the system, arrive within one; the queue's memory is 3.9 minutes."""


class Waits(NamedTuple):
    """The share that had to wait, and the mean wait in minutes."""

    waited: float
    mean: float


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


def without_a_server(of: Scenario, rule: Rule) -> Waits:
    """What the rule makes of a scenario's customers if nothing but their work takes time."""
    means, choose = [float(group.handling.mean) for group in of.agents], _chooser(rule, of.seed)
    idle: dict[int, float] = {0: 0.0, 1: 0.0}
    assigned, queue, waits, order = [0.0, 0.0], list[tuple[float, float]](), list[float](), count()
    events = [
        (at, next(order), profile(of, number).work.expovariate(1.0), -1)
        for number, at in enumerate(arrival_times(of.arrivals, of.duration, of.seed))
    ]
    while events:
        now, _, work, agent = heapq.heappop(events)
        if agent < 0:
            queue.append((now, work))
        else:
            idle[agent] = now
        while queue and idle:
            came, work = queue.pop(0)
            chosen = choose(idle, assigned)
            del idle[chosen]
            assigned[chosen] = now
            if came >= of.warm_up:
                waits.append(now - came)
            heapq.heappush(events, (now + work * means[chosen], next(order), 0.0, chosen))
    return Waits(float(np.mean(np.array(waits) > 0)), float(np.mean(waits)) / 60)


def _chooser(rule: Rule, seed: int) -> Callable[[dict[int, float], list[float]], int]:
    """Which of the agents that are idle since … gets a conversation. `assigned`: when each got one last."""
    chance = random.Random(seed)
    choices: dict[Rule, Callable[[dict[int, float], list[float]], int]] = {
        "fastest_first": lambda idle, assigned: min(idle),
        "slowest_first": lambda idle, assigned: max(idle),
        "random": lambda idle, assigned: chance.choice(list(idle)),
        "longest_idle": lambda idle, assigned: min(idle, key=idle.__getitem__),
        "round_robin": lambda idle, assigned: min(idle, key=assigned.__getitem__),
    }
    return choices[rule]


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
        s: [without_a_server(loading.parsed(f"seed = {seed}\n{texts[s]}"), STRATEGIES[s]) for r, seed in plans if r == s]
        for s in STRATEGIES
    }  # fmt: skip
    right = _values(measured, ideal) & _order(measured, ideal) & (not told(found))
    print("  accepted" if right else "  NOT accepted", flush=True)
    return right


def _measured(report: Report) -> Waits:
    return Waits(report.measures["waited"], report.times["wait"].mean / 60)


def _values(measured: dict[str, list[Waits]], ideal: dict[str, list[Waits]]) -> bool:
    """Each value, as it was measured, and by the control variate. Of ten intervals one may miss the theory by chance."""
    right = 0
    for strategy, rule in STRATEGIES.items():
        known = two_servers(ARRIVAL, FAST, SLOW, rule)
        for name, expected, n in (("waits", known.waits, 0), ("min", known.mean_wait, 1)):
            raw = np.array([w[n] for w in measured[strategy]])
            right += shown(f"{strategy}: {name}", expected, interval(list(raw)))
            extra = raw - [w[n] for w in ideal[strategy]]
            shown("  … control variate", expected, interval(list(expected + extra)))
    return right >= 2 * len(STRATEGIES) - 1


def _order(measured: dict[str, list[Waits]], ideal: dict[str, list[Waits]]) -> bool:
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


def _known(strategy: str) -> float:
    return two_servers(ARRIVAL, FAST, SLOW, STRATEGIES[strategy]).mean_wait


def _difference(of: dict[str, list[Waits]], better: str, worse: str) -> np.ndarray:
    return np.array([w.mean for w in of[worse]]) - np.array([w.mean for w in of[better]])
