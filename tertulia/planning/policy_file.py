"""Another policy as a TOML file: how agents and conversations are chosen, and who works when. An error names the field's path."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec.structs import replace

from ..core.accounts.account_settings import AgentRule
from ..core.conversation.entries import Priority
from ..core.conversation.explain_record import Strategy
from ..core.routing.alternatives.strategies import Cost, Handling, Match, QueueRule, Strategies, Threshold
from ..core.routing.facts import Overflow, Policy, Preferences, Relaxation, Waiting
from ..core.routing.rules import OWN, Rules
from ..simulator.scenario.field_errors import sentence
from ..simulator.scenario.units import Seconds, decoded

MAX_BYTES = 1_000_000
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Maximum = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class PolicyError(Exception):
    """Why a policy cannot be used, as one sentence with the field's path."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ThresholdTable(_Table, frozen=True):
    """The last `keep_free` free slots go only to conversations that match one of `reserved_for`."""

    keep_free: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    reserved_for: Annotated[list[Match], msgspec.Meta(min_length=1, max_length=50)]


class CostTable(_Table, frozen=True):
    """The cost of waiting, for `queue = "generalised_cmu"`: `weight` · hours to the power of `exponent`. The first
    that matches counts; without one, the cost is 1 an hour."""

    match: Match = Match()
    weight: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0
    exponent: Annotated[float, msgspec.Meta(ge=1, le=10)] = 1.0


class RelaxTable(_Table, frozen=True):
    after: Seconds
    drop: Literal["topics", "language", "team"]


class OverflowTable(_Table, frozen=True):
    after: Seconds
    team: Text


class RoutingTable(_Table, frozen=True):
    """The account's settings of routing; what is left out stays as recorded."""

    offer_timeout: Seconds | None = None
    auto_accept: bool | None = None
    head_start: dict[Priority, Seconds] = {}
    relax: Annotated[list[RelaxTable], msgspec.Meta(max_length=20)] | None = None
    overflow: OverflowTable | None = None


class CapacityTable(_Table, frozen=True):
    """Agents' capacity: `maximum` conversations at once, or the recorded maximum times `factor`. Of all agents without `agents` and
    `team`."""

    agents: list[Text] = []
    team: Text | None = None
    maximum: Maximum | None = None
    factor: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None

    def means(self, agent_id: str, teams: Collection[str]) -> bool:
        return (not self.agents or agent_id in self.agents) and (self.team is None or self.team in teams)

    def of(self, maximum: int) -> int:
        return self.maximum if self.maximum is not None else round(maximum * (self.factor or 0.0))


class StaffingTable(_Table, frozen=True):
    """`add`: that many more agents with the preferences and the speed of `like`. `remove`: these agents do not work. From `at` after the
    beginning, for `lasts`; without these, all the time."""

    add: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    like: Text | None = None
    remove: list[Text] = []
    at: Seconds = Seconds(0)
    lasts: Seconds | None = None


class PolicyFile(_Table, frozen=True):
    """`agents`, `queue`: the rules; `recorded` leaves each conversation its own strategy. `sticky`: for how long a customer's last agent
    is preferred; 0 for not at all, None as recorded. `answer_within`: the target of the share answered in time."""

    name: Text
    about: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    agents: Literal["recorded"] | AgentRule = "recorded"
    queue: QueueRule = "oldest"
    sticky: Seconds | None = None
    routing: RoutingTable = RoutingTable()
    threshold: ThresholdTable | None = None
    costs: Annotated[list[CostTable], msgspec.Meta(max_length=50)] = []
    capacity: Annotated[list[CapacityTable], msgspec.Meta(max_length=100)] = []
    staffing: Annotated[list[StaffingTable], msgspec.Meta(max_length=100)] = []

    def rules(self, handling: Handling) -> Rules:
        """The rules of a desk. `handling`: expected handling times."""
        if self.agents == "recorded" and self.queue == "oldest" and self.threshold is None:
            return OWN
        costs = [Cost(match=c.match, weight=c.weight, exponent=c.exponent) for c in self.costs]
        t = self.threshold
        kept = t and Threshold(keep_free=t.keep_free, reserved_for=tuple(t.reserved_for))
        rule = None if self.agents == "recorded" else self.agents
        return Strategies(rule, self.queue, handling, costs=costs, threshold=kept)

    def waiting(self, w: Waiting) -> Waiting:
        """A conversation under this policy: a rule for agents replaces its own strategy, also that of waiting for a claim."""
        own: Strategy = (
            w.strategy
            if self.agents == "recorded"
            else "round_robin"
            if self.agents == "round_robin"
            else "least_busy"
        )
        sticky, until = (w.sticky_agent, w.sticky_until) if self.sticky is None else (None, 0)
        return replace(w, strategy=own, sticky_agent=sticky, sticky_until=until)

    def policy(self, p: Policy) -> Policy:
        """The account's settings under this policy."""
        r = self.routing
        steps = list(p.steps)
        if r.relax is not None:
            steps = [s for s in steps if isinstance(s, Overflow)]
            steps = [*(Relaxation(_ms(x.after), x.drop) for x in r.relax), *steps]
        if r.overflow is not None:
            steps = [s for s in steps if not isinstance(s, Overflow)]
            steps.append(Overflow(_ms(r.overflow.after), r.overflow.team))
        head_start: dict[Priority, int] = {**p.head_start}
        head_start.update((priority, _ms(ahead)) for priority, ahead in r.head_start.items())
        return Policy(
            head_start=head_start,
            steps=tuple(steps),
            offer_timeout=p.offer_timeout if r.offer_timeout is None else _ms(r.offer_timeout),
        )

    def preferences(self, agent_id: str, p: Preferences) -> Preferences:
        """An agent's preferences under this policy; of several capacities that mean the agent, the last one counts."""
        maximum = p.maximum
        for capacity in self.capacity:
            if capacity.means(agent_id, p.teams):
                maximum = capacity.of(p.maximum)
        accepts = p.auto_accept if self.routing.auto_accept is None else self.routing.auto_accept
        return replace(p, maximum=maximum, auto_accept=accepts)


