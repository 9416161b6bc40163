"""Erlang-A (M/M/n+M): Poisson arrivals, n equal servers, exponential service and patience, first come first served.

Palm's model, in the notation of Garnett, Mandelbaum and Reiman (2002): λ arrivals, μ the service rate of one server, θ the rate at
which a waiting customer gives up (0: never, Erlang C). All rates have one unit of time, which is also that of the waits.
"""

from __future__ import annotations

import math

import msgspec


class ErlangA(msgspec.Struct, frozen=True):
    """`waits`: P(W > 0). `abandons`: the share that gives up. `mean_wait`: E[W] of all who arrive, those who give up too.

    `occupancy`: the share of the servers' time that is work. `queue`: the mean number that waits.
    """

    waits: float
    abandons: float
    mean_wait: float
    occupancy: float
    queue: float


def erlang_a(arrival: float, service: float, servers: int, patience: float) -> ErlangA:
    """Raises ValueError if the queue has no steady state (no patience, and too few servers)."""
    probabilities = _steady_state(arrival, service, servers, patience)
    waits = math.fsum(probabilities[servers:])
    queue = math.fsum((j - servers) * p for j, p in enumerate(probabilities) if j > servers)
    mean_wait = queue / arrival
    abandons = patience * mean_wait
    return ErlangA(waits, abandons, mean_wait, arrival * (1 - abandons) / (servers * service), queue)


def served_within(arrival: float, service: float, servers: int, patience: float, limit: float) -> float:
    """The share of all who arrive that is answered within `limit`.

    A customer who finds n + k in the system, k ≥ 0, is served once k + 1 departures have come before the own patience ends; the
    departures are a pure death process with rates nμ + jθ, and its density at t, times e^(-θt), is integrated by Simpson's rule.
    """
    p = _steady_state(arrival, service, servers, patience)
    at_once = math.fsum(p[:servers])
    # state of the death process: how many wait ahead, conditioned on who found them; mass moves down and is served below 0
    ahead = [x for x in p[servers:] if x > 1e-14]
    steps = 4_000
    h, served, last = limit / steps, 0.0, 0.0
    rates = [servers * service + j * patience for j in range(len(ahead))]
    for step in range(steps + 1):
        t = step * h
        flow = ahead[0] * rates[0] * math.exp(-patience * t) if ahead else 0.0
        served += (flow + last) * h / 2 if step else 0.0
        last = flow
        ahead = _died(ahead, rates, h)
    return at_once + served


def _died(ahead: list[float], rates: list[float], h: float) -> list[float]:
    """The death process a time `h` later, by the midpoint rule."""
    n = len(ahead)
    if not n:
        return ahead
    slope = [-rates[j] * ahead[j] + (rates[j + 1] * ahead[j + 1] if j + 1 < n else 0.0) for j in range(n)]
    middle = [ahead[j] + slope[j] * h / 2 for j in range(n)]
    slope = [-rates[j] * middle[j] + (rates[j + 1] * middle[j + 1] if j + 1 < n else 0.0) for j in range(n)]
    return [ahead[j] + slope[j] * h for j in range(n)]


def _steady_state(arrival: float, service: float, servers: int, patience: float) -> list[float]:
    if patience == 0 and arrival >= servers * service:
        raise ValueError("without abandonment there must be more servers than work")
    weights, total, k = [1.0], 1.0, 0
    while True:
        k += 1
        death = min(k, servers) * service + max(0, k - servers) * patience
        weight = weights[-1] * arrival / death
        weights.append(weight)
        total += weight
        if weight > 1e250:  # keep the products in range
            weights = [w / weight for w in weights]
            total = math.fsum(weights)
        if k > servers and weights[-1] < total * 1e-16 and arrival < death:
            return [w / total for w in weights]
