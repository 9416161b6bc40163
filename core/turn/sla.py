"""What is due in a conversation, and when: targets in business time, and every other timer it needs.

All follows from the conversation as it is. Whoever keeps durable timers compares: a kind that is no longer here is cancelled,
one with another time is moved, and (kind, time) that has fired does not fire again.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from ..accounts.account_settings import AccountSettings, Sla, Targets
from ..accounts.business_hours import MINUTE, Schedule
from ..conversation.entries import Priority
from ..conversation.state import Conversation
from ..conversation.status import Status

HOUR = 60 * MINUTE


class Target(StrEnum):
    FIRST_REPLY = "first_reply"
    NEXT_REPLY = "next_reply"
    RESOLUTION = "resolution"


class Timer(StrEnum):
    EXPIRY = "expiry"
    AUTO_CLOSE = "auto_close"
    SNOOZE_END = "snooze_end"
    OFFER_DEADLINE = "offer_deadline"
    CSAT_ASK = "csat_ask"
    FIRST_REPLY_WARNING = "first_reply_warning"
    FIRST_REPLY_BREACH = "first_reply_breach"
    NEXT_REPLY_WARNING = "next_reply_warning"
    NEXT_REPLY_BREACH = "next_reply_breach"
    RESOLUTION_WARNING = "resolution_warning"
    RESOLUTION_BREACH = "resolution_breach"


class Due(msgspec.Struct, frozen=True):
    """The instants of one target. None: not within ten years of the account's hours."""

    warning: int | None
    breach: int | None


class Beside(msgspec.Struct, frozen=True):
    """What a conversation's own fields do not say. `unanswered_since`: the first message of the customer that no agent has
    answered. `csat_asked`: since it was resolved."""

    unanswered_since: int | None = None
    offer_deadline: int | None = None
    csat_asked: bool = False


EXPIRES = frozenset({Status.OPEN, Status.BOT, Status.PENDING})
UNRESOLVED = frozenset({Status.OPEN, Status.BOT, Status.ASSIGNED, Status.PENDING})


def business_hours(settings: AccountSettings) -> Schedule:
    return Schedule(settings.business_hours.schedule, settings.timezone)


def minutes_of(sla: Sla, priority: Priority, target: Target) -> int | None:
    """The target in force: the priority's own, else everybody's."""
    name = f"{target}_minutes"
    own: Targets | None = sla.priorities.get(priority)
    value = None if own is None else getattr(own, name)
    return getattr(sla, name) if value is None else value


def since_of(c: Conversation, beside: Beside, target: Target) -> int | None:
    """Since when the clock of a target runs; None: it does not. A reopened conversation is resolved anew."""
    if c.status not in UNRESOLVED:
        return None
    if target is Target.RESOLUTION:
        return c.opened_at
    if target is Target.FIRST_REPLY:
        return None if c.first_reply_at is not None else c.created_at
    return None if c.first_reply_at is None else beside.unanswered_since


def due(since: int, minutes: int, warn_percent: int, hours: Schedule) -> Due:
    span = minutes * MINUTE
    return Due(hours.after(since, span * warn_percent // 100), hours.after(since, span))


def targets_of(c: Conversation, settings: AccountSettings, beside: Beside) -> dict[Target, Due]:
    """The targets whose clocks run."""
    found: dict[Target, Due] = {}
    for target in Target:
        since, minutes = since_of(c, beside, target), minutes_of(settings.sla, c.priority, target)
        if since is not None and minutes is not None:
            found[target] = due(since, minutes, settings.sla.warn_percent, business_hours(settings))
    return found


def timers_of(c: Conversation, settings: AccountSettings, beside: Beside | None = None) -> dict[Timer, int]:
    """Every timer that the conversation needs now, with its instant; one may lie in the past."""
    if c.erased:
        return {}
    return dict(_timers(c, settings, beside or Beside()))


def _timers(c: Conversation, settings: AccountSettings, beside: Beside) -> Iterator[tuple[Timer, int]]:
    if c.status in EXPIRES:
        last = c.created_at if c.last_message_at is None else c.last_message_at
        yield Timer.EXPIRY, max(last, c.snoozed_until or 0) + settings.expiry_hours * HOUR
    if c.status is Status.RESOLVED and c.resolved_at is not None:
        yield Timer.AUTO_CLOSE, c.resolved_at + settings.auto_close_hours * HOUR
        if settings.csat_enabled and not beside.csat_asked:
            yield Timer.CSAT_ASK, c.resolved_at
    if c.live and c.snoozed_until is not None:
        yield Timer.SNOOZE_END, c.snoozed_until
    if c.live and beside.offer_deadline is not None:
        yield Timer.OFFER_DEADLINE, beside.offer_deadline
    for target, instants in targets_of(c, settings, beside).items():
        if instants.warning is not None:
            yield Timer(f"{target}_warning"), instants.warning
        if instants.breach is not None:
            yield Timer(f"{target}_breach"), instants.breach
