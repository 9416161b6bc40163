"""People's behaviour in the record: how long customers wait before they give up, how long conversations take, which agents are faster, and
how they answer offers. Pure, but for numbers drawn from a seed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from ..core.routing.facts import Waiting
from .survival import Floats, Survival
from .workload import Response, Stint, Workload

ENOUGH = 100
"""Completed stints from which a class has a distribution of its own."""
FEW_RESPONSES = 20
"""Responses to offers below which an agent's are taken from all agents'."""
DOUBT = 2.326
"""Quantile 0.99 of the normal distribution: agents differ in speed only if chance would show it in less than one of a hundred cases."""
TICK = 1.0
"""Ms; nothing is shorter, so that its logarithm exists."""

Key = tuple[str, ...]


class People(msgspec.Struct, kw_only=True):
    """Times in ms. `handling`: by class, divided by the agent's factor. `factors`: how many times as long agents take, where agents
    differ at all; 1 for all others. `patience`: None if nobody was seen to give up."""

    patience: Survival
    handling: dict[Key, Survival]
    means: dict[Key, float]
    factors: dict[str, float]
    responses: dict[str, list[Response]]
    gave_up: int
    completed: int

    def class_of(self, w: Waiting) -> Key:
        return next(key for key in keys_of(w) if key in self.handling)

    def factor(self, agent_id: str) -> float:
        return self.factors.get(agent_id, 1.0)

    def expected(self, agent_id: str, w: Waiting) -> float:
        """The expected handling time."""
        return self.means[self.class_of(w)] * self.factor(agent_id)

    def response(self, agent_id: str, chance: float) -> Response | None:
        """An agent's answers to offers; None if no offer was ever answered."""
        known = self.responses.get(agent_id) or self.responses.get("")
        return known[int(chance * len(known))] if known else None


def keys_of(w: Waiting) -> tuple[Key, ...]:
    """The classes of a conversation, the narrowest first."""
    return (w.channel_type, *sorted(w.topics)), (w.channel_type,), ()


def people_of(workload: Workload) -> People:
    stints = [s for s in workload.stints if not s.early]
    factors = _factors([s for s in stints if s.handling is not None and not s.shared])
    handling, means = _handling(stints, factors, workload.until)
    waits = [((s.assigned_at or s.ended_at or workload.until) - s.arrived_at, _left(s)) for s in stints]
    waits = [(float(max(wait, 0)), left) for wait, left in waits]
    return People(
        patience=Survival.estimated([w for w, _ in waits], [left for _, left in waits]),
        handling=handling, means=means, factors=factors, responses=_responses(workload.responses),
        gave_up=sum(left for _, left in waits), completed=sum(s.handling is not None for s in stints),
    )  # fmt: skip


def _left(s: Stint) -> bool:
    """Whether it left the queue without an agent."""
    return s.assigned_at is None and s.ended_at is not None


def _handling(
    stints: Sequence[Stint], factors: Mapping[str, float], until: int
) -> tuple[dict[Key, Survival], dict[Key, float]]:
    seen: dict[Key, list[tuple[float, bool]]] = defaultdict(list)
    for s in stints:
        if s.assigned_at is not None and s.agent_id is not None:
            lasted = max((s.ended_at or until) - s.assigned_at, TICK) / factors.get(s.agent_id, 1.0)
            for key in keys_of(s.waiting):
                seen[key].append((lasted, s.ended_at is not None))
    seen.setdefault((), [])
    enough = {k: v for k, v in seen.items() if not k or sum(over for _, over in v) >= ENOUGH}
    handling = {k: Survival.estimated([d for d, _ in v], [o for _, o in v]) for k, v in enough.items()}
    grid = (np.arange(1000) + 0.5) / 1000
    means = {k: float(np.mean(s.quantiles(grid))) for k, s in handling.items()}
    return handling, means


def _factors(stints: Sequence[Stint]) -> dict[str, float]:
    """Each agent's relative handling time, by the logarithms of their handling times within a class, drawn towards 1 the more the
    fewer there are (empirical Bayes). Empty if the differences may well be chance."""
    groups: dict[Key, list[float]] = defaultdict(list)
    for s in stints:
        groups[keys_of(s.waiting)[0]].append(math.log(max(s.handling or 0, TICK)))
    middle = {key: float(np.mean(logs)) for key, logs in groups.items()}
    by_agent: dict[str, list[float]] = defaultdict(list)
    for s in stints:
        log = math.log(max(s.handling or 0, TICK))
        by_agent[s.agent_id or ""].append(log - middle[keys_of(s.waiting)[0]])
    counted = {agent: np.asarray(logs) for agent, logs in by_agent.items() if len(logs) >= 2}
    total = sum(map(len, counted.values()))
    freedom = len(counted) - 1
    if freedom < 1 or total <= len(counted):
        return {}
    within = sum(float(((x - x.mean()) ** 2).sum()) for x in counted.values()) / (total - len(counted))
    grand = sum(float(x.sum()) for x in counted.values()) / total
    between = sum(len(x) * (float(x.mean()) - grand) ** 2 for x in counted.values())
    if within <= 0 or between / within < _chance(freedom):
        return {}
    size = (total - sum(len(x) ** 2 for x in counted.values()) / total) / freedom
    spread = max((between / freedom - within) / size, 0.0)
    drawn = {a: len(x) / (len(x) + within / spread) if spread else 0.0 for a, x in counted.items()}
    return {a: math.exp(drawn[a] * (float(x.mean()) - grand)) for a, x in counted.items()}


def _chance(freedom: int) -> float:
    """Quantile 0.99 of the chi-square distribution, by Wilson and Hilferty (1931)."""
    a = 2 / (9 * freedom)
    return freedom * (1 - a + DOUBT * math.sqrt(a)) ** 3


def _responses(responses: Sequence[Response]) -> dict[str, list[Response]]:
    by_agent: dict[str, list[Response]] = defaultdict(list)
    for response in responses:
        by_agent[response.agent_id].append(response)
    return {"": list(responses)} | {a: r for a, r in by_agent.items() if len(r) >= FEW_RESPONSES}


class Chance(msgspec.Struct):
    """All chance of one replication: for each stint its handling time of an agent of factor 1, its patience, and numbers for the answers
    to its offers. It depends on the seed alone, so every policy meets the same (common random numbers)."""

    handling: Floats
    patience: Floats
    offers: Floats


OFFERS = 8
"""Offers of one stint with numbers of their own; later ones use them again."""


def chance_of(people: People, stints: Sequence[Stint], seed: int, replication: int) -> Chance:
    rng = np.random.default_rng((seed, replication))
    drawn = rng.random((len(stints), 2 + OFFERS))
    handling = np.empty(len(stints))
    classes: dict[Key, list[int]] = defaultdict(list)
    for n, stint in enumerate(stints):
        classes[people.class_of(stint.waiting)].append(n)
    for key, members in classes.items():
        handling[members] = people.handling[key].quantiles(drawn[members, 0])
    return Chance(handling, people.patience.quantiles(drawn[:, 1]), drawn[:, 2:])
