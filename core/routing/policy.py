"""From account settings and conversations to routing values: the policy, and each conversation as the queue sees it."""

from __future__ import annotations

from typing import Any

from ..accounts.account_settings import AccountSettings
from ..accounts.business_hours import MINUTE
from ..conversation.state import Conversation, LastHeld
from ..text.languages import language_of, primary
from .facts import Overflow, Policy, Relaxation, Waiting

HOUR = 60 * MINUTE


def policy_of(settings: AccountSettings) -> Policy:
    routing, head_start = settings.routing, settings.routing.head_start_minutes
    steps: list[Relaxation | Overflow] = [Relaxation(r.after_minutes * MINUTE, r.drop) for r in routing.relax]
    if routing.overflow is not None:
        steps.append(Overflow(routing.overflow.after_minutes * MINUTE, routing.overflow.team_id))
    return Policy(
        head_start={
            "low": 0,
            "normal": head_start.normal * MINUTE,
            "high": head_start.high * MINUTE,
            "urgent": head_start.urgent * MINUTE,
        },
        steps=tuple(steps),
        offer_timeout=settings.offer_timeout_s * 1000,
    )


def sticky_of(c: Conversation, settings: AccountSettings, served: LastHeld | None) -> tuple[str | None, int]:
    """The agent to prefer, and until when: the one that last held this conversation, else the one that last served the customer
    (`served`), unless that is too long ago."""
    span = settings.routing.sticky_hours * HOUR
    own = c.routing.last
    last = own if own is not None and own.until + span > c.opened_at else served
    return (None, 0) if last is None or not span else (last.agent_id, last.until + span)


def waiting_of(c: Conversation, settings: AccountSettings, served: LastHeld | None = None) -> Waiting:
    """A conversation as the queue sees it."""
    language = language_of(c.metadata, c.bot_context)
    strategy: Any = c.routing.strategy or settings.routing.strategy
    agent, until = sticky_of(c, settings, served)
    return Waiting(
        id=c.id,
        waiting_since=c.waiting_since,
        opened_at=c.opened_at,
        channel_type=c.channel_type,
        priority=c.priority,
        topics=frozenset(label.casefold() for label in c.labels),
        language=None if language is None else primary(language),
        team_id=c.team_id,
        strategy=strategy,
        declined_by=frozenset(c.routing.declined_by),
        sticky_agent=agent,
        sticky_until=until,
    )
