"""The record of a decision: every agent, why it was passed over or how it ranked, and enough to decide again.

Compact for any number of agents. Reasons are sets of bits over the roster, in hex: 250 characters a reason for a thousand agents.
Figures are kept of the best `TOP`; an agent without them and under no reason ranked lower. The roster rarely changes between
decisions: store it once by its digest, and records without `agents`.
"""

from __future__ import annotations

from ..conversation.explain_record import Explain, Figures, Need
from .agents import Agents
from .facts import Waiting

TOP = 10


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
