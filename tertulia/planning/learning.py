"""From a record to a scenario of the simulator: arrivals, bursts, patience, handling, agents. Pure.

Nothing in it names a person: agents are counted, topics are numbered, and no text of a message is read.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from ..core.routing.facts import Agent, Waiting
from .fitting import Curve, Fitted, curve_of, duration_of, patience_of
from .people import people_of
from .workload import Stint, TooLittle, Workload

CHANNELS: Final = ("webchat", "whatsapp", "messenger", "telegram", "sms", "email")
MOST_KINDS: Final = 20
"""Kinds of customers and of agents that are told apart; the others are left out of the mix."""
LEAST_BREAK: Final = 10.0
"""Seconds away that count as a break."""


class Talk(msgspec.Struct, frozen=True):
    """A conversation's messages: how many the customer wrote, and how long they took to answer an agent, in ms: the sum of `thoughts`
    times."""

    written: int
    thought: int
    thoughts: int


class Learned(msgspec.Struct, frozen=True):
    """A scenario as TOML, and what it rests on in a sentence."""

    toml: str
    basis: str


def learned(workload: Workload, talks: Mapping[str, Talk], answer_within: float = 20.0) -> Learned:
    """Raises TooLittle."""
    duration = max((workload.until - workload.since) / 1000, 1.0)
    first = [s[0] for s in workload.conversations.values() if s[0].number == 0 and not s[0].early]
    first = [s for s in first if s.arrived_at >= workload.since and s.waiting.channel_type in CHANNELS]
    handled = [
        s
        for s in workload.stints
        if s.handling is not None and s.arrived_at >= workload.since and not s.early
    ]
    if len(first) < 2 or not handled:
        raise TooLittle("too few conversations began and were handled in this time")
    curve = curve_of([(s.arrived_at - workload.since) / 1000 for s in first], duration)
    topics = _Topics()
    customers = "\n".join(_customers(workload, first, talks, topics))
    agents = "\n".join(_agents(workload, handled, topics))
    head = (
        'name = "Learned"\n'
        f'about = "Fitted to {len(first):,} conversations and {len(handled):,} times with agents of a recorded account."\n'
        f"duration = {duration:.0f}\nanswer_within = {answer_within:g}\n"
    )
    toml = f"{head}\n{_arrivals(curve)}\n{customers}\n{agents}\n{_policy(first)}"
    gave_up = sum(s.assigned_at is None and s.ended_at is not None for s in first)
    return Learned(toml, f"{len(first):,} arrivals, {len(handled):,} handled, {gave_up:,} gave up")


class _Topics:
    """Numbers for topics, whose names may tell what should not be told."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, topic: str) -> str:
        return self._known.setdefault(topic, f"topic {len(self._known) + 1}")


def _arrivals(curve: Curve) -> str:
    lines = ["[arrivals]", f'curve = "{"day" if curve.hours else "constant"}"', f"rate = {curve.rate:.4g}"]
    if curve.hours:
        lines.append(f"hours = {curve.hours}")
    if curve.bursts:
        lines.append("bursts = [")
        lines += [f"  {{ at = {b.at:g}, lasts = {b.lasts:g}, factor = {b.factor:g} }}," for b in curve.bursts]
        lines.append("]")
    return "\n".join(lines) + "\n"


Kind = tuple[str, str | None, str | None]


def _kind(w: Waiting) -> Kind:
    """Channel, language, topic."""
    language = w.language if w.language and w.language.isalpha() and 2 <= len(w.language) <= 3 else None
    return w.channel_type, language, min(w.topics, default=None)


def _customers(
    workload: Workload, first: Sequence[Stint], talks: Mapping[str, Talk], topics: _Topics
) -> Iterator[str]:
    kinds: dict[Kind, list[Stint]] = defaultdict(list)
    for s in first:
        kinds[_kind(s.waiting)].append(s)
    pooled = _patience(workload, first)
    ranked = sorted(kinds.items(), key=lambda item: (-len(item[1]), str(item[0])))[:MOST_KINDS]
    for n, ((channel, language, topic), theirs) in enumerate(ranked, 1):
        yield "[[customers]]"
        yield f'name = "kind {n}"\nshare = {len(theirs)}\nchannel = "{channel}"'
        if language is not None:
            yield f'language = "{language}"'
        if topic is not None:
            yield f'topic = "{topics.of(topic)}"'
        served = [
            s.conversation_id for s in theirs if s.handling is not None
        ]  # others had no time to say it all
        yield from _talk([talks[c] for c in served if c in talks])
        patience = _patience(workload, theirs) or pooled
        if patience is not None:
            yield f"patience = {patience.toml()}"
        yield from _returns(workload, theirs)
        yield ""


def _patience(workload: Workload, stints: Sequence[Stint]) -> Fitted | None:
    waits = [((s.assigned_at or s.ended_at or workload.until) - s.arrived_at) / 1000 for s in stints]
    return patience_of(waits, [s.assigned_at is None and s.ended_at is not None for s in stints])


def _talk(talks: Sequence[Talk]) -> Iterator[str]:
    written = [t.written for t in talks if t.written]
    if written:
        yield f"turns = {max(sum(written) / len(written), 1):.3g}"
    thoughts = sum(t.thoughts for t in talks)
    if thoughts:
        yield f"think = {{ mean = {sum(t.thought for t in talks) / thoughts / 1000:.3g} }}"


