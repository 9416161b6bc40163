"""Which theory a scenario is within the reach of."""

from __future__ import annotations

from ..scenario.model import Scenario, Strategy
from ..theory.comparison import ErlangModel, Model, TwoAgentsModel
from ..theory.two_servers import Rule

RULES: dict[Strategy, Rule] = {
    "fastest_first": "fastest_first", "slowest_first": "slowest_first", "random": "random", "least_busy": "longest_idle",
    "round_robin": "round_robin",
}  # fmt: skip
"""Strategies as the rules that they are between two agents with one slot: of two who hold nothing, the server takes the longest idle."""


def model_of(scenario: Scenario) -> Model | None:
    """The model of a scenario, None if it is beyond the theories' reach. Both need arrivals that are constant after the warm-up, exponential
    work that does not depend on the load, and nobody who comes back or leaves without a word.

    Erlang-A: one kind of agent, and one exponential patience or none. The exact chain: two agents with one slot each who serve anybody, no
    patience, and a strategy that the scenario names.
    """
    a = scenario.arrivals
    if a.curve != "constant" or max((a.ramp_up, *(b.at + b.lasts for b in a.bursts))) > scenario.warm_up:
        return None
    if any(
        g.breaks is not None or len(g.pace) != 1 or not g.handling.is_exponential for g in scenario.agents
    ):
        return None
    patience = scenario.customers[0].patience
    if not all(c.patience == patience and not c.silent and not c.comes_back for c in scenario.customers):
        return None
    if patience is not None and not patience.is_exponential:
        return None
    if len(scenario.agents) == 1:
        return _erlang(scenario)
    return _two_agents(scenario) if patience is None else None


def _erlang(scenario: Scenario) -> ErlangModel:
    (group,), patience = scenario.agents, scenario.customers[0].patience
    theta = 0.0 if patience is None else 1 / patience.mean
    service = group.pace[0] / group.handling.mean
    return ErlangModel(
        float(scenario.arrivals.rate), service, scenario.slot_count, theta, float(scenario.answer_within)
    )


def _two_agents(scenario: Scenario) -> TwoAgentsModel | None:
    groups, rule = scenario.agents, RULES.get(scenario.policy.strategy)
    if rule is None or len(groups) != 2 or scenario.agent_count != 2 or scenario.slot_count != 2:
        return None
    if any(g.languages or g.topics or g.channels or not g.auto_accept for g in groups):
        return None
    slow, fast = sorted(float(g.pace[0] / g.handling.mean) for g in groups)
    return TwoAgentsModel(float(scenario.arrivals.rate), fast, slow, rule, float(scenario.answer_within))
