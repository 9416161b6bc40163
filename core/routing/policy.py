"""The policy that an account's settings make."""

from __future__ import annotations

from ..hours import MINUTE
from ..settings import AccountSettings
from .facts import Overflow, Policy, Relaxation


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
        presence_grace=settings.presence_grace_s * 1000,
    )
