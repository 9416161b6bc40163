"""The status machine of conversations: one literal table, from (status, change) to the next status.

Changes that are not in the table are refused. `tests/core/conversation/test_status.py` walks every status with every change.
"""

from __future__ import annotations

from enum import StrEnum

from ..errors import Conflict


class Status(StrEnum):
    OPEN = "open"
    BOT = "bot"
    ASSIGNED = "assigned"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"
    EXPIRED = "expired"


class Change(StrEnum):
    """Events that may change the status."""

    CUSTOMER_WROTE = "customer_wrote"
    BOT_TOOK = "bot_took"
    GIVEN_BACK = "given_back"
    ASSIGNED = "assigned"
    HANDED_OFF = "handed_off"
    RELEASED = "released"
    WAITS = "waits"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"
    EXPIRED = "expired"


S, C = Status, Change
OPEN, BOT, RESOLVED = S.OPEN, S.BOT, S.RESOLVED
"""For code that runs with every message: until Python 3.12, finding a member through its class costs 0.2 µs."""

LIVE = frozenset({S.OPEN, S.BOT, S.ASSIGNED, S.PENDING})
"""Only conversations in these hold their thread key."""
FINAL = frozenset({S.CLOSED, S.EXPIRED})
HELD = frozenset({S.ASSIGNED, S.PENDING})
"""Only conversations in these, or resolved from these, have an assignee."""

NEXT: dict[tuple[Status, Change], Status] = {
    (S.OPEN, C.CUSTOMER_WROTE): S.OPEN,
    (S.BOT, C.CUSTOMER_WROTE): S.BOT,
    (S.ASSIGNED, C.CUSTOMER_WROTE): S.ASSIGNED,
    (S.PENDING, C.CUSTOMER_WROTE): S.ASSIGNED,
    (S.RESOLVED, C.CUSTOMER_WROTE): S.OPEN,
    (S.OPEN, C.BOT_TOOK): S.BOT,
    (S.OPEN, C.GIVEN_BACK): S.BOT,
    (S.ASSIGNED, C.GIVEN_BACK): S.BOT,
    (S.PENDING, C.GIVEN_BACK): S.BOT,
    (S.OPEN, C.ASSIGNED): S.ASSIGNED,
    (S.BOT, C.ASSIGNED): S.ASSIGNED,
    (S.ASSIGNED, C.ASSIGNED): S.ASSIGNED,
    (S.PENDING, C.ASSIGNED): S.ASSIGNED,
    (S.OPEN, C.HANDED_OFF): S.OPEN,
    (S.BOT, C.HANDED_OFF): S.OPEN,
    (S.ASSIGNED, C.HANDED_OFF): S.OPEN,
    (S.PENDING, C.HANDED_OFF): S.OPEN,
    (S.ASSIGNED, C.RELEASED): S.OPEN,
    (S.PENDING, C.RELEASED): S.OPEN,
    (S.ASSIGNED, C.WAITS): S.PENDING,
    (S.OPEN, C.RESOLVED): S.RESOLVED,
    (S.BOT, C.RESOLVED): S.RESOLVED,
    (S.ASSIGNED, C.RESOLVED): S.RESOLVED,
    (S.PENDING, C.RESOLVED): S.RESOLVED,
    (S.RESOLVED, C.REOPENED): S.OPEN,
    (S.OPEN, C.CLOSED): S.CLOSED,
    (S.BOT, C.CLOSED): S.CLOSED,
    (S.ASSIGNED, C.CLOSED): S.CLOSED,
    (S.PENDING, C.CLOSED): S.CLOSED,
    (S.RESOLVED, C.CLOSED): S.CLOSED,
    (S.OPEN, C.EXPIRED): S.EXPIRED,
    (S.BOT, C.EXPIRED): S.EXPIRED,
    (S.PENDING, C.EXPIRED): S.EXPIRED,
}

AIMS: dict[Change, Status] = {change: to for (_, change), to in reversed(NEXT.items())}
"""The usual result of a change, to be named when it is refused."""

ASKED: dict[Status, Change] = {
    S.OPEN: C.REOPENED,
    S.PENDING: C.WAITS,
    S.RESOLVED: C.RESOLVED,
    S.CLOSED: C.CLOSED,
    S.EXPIRED: C.EXPIRED,
}
"""The change that a client requests by naming a status. `bot` and `assigned` cannot be requested this way."""


def next_status(status: Status, change: Change, wanted: Status | None = None) -> Status:
    """The status after `change`. Raises Conflict, naming both statuses, if the table has none."""
    try:
        return NEXT[status, change]
    except KeyError:
        aim = AIMS[change]
        to = wanted or (change if aim is status else f"{aim} ({change})")
        raise Conflict(
            f"a conversation that is {status} cannot become {to}", current={"status": status}
        ) from None