def _returns(workload: Workload, first: Sequence[Stint]) -> Iterator[str]:
    """Customers who come back after their conversation was resolved."""
    served = [s for s in first if s.handling is not None]
    after = []
    for s in served:
        later = workload.conversations[s.conversation_id][1:]
        if later and (pause := later[0].after or 0) > 0:
            after.append(pause / 1000)
    if served and after:
        yield f"comes_back = {len(after) / len(served):.3g}\ncomes_back_after = {{ mean = {sum(after) / len(after):.3g} }}"


class _Worked(msgspec.Struct):
    """An agent's time by activity, in ms."""

    agent: Agent
    online: int = 0
    spells: list[int] = []
    breaks: list[int] = []


AgentKind = tuple[int, bool, int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]
GAP: Final = 1.5
"""Agents of one kind follow each other, in order of their handling times, by no more than this factor."""


def _agents(workload: Workload, handled: Sequence[Stint], topics: _Topics) -> Iterator[str]:
    worked = {a: w for a, w in _worked(workload).items() if w.online > 0}
    if not worked:
        raise TooLittle("no agent was at work in this time")
    people = people_of(workload)
    speeds = _speeds({a: people.factor(a) for a in worked})
    kinds: dict[AgentKind, list[str]] = defaultdict(list)
    for agent_id, w in worked.items():
        p = w.agent.preferences
        if p.maximum > 0:
            topics_of, languages_of, channels_of = (
                tuple(sorted(v)) for v in (p.topics, p.languages, p.channels)
            )
            kinds[p.maximum, p.auto_accept, speeds[agent_id], topics_of, languages_of, channels_of].append(
                agent_id
            )
    pooled = duration_of([(s.handling or 0) / 1000 for s in handled])
    for n, (kind, members) in enumerate(
        sorted(kinds.items(), key=lambda item: -len(item[1]))[:MOST_KINDS], 1
    ):
        slots, accepts, _, known_topics, languages, channels = kind
        theirs = [(s.handling or 0) / 1000 for s in handled if s.agent_id in members and not s.shared]
        handling = duration_of(theirs) if len(theirs) >= MOST_KINDS else pooled
        yield f'[[agents]]\nname = "agents {n}"\ncount = {len(members)}\nslots = {min(slots, 100)}'
        yield f"handling = {handling.toml()}\nauto_accept = {str(accepts).lower()}"
        yield from _skills(known_topics, languages, channels, topics)
        if not accepts:
            yield from _reaction(workload, members)
        yield from _breaks([worked[m] for m in members])
        yield ""


def _speeds(factors: Mapping[str, float]) -> dict[str, int]:
    """Agent → the number of their speed, 0 for the quickest: another one begins at each gap."""
    found: dict[str, int] = {}
    number, before = 0, math.inf
    for agent_id, factor in sorted(factors.items(), key=lambda item: item[1]):
        number += factor > GAP * before
        found[agent_id], before = number, factor
    return found


def _skills(
    known: Sequence[str], languages: Sequence[str], channels: Sequence[str], topics: _Topics
) -> Iterator[str]:
    named = {
        "topics": [topics.of(t) for t in known],
        "languages": list(languages),
        "channels": [c for c in channels if c in CHANNELS],
    }
    for name, values in named.items():
        if values:
            yield f"{name} = [" + ", ".join(f'"{v}"' for v in values) + "]"


def _reaction(workload: Workload, members: Sequence[str]) -> Iterator[str]:
    seen = [r.after / 1000 for r in workload.responses if r.agent_id in members and r.outcome == "accepted"]
    if seen:
        yield f"reaction = {{ mean = {sum(seen) / len(seen):.3g} }}"


def _breaks(worked: Sequence[_Worked]) -> Iterator[str]:
    spells = [t / 1000 for w in worked for t in w.spells]
    breaks = [t / 1000 for w in worked for t in w.breaks]
    if breaks and spells:
        after, lasts = sum(spells) / len(breaks), sum(breaks) / len(breaks)
        yield f"breaks = {{ after = {{ mean = {after:.4g} }}, lasts = {{ mean = {lasts:.4g} }} }}"


def _worked(workload: Workload) -> dict[str, _Worked]:
    """Each agent's time online, and the breaks: the times away between two times online."""
    found: dict[str, _Worked] = {}
    since: dict[str, tuple[bool, int]] = {}

    def note(agent: Agent, at: int) -> None:
        w = found.setdefault(agent.id, _Worked(agent))
        online = agent.status == "online" and agent.preferences.available
        was, began = since.get(agent.id, (False, at))
        if online:
            w.agent = agent
        if agent.id in since and was == online:
            return
        if was:
            w.online += at - began
            w.spells.append(at - began)
        elif agent.id in since and w.spells and at - began >= 1000 * LEAST_BREAK:
            w.breaks.append(at - began)
        since[agent.id] = online, at

    for agent in workload.agents:
        note(agent, workload.since)
    for at, agent in workload.agent_changes():
        note(agent, at)
    for agent_id, (was, began) in since.items():
        if was:
            found[agent_id].online += workload.until - began
            found[agent_id].spells.append(workload.until - began)
    return found


def _policy(first: Sequence[Stint]) -> str:
    strategy, _ = Counter(s.waiting.strategy for s in first).most_common(1)[0]
    return "" if strategy == "manual_queue" else f'[policy]\nstrategy = "{strategy}"\n'
