"""Agents and the account's settings over time under a policy: as recorded, changed by its capacities and staffing. Pure."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ..core.routing.facts import Agent, Policy, Preferences
from ..core.routing.messages import AgentChanged, Event, PolicyChanged, PresenceChanged
from .policy_file import PolicyFile, StaffingTable
from .workload import Workload


class Timeline(msgspec.Struct, frozen=True):
    """`agents`, `policy`: at the beginning. `events`: later ones by time, in ms. `like`: added agent → the recorded one whose speed it has."""

    policy: Policy
    agents: list[Agent]
    events: list[tuple[int, Event]]
    like: dict[str, str]


class _Span(msgspec.Struct, frozen=True):
    """A time in which an agent does not work."""

    agent_id: str
    begin: int
    end: int


def timeline_of(workload: Workload, policy: PolicyFile) -> Timeline:
    absences = [
        _Span(agent_id, *_span(workload, s))
        for s in policy.staffing
        if s.add is None
        for agent_id in s.remove
    ]
    recorded = _recorded(workload, absences)
    agents = [
        replace(
            a, preferences=_worked(policy, absences, a.id, a.preferences, workload.since), active=0, offered=0
        )
        for a in workload.agents
    ]
    events: list[tuple[int, Event]] = []
    for at, event in recorded:
        if isinstance(event, AgentChanged):
            preferences = _worked(policy, absences, event.agent_id, event.preferences, at)
            event = AgentChanged(event.agent_id, preferences)
        elif isinstance(event, PolicyChanged):
            event = PolicyChanged(policy.policy(event.policy))
        events.append((at, event))
    like: dict[str, str] = {}
    for n, staffing in enumerate(policy.staffing):
        for agent in _added(workload, policy, n, staffing):
            begin, end = _span(workload, staffing)
            agents.append(agent)
            like[agent.id] = staffing.like or ""
            events += [
                (begin, PresenceChanged(agent.id, "online")),
                (end, PresenceChanged(agent.id, "offline")),
            ]
    events.sort(key=lambda timed: timed[0])
    return Timeline(policy.policy(workload.policy), agents, events, like)


def _span(workload: Workload, s: StaffingTable) -> tuple[int, int]:
    begin = workload.since + round(1000 * s.at)
    return begin, workload.until + 1 if s.lasts is None else begin + round(1000 * s.lasts)


def _recorded(workload: Workload, absences: list[_Span]) -> list[tuple[int, Event]]:
    """The recorded events, and at the ends of absences the preferences that hold then."""
    known = {a.id: a.preferences for a in workload.agents}
    edges = [(at, span.agent_id) for span in absences for at in (span.begin, span.end)]
    marks = sorted([(at, 1, event) for at, event in workload.events] + [(at, 0, a) for at, a in edges],
                   key=lambda mark: mark[:2])  # fmt: skip
    found: list[tuple[int, Event]] = []
    for at, _, what in marks:
        if not isinstance(what, str):
            found.append((at, what))
            if isinstance(what, AgentChanged):
                known[what.agent_id] = what.preferences
        elif what in known and at > workload.since:
            found.append((at, AgentChanged(what, known[what])))
    return found


def _worked(policy: PolicyFile, absences: list[_Span], agent_id: str, p: Preferences, at: int) -> Preferences:
    """An agent's preferences under the policy at a time."""
    p = policy.preferences(agent_id, p)
    absent = any(a.agent_id == agent_id and a.begin <= at < a.end for a in absences)
    return replace(p, available=False) if absent else p


def _added(workload: Workload, policy: PolicyFile, n: int, s: StaffingTable) -> list[Agent]:
    """The agents that the policy adds; they are offline until they come."""
    if s.add is None or s.like is None:
        return []
    found = [a.preferences for a in workload.agents if a.id == s.like]
    found += [
        e.preferences for _, e in workload.events if isinstance(e, AgentChanged) and e.agent_id == s.like
    ]
    base = policy.preferences(s.like, found[0]) if found else Preferences()
    preferences = replace(base, available=True, hours=())
    return [Agent(id=f"{s.like} + {n + 1}.{i + 1}", preferences=preferences) for i in range(s.add)]
