"""Timers: what is due depends on a conversation's state and the clock alone, so a timer that fires twice has one effect.

`timer_at` is the earliest time at which anything may be due. A message may leave it too early, which costs one needless check;
it is never too late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from msgspec.structs import replace

from ..accounts.account_settings import AccountSettings
from ..conversation.entries import ChangedFields, EntryData, Message, SlaNoted, StatusChanged, Updated
from ..conversation.state import CSAT_ASK, Conversation, first_delivery, settled
from ..conversation.status import Change, next_status
from .account_rules import AccountRules
from .sla import HOUR, TIMERS, Target, Timer, since_of, timers_of

ASKED_WITHIN = HOUR
"""Ms. If a conversation was resolved longer ago, its customer is no longer asked for a score: the account may have enabled this
only now, or the server was down."""
AGAIN = 1_000
"""Ms until the next check, if a check leaves something due."""
_CSAT_ASK: Final = Timer.CSAT_ASK


def pending(c: Conversation, settings: AccountSettings, now: int) -> dict[Timer, int]:
    """Every timer that has not had its effect yet, with its instant."""
    found = timers_of(c, settings)
    asks_at = found.get(_CSAT_ASK)
    if asks_at is not None and (asks_at < now - ASKED_WITHIN or not c.may_answer_by_itself(now)):
        del found[_CSAT_ASK]
    for target, (warning, breach) in TIMERS.items():
        if breach in found and _noted(c, target, breach):
            del found[breach]
            found.pop(warning, None)
        if warning in found and _noted(c, target, warning):
            del found[warning]
    return found


def _noted(c: Conversation, target: Target, timer: Timer) -> bool:
    """Whether it was noted since the target's clock started, perhaps for another time, by another priority or other settings."""
    since, noted = since_of(c, target), c.fired.sla.get(timer)
    return since is not None and noted is not None and noted >= since


def next_timer(c: Conversation, settings: AccountSettings, now: int) -> int | None:
    return min(pending(c, settings, now).values(), default=None)


def sooner(c: Conversation, settings: AccountSettings, now: int) -> int | None:
    """The next timer by these settings, if it is before the stored one."""
    due = next_timer(c, settings, now)
    return due if due is not None and (c.timer_at is None or due < c.timer_at) else None


def timed(before: Conversation | None, after: Conversation, account: AccountRules, now: int) -> Conversation:
    """`after` with its next timer, recomputed only where a change since `before` can have moved it."""
    if before is not None and settled(before) == settled(after):
        if not account.answers_timed or after.unanswered_since == before.unanswered_since:
            return after
        due = next_timer(after, account.settings, now)
        if due is None or (after.timer_at is not None and after.timer_at <= due):
            return after
    else:
        due = next_timer(after, account.settings, now)
    return after if due == after.timer_at else replace(after, timer_at=due)


def looked_at(c: Conversation, account: AccountRules, now: int) -> Conversation:
    """A conversation with its next timer, after what was due at `now` has taken effect."""
    due = next_timer(c, account.settings, now)
    return replace(c, timer_at=None if due is None else max(due, now + AGAIN))


def fire(
    c: Conversation, account: AccountRules, now: int, new_id: Callable[[], str]
) -> tuple[EntryData, ...]:
    """The timers that are due, in the order of their times, up to the first that ends the conversation."""
    due = {timer: at for timer, at in pending(c, account.settings, now).items() if at <= now}
    entries: list[EntryData] = []
    for timer, at in sorted(due.items(), key=lambda pair: (pair[1], pair[0])):
        if timer in ENDS:
            change, reason = ENDS[timer]
            return (*entries, StatusChanged(c.status, next_status(c.status, change), reason))
        if timer is Timer.SNOOZE_END:
            entries.append(Updated(ChangedFields(snoozed_until=None)))
        elif timer is Timer.CSAT_ASK:
            entries.append(_csat(c, account.settings.csat_question, new_id))
        elif timer in SLA and not (SLA[timer][1] == "warning" and _breach_of(timer) in due):
            target, state = SLA[timer]
            entries.append(SlaNoted(target.value, state, at))
    return tuple(entries)


ENDS = {
    Timer.EXPIRY: (Change.EXPIRED, "nobody has written for as long as the account waits"),
    Timer.AUTO_CLOSE: (Change.CLOSED, "resolved for as long as the account keeps it open"),
}
SLA: dict[Timer, tuple[Target, Literal["warning", "breach"]]] = {
    **{warning: (target, "warning") for target, (warning, _) in TIMERS.items()},
    **{breach: (target, "breach") for target, (_, breach) in TIMERS.items()},
}


def _breach_of(warning: Timer) -> Timer:
    return TIMERS[SLA[warning][0]][1]


def _csat(c: Conversation, question: str, new_id: Callable[[], str]) -> Message:
    return Message(
        id=new_id(),
        direction="outbound",
        sender_type="system",
        sender_id=None,
        content=question,
        delivery_status=first_delivery(c),
        metadata={CSAT_ASK: True},
    )
