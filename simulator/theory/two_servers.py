"""Two servers of different speed without abandonment, and the rule by which an arrival that finds both free gets one: an exact Markov chain.

The chain's states are those of Gumbel (1960) and Krishnamoorthi (1963), with the memory that some rules have: who became free first, or who
was assigned last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

Rule = Literal["fastest_first", "slowest_first", "random", "longest_idle", "round_robin"]
RULES: tuple[Rule, ...] = get_args(Rule)

FAST, SLOW = 0, 1
PRECISION = 1e-15
MOST_SWEEPS = 10_000


class TwoServers(msgspec.Struct, frozen=True):
    """`waits`: P(W > 0). `mean_wait`: E[W] of all who arrive. `occupancy`: the share of both servers' time that is work."""

    waits: float
    mean_wait: float
    occupancy: float


class _State(msgspec.Struct, frozen=True):
    """Nobody waits. `next`: who gets an arrival that finds both free; None if chance decides. While someone is busy, it is kept by
    `round_robin` alone."""

    busy: frozenset[int]
    next: int | None


def two_servers(arrival: float, fast: float, slow: float, rule: Rule) -> TwoServers:
    """The steady state. Rates have one unit of time, which is also that of the wait. Raises ValueError if there is none.

    With both busy, the number that waits is geometric for every rule. So the chain is looked at only while nobody waits; a time with a queue
    becomes a step to the state in which it ends.
    """
    load = arrival / (fast + slow)
    if load >= 1:
        raise ValueError("there must be more service than work")
    p = _steady_state(_flows(arrival, (fast, slow), rule))
    both = sum(x for s, x in p.items() if len(s.busy) == 2) / (1 - load)
    one = sum(x for s, x in p.items() if len(s.busy) == 1)
    total = both + one + sum(x for s, x in p.items() if not s.busy)
    waits = both / total
    return TwoServers(waits, waits / (fast + slow - arrival), (both + one / 2) / total)


def waits_longer(arrival: float, fast: float, slow: float, rule: Rule, limit: float) -> float:
    """P(W > limit). Who has to wait finds as many ahead as in M/M/1 with the speed of both: the wait is exponential."""
    waits = two_servers(arrival, fast, slow, rule).waits
    return waits * math.exp(-(fast + slow - arrival) * limit)


def _flows(arrival: float, speeds: tuple[float, float], rule: Rule) -> dict[_State, dict[_State, float]]:
    """State → the states that follow, with their rates."""
    start = _State(frozenset(), SLOW if rule == "slowest_first" else None if rule == "random" else FAST)
    flows: dict[_State, dict[_State, float]] = {}
    open_ = [start]
    while open_:
        state = open_.pop()
        if state in flows:
            continue
        found = flows[state] = {}
        for to, rate in _following(state, arrival, speeds, rule):
            found[to] = found.get(to, 0.0) + rate
            open_.append(to)
    return flows


def _following(
    state: _State, arrival: float, speeds: tuple[float, float], rule: Rule
) -> Iterator[tuple[_State, float]]:
    free = [server for server in (FAST, SLOW) if server not in state.busy]
    if len(free) == 2 and state.next is None:
        yield from ((_assigned(state, server, rule), arrival / 2) for server in free)
    elif free:
        server = state.next if len(free) == 2 and state.next is not None else free[0]
        yield _assigned(state, server, rule), arrival
    else:
        for server in state.busy:  # the queue ends with whoever takes the last of it
            yield _assigned(state, server, rule), arrival * speeds[server] / sum(speeds)
    for server in state.busy:
        busy = state.busy - {server}
        # of two free servers, the other one has been so for longer
        then = 1 - server if rule == "longest_idle" and not busy else state.next
        yield _State(busy, then), speeds[server]


def _assigned(state: _State, server: int, rule: Rule) -> _State:
    then = 1 - server if rule == "round_robin" else FAST if rule == "longest_idle" else state.next
    return _State(state.busy | {server}, then)


def _steady_state(flows: dict[_State, dict[_State, float]]) -> dict[_State, float]:
    """The probabilities, by Gauss and Seidel's iteration."""
    into: dict[_State, list[tuple[_State, float]]] = {state: [] for state in flows}
    out = dict.fromkeys(flows, 0.0)
    for state, found in flows.items():
        for to, rate in found.items():
            if to != state:
                into[to].append((state, rate))
                out[state] += rate
    p = dict.fromkeys(flows, 1 / len(flows))
    for _ in range(MOST_SWEEPS):
        change = 0.0
        for state in p:
            value = sum(p[of] * rate for of, rate in into[state]) / out[state]
            change, p[state] = max(change, abs(value - p[state])), value
        total = sum(p.values())
        p = {state: x / total for state, x in p.items()}
        if change < PRECISION:
            return p
    raise ArithmeticError("the iteration does not converge")
