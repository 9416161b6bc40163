"""The rules of whether an agent may get a conversation, for one agent and one conversation.

`agents.py` keeps the same answers for all agents at once; tests compare the two.
"""

from __future__ import annotations

from ..conversation.explain_record import Need
from .facts import Agent, Preferences, Reason


def may_assign(agent: Agent) -> Reason | None:
    """Why nobody may assign to this agent, not even by hand; None if they may. Open offers do not count: they can be withdrawn."""
    if not agent.preferences.available:
        return Reason.UNAVAILABLE
    if agent.active >= agent.preferences.maximum:
        return Reason.FULL
    return None


def unready(agent: Agent, now: int) -> list[Reason]:
    """Why automatic routing gives this agent nothing at all."""
    p = agent.preferences
    reasons = []
    if not p.available:
        reasons.append(Reason.UNAVAILABLE)
    if agent.status == "offline":
        reasons.append(Reason.OFFLINE)
    if agent.status == "away":
        reasons.append(Reason.AWAY)
    if not p.schedule().is_open(now):
        reasons.append(Reason.CLOSED)
    if agent.load >= p.maximum:
        reasons.append(Reason.FULL)
    return reasons


def unfit(p: Preferences, need: Need) -> list[Reason]:
    """The requirements of this conversation that the agent does not meet."""
    reasons = []
    if need.teams and not need.teams & p.teams:
        reasons.append(Reason.TEAM)
    if p.channels and need.channel_type not in p.channels:
        reasons.append(Reason.CHANNEL)
    if p.topics and need.topics and not need.topics & p.topics:
        reasons.append(Reason.TOPIC)
    if p.languages and need.language is not None and need.language not in p.languages:
        reasons.append(Reason.LANGUAGE)
    return reasons


def refusals(agent: Agent, need: Need, declined_by: frozenset[str], now: int) -> list[Reason]:
    """Every reason why automatic routing passes the agent over; empty for a candidate."""
    declined = [Reason.DECLINED] if agent.id in declined_by else []
    return unready(agent, now) + unfit(agent.preferences, need) + declined
