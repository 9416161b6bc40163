"""The record of a decision: every agent, why it was passed over or how it ranked, and enough to decide again.

Compact for any number of agents. Reasons are sets of bits over the roster, in hex: 250 characters a reason for a thousand agents.
Figures are kept of the best `TOP`; an agent without them and under no reason ranked lower. The roster rarely changes between
decisions: store it once by its digest, and records without `agents`.
"""

from __future__ import annotations

import msgspec

from ..conversation.explain_record import Explain, Figures, Need
from ..times import rfc3339_or_none
from .agents import Agents
from .facts import Reason, Waiting
from .sorted_agents import bits

TOP = 10


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """`rank` counts from 1. No rank and no reasons: it ranked lower than those whose figures were kept. Times as the API writes
    them."""

    agent_id: str
    reasons: tuple[Reason, ...] = ()
    rank: int | None = None
    load: int | None = None
    maximum: int | None = None
    idle_since: str | None = None
    assigned_at: str | None = None


def decide(agents: Agents, w: Waiting, need: Need, now: int) -> int | None:
    """The slot of the agent to choose; None if nobody fits."""
    if w.strategy == "manual_queue":
        return None
    wanted = agents.fits(need) & agents.ready
    if wanted and w.declined_by:
        wanted &= ~agents.mask(w.declined_by)
    if not wanted:
        return None
    if w.sticky_agent is not None and now < w.sticky_until:
        sticky = agents.slot(w.sticky_agent)
        if sticky is not None and wanted >> sticky & 1:
            return sticky
    return next(agents.ranked(w.strategy, wanted))


def explain(agents: Agents, w: Waiting, need: Need, chosen: int | None, now: int) -> Explain:
    """The record of a decision; call it before the decision changes any figure."""
    passed = agents.passed_over(need, agents.mask(w.declined_by))
    wanted = agents.all
    for mask in passed.values():
        wanted &= ~mask
    ids, digest = agents.roster()
    ranked = []
    for slot in agents.ranked(w.strategy, wanted):
        a = agents.at(slot)
        ranked.append(Figures(slot, a.load, a.preferences.maximum, a.idle_since, a.assigned_at))
        if len(ranked) == TOP:
            break
    return Explain(
        at=now,
        conversation_id=w.id,
        need=need,
        strategy=w.strategy,
        roster=digest,
        agents=ids,
        passed={reason.value: f"{mask:x}" for reason, mask in passed.items()},
        sticky=w.sticky_agent if now < w.sticky_until else None,
        ranked=tuple(ranked),
        chosen=None if chosen is None else ids[chosen],
    )


def _eligible(record: Explain) -> int:
    wanted = (1 << len(record.agents)) - 1
    for mask in record.passed.values():
        wanted &= ~int(mask, 16)
    return wanted


def replay(record: Explain) -> str | None:
    """Decide again from the record alone."""
    if record.strategy == "manual_queue":
        return None
    wanted = _eligible(record)
    sticky = record.agents.index(record.sticky) if record.sticky in record.agents else None
    if sticky is not None and wanted >> sticky & 1:
        return record.sticky

    def rank(f: Figures) -> tuple[int, ...]:
        return (f.assigned_at,) if record.strategy == "round_robin" else (f.load, f.idle_since)

    found = [(rank(f), record.agents[f.slot]) for f in record.ranked if wanted >> f.slot & 1]
    return min(found)[1] if found else None


def candidates(record: Explain) -> list[Candidate]:
    """Every agent of the roster: those with a rank, then those that ranked lower, then those passed over."""
    ranked = {f.slot: (rank, f) for rank, f in enumerate(record.ranked, 1)}
    reasons: dict[int, list[Reason]] = {}
    for reason, mask in record.passed.items():
        for slot in bits(int(mask, 16)):
            reasons.setdefault(slot, []).append(Reason(reason))
    found = [
        _candidate(agent_id, tuple(reasons.get(slot, ())), ranked.get(slot))
        for slot, agent_id in enumerate(record.agents)
    ]
    return sorted(found, key=lambda c: (bool(c.reasons), c.rank is None, c.rank or 0, c.agent_id))


def _candidate(agent_id: str, reasons: tuple[Reason, ...], ranked: tuple[int, Figures] | None) -> Candidate:
    if ranked is None:
        return Candidate(agent_id, reasons)
    rank, f = ranked
    idle_since, assigned_at = (rfc3339_or_none(at or None) for at in (f.idle_since, f.assigned_at))
    return Candidate(agent_id, reasons, rank, f.load, f.maximum, idle_since, assigned_at)
