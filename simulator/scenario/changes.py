"""Applies the command line's options to a scenario."""

from __future__ import annotations

import math

from msgspec.structs import replace

from . import units
from .arrivals import Arrivals, expected
from .loading import ScenarioError, faults
from .model import Agents, Policy, Scenario, Strategy, Transport
from .units import PerSecond, Seconds


def apply(
    scenario: Scenario, *, customers: int | None = None, agents: int | None = None, rate: str | None = None, duration: str | None = None,
    ramp: str | None = None, scale: float | None = None, transport: Transport | None = None, seed: int | None = None, policy: Strategy | None = None,
    expect: list[str] | None = None,
) -> Scenario:  # fmt: skip
    """The scenario with what is given. Raises ScenarioError, naming the option."""
    if duration is not None:
        scenario = _lasting(scenario, _parsed("--duration", units.seconds, duration))
    if rate is not None:
        scenario = at_rate(scenario, _parsed("--rate", units.per_second, rate))
    elif customers is not None:
        usual = expected(scenario.arrivals, float(scenario.duration))
        if scenario.arrivals.curve != "recording":
            scenario = replace(
                scenario, arrivals=_times(scenario.arrivals, customers * 1.1 / usual)
            )  # chance may bring fewer
    if ramp is not None:
        scenario = replace(
            scenario,
            arrivals=replace(scenario.arrivals, ramp_up=Seconds(_parsed("--ramp", units.seconds, ramp))),
        )
    if agents is not None:
        scenario = replace(scenario, agents=_staffed(scenario.agents, agents))
    if transport is not None:
        scenario = replace(
            scenario, agents=[replace(group, transport=transport) for group in scenario.agents]
        )
    if policy is not None:
        scenario = replace(scenario, policy=Policy(policy, scenario.policy.settings))
    scenario = replace(
        scenario,
        scale=scenario.scale if scale is None else scale,
        seed=scenario.seed if seed is None else seed,
        expect=[*scenario.expect, *(expect or [])],
    )
    if found := faults(scenario):
        raise ScenarioError("; ".join(found))
    return scenario


def _parsed(option: str, parse: object, given: str) -> float:
    try:
        return parse(given)  # pyright: ignore[reportCallIssue]
    except ValueError as error:
        raise ScenarioError(f"{option} {error}") from None


def at_rate(scenario: Scenario, rate: float) -> Scenario:
    """With constant arrivals, so many per second of the model."""
    return replace(scenario, arrivals=Arrivals(rate=PerSecond(rate), ramp_up=scenario.arrivals.ramp_up))


def _lasting(scenario: Scenario, duration: float) -> Scenario:
    """With another duration; the warm-up keeps its part of it."""
    warm_up = float(scenario.warm_up) * min(1.0, duration / scenario.duration)
    return replace(scenario, duration=Seconds(duration), warm_up=Seconds(warm_up))


def _times(arrivals: Arrivals, factor: float) -> Arrivals:
    to = None if arrivals.to is None else PerSecond(arrivals.to * factor)
    return replace(arrivals, rate=PerSecond(arrivals.rate * factor), to=to)


def _staffed(groups: list[Agents], count: int) -> list[Agents]:
    """So many agents in the same proportions, each kind at least once."""
    total = sum(group.count for group in groups)
    if count < len(groups):
        raise ScenarioError(f"--agents must be at least {len(groups)}, one of each kind")
    shares = [max(1, math.floor(group.count * count / total)) for group in groups]
    while sum(shares) > count:
        shares[shares.index(max(shares))] -= 1
    shares[0] += count - sum(shares)
    return [replace(group, count=n) for group, n in zip(groups, shares, strict=True)]