RECORDED = PolicyFile(name="as recorded")
"""The policy that was in force."""


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def load(path: Path) -> PolicyFile:
    """Raises PolicyError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyError(f"{path}: larger than {MAX_BYTES:,} bytes")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} cannot be read: {error}") from None
    try:
        return parsed(text)
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None


def parsed(text: str) -> PolicyFile:
    """A policy from TOML. Raises PolicyError."""
    try:
        given: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"not TOML: {error}") from None
    try:
        policy = msgspec.convert(given, PolicyFile, dec_hook=decoded)
    except msgspec.ValidationError as error:
        raise PolicyError(sentence(error, given, PolicyFile)) from None
    if found := list(_faults(policy)):
        raise PolicyError("; ".join(found))
    return policy


def check_names(policy: PolicyFile, agents: Collection[str], teams: Collection[str]) -> None:
    """Whether the file's agents and teams are the record's. Raises PolicyError."""
    found = []
    for path, name in _agents_named(policy):
        if name not in agents:
            found.append(f"{path}: no agent {name!r} was recorded")
    for i, capacity in enumerate(policy.capacity):
        if capacity.team is not None and capacity.team not in teams:
            found.append(f"capacity[{i}].team: no agent of team {capacity.team!r} was recorded")
    if found:
        raise PolicyError("; ".join(found))


def _agents_named(policy: PolicyFile) -> Iterator[tuple[str, str]]:
    for i, capacity in enumerate(policy.capacity):
        yield from ((f"capacity[{i}].agents[{n}]", name) for n, name in enumerate(capacity.agents))
    for i, staffing in enumerate(policy.staffing):
        if staffing.like is not None:
            yield f"staffing[{i}].like", staffing.like
        yield from ((f"staffing[{i}].remove[{n}]", name) for n, name in enumerate(staffing.remove))


def _faults(p: PolicyFile) -> Iterator[str]:
    """Checks that the types do not express."""
    for i, capacity in enumerate(p.capacity):
        if (capacity.maximum is None) == (capacity.factor is None):
            yield f"capacity[{i}]: give either maximum or factor"
    for i, s in enumerate(p.staffing):
        if (s.add is None) == (not s.remove):
            yield f"staffing[{i}]: give either add or remove"
        if (s.add is None) != (s.like is None):
            yield f"staffing[{i}].like: says which agent the added ones are like"
        if s.lasts is not None and s.lasts <= 0:
            yield f"staffing[{i}].lasts: must be above 0"
    if p.costs and p.queue != "generalised_cmu":
        yield 'costs: are for queue = "generalised_cmu"'
    places: list[tuple[str, Match]] = [(f"costs[{i}].match", c.match) for i, c in enumerate(p.costs)]
    if p.threshold is not None:
        places += [(f"threshold.reserved_for[{i}]", m) for i, m in enumerate(p.threshold.reserved_for)]
    for path, match in places:
        if match.priority is not None and match.priority not in get_args(Priority):
            yield f"{path}.priority: must be one of {', '.join(get_args(Priority))}"
