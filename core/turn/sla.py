"""A conversation's deadlines: SLA targets in business time, and every other timer it needs.

Everything here follows from the conversation and the account's settings alone. `timers.py` leaves out what has fired already.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

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
    CSAT_ASK = "csat_ask"
    FIRST_REPLY_WARNING = "first_reply_warning"
    FIRST_REPLY_BREACH = "first_reply_breach"
    NEXT_REPLY_WARNING = "next_reply_warning"
    NEXT_REPLY_BREACH = "next_reply_breach"
    RESOLUTION_WARNING = "resolution_warning"
    RESOLUTION_BREACH = "resolution_breach"


class TargetTimes(msgspec.Struct, frozen=True):
    """The times of one target. None: not within ten years of the account's business hours."""

    warning: int | None
    breach: int | None


TARGETS: Final = tuple(Target)
TIMERS: Final = {target: (Timer(f"{target}_warning"), Timer(f"{target}_breach")) for target in TARGETS}
"""The warning and the breach of each target."""
_MINUTES: Final = {target: f"{target}_minutes" for target in TARGETS}
# Every opening meets these; until Python 3.12 a member is slow to look up in its class.
_FIRST_REPLY: Final = Target.FIRST_REPLY
_RESOLUTION: Final = Target.RESOLUTION
_EXPIRY: Final = Timer.EXPIRY
_RESOLVED: Final = Status.RESOLVED

EXPIRES = frozenset({Status.OPEN, Status.BOT, Status.PENDING})
UNRESOLVED = frozenset({Status.OPEN, Status.BOT, Status.ASSIGNED, Status.PENDING})


def business_hours(settings: AccountSettings) -> Schedule:
    return Schedule(settings.business_hours.schedule, settings.timezone)


def minutes_of(sla: Sla, priority: Priority, target: Target) -> int | None:
    """The target that applies: the priority's own, else the account's."""
    name = _MINUTES[target]
    own: Targets | None = sla.priorities.get(priority)
    value = None if own is None else getattr(own, name)
    return getattr(sla, name) if value is None else value


def since_of(c: Conversation, target: Target) -> int | None:
    """The time at which a target's clock started; None if it does not run. Reopening restarts the resolution clock."""
    if c.status not in UNRESOLVED:
        return None
    if target is _RESOLUTION:
        return c.opened_at
    if target is _FIRST_REPLY:
        return None if c.first_reply_at is not None else c.created_at
    return None if c.first_reply_at is None else c.unanswered_since


def due(since: int, minutes: int, warn_percent: int, hours: Schedule) -> TargetTimes:
    span = minutes * MINUTE
    return TargetTimes(hours.after(since, span * warn_percent // 100), hours.after(since, span))


def targets_of(c: Conversation, settings: AccountSettings) -> dict[Target, TargetTimes]:
    """The targets whose clocks are running."""
    found: dict[Target, TargetTimes] = {}
    for target in TARGETS:
        minutes = minutes_of(settings.sla, c.priority, target)
        if minutes is not None and (since := since_of(c, target)) is not None:
            found[target] = due(since, minutes, settings.sla.warn_percent, business_hours(settings))
    return found


def timers_of(c: Conversation, settings: AccountSettings) -> dict[Timer, int]:
    """Every timer that the conversation needs now, with its time, which may lie in the past."""
    if c.erased:
        return {}
    return dict(_timers(c, settings))


def _timers(c: Conversation, settings: AccountSettings) -> Iterator[tuple[Timer, int]]:
    if c.status in EXPIRES:
        last = c.created_at if c.last_message_at is None else c.last_message_at
        yield _EXPIRY, max(last, c.snoozed_until or 0) + settings.expiry_hours * HOUR
    if c.status is _RESOLVED and c.resolved_at is not None:
        yield Timer.AUTO_CLOSE, c.resolved_at + settings.auto_close_hours * HOUR
        if settings.csat_enabled and c.csat_due and not c.fired.csat_asked:
            yield Timer.CSAT_ASK, c.resolved_at
    if c.live and c.snoozed_until is not None:
        yield Timer.SNOOZE_END, c.snoozed_until
    for target, instants in targets_of(c, settings).items():
        warning, breach = TIMERS[target]
        if instants.warning is not None:
            yield warning, instants.warning
        if instants.breach is not None:
            yield breach, instants.breach
