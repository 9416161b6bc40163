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

    A customer who finds n + k in the system, k ≥ 0, is served once k + 1 departures have come before the own patience ends: a chain
    of departures at rates nμ + jθ, which the customer leaves at the rate θ. It is uniformised (Jensen 1953): steps of one rate, whose
    number within `limit` is Poisson, lead from j to j - 1, to the end, or nowhere.
    """
    p = _steady_state(arrival, service, servers, patience)
    at_once = math.fsum(p[:servers])
    # how many wait ahead; mass moves down and is served below 0
    ahead = [x for x in p[servers:] if x > 1e-14]
    if not ahead or limit <= 0:
        return at_once
    rates = [servers * service + j * patience for j in range(len(ahead))]
    rate = rates[-1] + patience
    down = [r / rate for r in rates]
    mean = rate * limit
    served = within = told = 0.0
    for steps in range(math.ceil(mean + 10 * math.sqrt(mean) + 30)):
        weight = math.exp(steps * math.log(mean) - mean - math.lgamma(steps + 1))
        within += weight * served
        told += weight
        served += ahead[0] * down[0]
        ahead = _stepped(ahead, down, patience / rate)
        if not ahead:
            break
    return at_once + within + max(0.0, 1 - told) * served


def _stepped(ahead: list[float], down: list[float], gone: float) -> list[float]:
    """The chain one step later, without places at its end that nobody is at any more."""
    above = [x * share for x, share in zip(ahead[1:], down[1:], strict=False)]
    above.append(0.0)
    ahead = [x * (1 - share - gone) + came for x, share, came in zip(ahead, down, above, strict=False)]
    while ahead and ahead[-1] < 1e-16:
        ahead.pop()
    return ahead


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
