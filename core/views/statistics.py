"""The inbox's statistics: periods, and the shapes of the figures. Times inside are ms since the epoch unless said otherwise.

`storage/postgres/conversations/inbox.py` and `storage/postgres/reports/` read the figures.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from ..errors import Invalid
from ..text.fields import Count, Timestamp, about

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MAX_REPORT_DAYS = 92


class Period(msgspec.Struct, frozen=True):
    """From `start` (inclusive) to `end` (exclusive)."""

    start: int
    end: int

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None, now: int, *, days: int = 30) -> Period:
        """The period of a report. Raises Invalid for times without an offset, and for empty or too long periods."""
        for name, time in (("from", start), ("to", end)):
            if time is not None and time.tzinfo is None:
                raise Invalid("a time needs an offset", errors=((name, "RFC 3339 with Z or an offset"),))
            if time is not None and not 1970 <= time.year < 9999:
                raise Invalid("a time is out of range", errors=((name, "not before 1970"),))
        until = now if end is None else int(end.timestamp() * 1000)
        since = until - days * DAY_MS if start is None else int(start.timestamp() * 1000)
        if since >= until:
            raise Invalid("the period is empty", errors=(("from", "must come before `to`"),))
        if until - since > MAX_REPORT_DAYS * DAY_MS:
            raise Invalid("the period is too long", errors=(("from", f"at most {MAX_REPORT_DAYS} days"),))
        return cls(since, until)

    def in_whole_hours(self) -> Period:
        """The period with its ends moved out to whole hours, in UTC."""
        return Period(self.start - self.start % HOUR_MS, self.end + -self.end % HOUR_MS)


class Queue(msgspec.Struct, frozen=True):
    """Open conversations that no agent and no bot holds."""

    waiting: Annotated[Count, about("How many are waiting")]
    oldest_waiting_since: Annotated[Timestamp | None, about("Since when the oldest has been waiting")]


class Durations(msgspec.Struct, frozen=True):
    """In seconds, for conversations created in the period. Percentiles of the inbox's statistics are within 1 %."""

    count: Annotated[Count, about("How many conversations had one")]
    p50_s: Annotated[float | None, about("The median, in seconds", 42.5)]
    p90_s: Annotated[float | None, about("The 90th percentile, in seconds", 310.0)]


class DayVolume(msgspec.Struct, frozen=True):
    """One day in UTC. Notes do not count as messages."""

    date: Annotated[str, about("The day", "2026-03-02")]
    conversations: Annotated[Count, about("Conversations created")]
    inbound: Annotated[Count, about("Messages of customers")]
    outbound: Annotated[Count, about("Messages to customers")]


class Volume(msgspec.Struct, frozen=True):
    conversations: Annotated[Count, about("Conversations created")]
    inbound: Annotated[Count, about("Messages of customers")]
    outbound: Annotated[Count, about("Messages to customers")]
    days: Annotated[list[DayVolume], about("The same figures by day")]


class Csat(msgspec.Struct, frozen=True):
    """A conversation's last score in the period counts."""

    count: Annotated[Count, about("How many conversations were rated")]
    average: Annotated[float | None, about("The mean score, from 1 to 5", 4.6)]
    distribution: Annotated[dict[str, int], about("Score → how many customers gave it", {"5": 3})]


class AiFigures(msgspec.Struct, frozen=True):
    """`bot_message_share`: of all outbound messages."""

    bot_messages: Annotated[Count, about("Messages that bots wrote")]
    bot_message_share: Annotated[
        float | None, about("Their share of all messages to customers, from 0 to 1", 0.4)
    ]
    handoffs: Annotated[Count, about("How often a human was requested")]


class InboxStats(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """`statuses` and `queue` are as of now; everything else covers the period, which is moved out to whole hours (UTC)."""

    start: Annotated[Timestamp, about("The beginning of the period")]
    end: Annotated[Timestamp, about("The end of the period")]
    statuses: Annotated[
        dict[str, int], about("Status → how many conversations have it now", {"open": 3, "assigned": 2})
    ]
    queue: Annotated[Queue, about("The queue now")]
    first_reply: Annotated[Durations, about("Time until an agent's first reply")]
    resolution: Annotated[Durations, about("Time until the resolution")]
    volume: Annotated[Volume, about("Conversations and messages")]
    csat: Annotated[Csat, about("Customers' ratings")]
    ai: Annotated[AiFigures, about("Bots' work")]
