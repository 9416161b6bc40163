"""The queue of event webhook deliveries, filled from account feeds, on Postgres.

Turning a webhook's feed into deliveries, and claiming them, locks the webhook's row. So its events are delivered in order
and queued once, with at most MAX_UNDER_WAY requests at a time, whatever the number of processes.
"""

from __future__ import annotations

import random
import time

import msgspec
import structlog

from ....core.conversation.entries import Actor
from ....core.ids import new_id
from ....core.webhooks.delivery import Attempt, Judgement
from ....core.webhooks.events import OutgoingEvent, body_of, outgoing, wanted
from ....core.webhooks.records import Claimed, DisabledReason
from ..accounts.audit import record
from ..database import Connection, Database
from ..queries import sql
from ..rows import entry_from_row
from .event_webhooks import webhook_from_row, without_query

log = structlog.get_logger(__name__)

WEBHOOKS = 16
"""Webhooks that one call of `pump` advances."""
MAX_UNDER_WAY = 8
"""Requests to one webhook at a time."""
CLAIM = 60.0
"""Seconds that a claim lasts, well above the deadline of a request. After that another process sends the delivery."""
AFTER_OUTAGE = 300.0
"""Seconds of failing after which the first success makes pending deliveries due at once."""
TRIMMED = 200
"""Webhooks whose logs one call trims."""
_SERVER = Actor("system")


class EventQueueBounds(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one webhook's queue: rows queued, advanced at once, and kept."""

    page: int = 200
    """Entries of a feed that one call of `pump` turns into deliveries."""
    unsettled: int = 1000
    """Pending deliveries of one webhook. When full, its position stays where it is, and the feed itself is the queue."""
    kept: int = 10_000
    """Settled deliveries of one webhook that are kept; the oldest are deleted first."""
    kept_days: float = 30.0


class PostgresEventQueue:
    """`core.ports.event_webhooks.EventQueue` on Postgres."""

    def __init__(
        self,
        database: Database,
        bounds: EventQueueBounds = EventQueueBounds(),  # noqa: B008 - it is immutable
    ) -> None:
        self._database = database
        self._bounds = bounds

    async def pump(self) -> int:
        async with self._database.system() as connection, connection.transaction():
            rows = await connection.fetch(sql("event_pump_lock"), WEBHOOKS, self._bounds.unsettled)
            pages: dict[tuple[str, int], FeedPage | None] = {}
            for webhook_id, account_id, types, position, generation, head in rows:
                key = account_id, position
                if key not in pages:
                    pages[key] = await read_feed(
                        connection, account_id, position, self._bounds.page, generation, head
                    )
                page = pages[key]
                if page is not None:
                    await _insert(
                        connection, account_id, webhook_id, [e for e in page.events if wanted(types, e.type)]
                    )
                reached = position if page is None else page.end
                await connection.execute(sql("event_pump_move"), webhook_id, reached, generation)
        return sum(page is not None for page in pages.values())

    async def claim(self, most: int) -> list[Claimed]:
        columns = sql("event_webhook_columns")
        async with self._database.system() as connection:
            await connection.execute(sql("event_claims_return"))
            async with connection.transaction():
                locked = [row[0] for row in await connection.fetch(sql("event_claim_lock"), most)]
                if not locked:
                    return []
                rows = await connection.fetch(
                    sql("event_claim", columns=columns), locked, MAX_UNDER_WAY, most, CLAIM
                )
        return [
            Claimed(i, webhook_from_row(webhook), event_id, payload, attempts)
            for i, event_id, payload, attempts, *webhook in rows
        ]

    async def finish(
        self,
        claimed: Claimed,
        attempt: Attempt,
        judgement: Judgement,
        wait: float | None,
        disable_after: float,
    ) -> DisabledReason | None:
        webhook_id = claimed.webhook.id
        settled = "delivered" if judgement == "delivered" else "failed"
        async with self._database.system() as connection, connection.transaction():
            held = await connection.fetchval(
                sql("event_finish"),
                claimed.id,
                claimed.attempts,
                settled if wait is None else "pending",
                wait,
                attempt.status,
                attempt.excerpt or None,
                attempt.error,
                attempt.duration_ms,
                webhook_id,
            )
            if held is None:
                return None
            if judgement == "delivered":
                await connection.execute(sql("event_webhook_succeeded"), webhook_id, AFTER_OUTAGE)
                return None
            row = await connection.fetchrow(
                sql("event_webhook_failed"), webhook_id, judgement == "gone", disable_after
            )
            if row is None or row[1] is None:
                return None
            account_id, reason = row
            await connection.execute(sql("event_webhook_give_up"), webhook_id, "the webhook was disabled")
            details = {"url": without_query(claimed.webhook.url), "reason": reason}
            target = "event_webhook", webhook_id
            await record(connection, account_id, _SERVER, "event_webhook.disabled", target, details)
        return reason

    async def trim(self) -> int:
        async with self._database.system() as connection:
            return await connection.fetchval(
                sql("event_trim"), self._bounds.kept_days, self._bounds.kept, TRIMMED
            )


class FeedPage(msgspec.Struct, frozen=True):
    """Events of a feed. They are complete up to position `end`."""

    events: list[OutgoingEvent]
    end: int


async def read_feed(
    connection: Connection, account_id: str, after: int, limit: int, generation: str, head: int
) -> FeedPage | None:
    """A page of a feed whose head is `head` or later, in a transaction that has locked the reader's row.

    A short page ends at the head, even if the last entries are no longer kept. Returns None if this version cannot decode an
    entry, as during a rolling upgrade; then the newer version continues.
    """
    columns = sql("entry_columns")
    rows = await connection.fetch(sql("feed_read", columns=columns), account_id, after, limit)
    try:
        entries = [entry_from_row(row) for row in rows]
    except msgspec.ValidationError as error:
        log.error("feed_not_readable", account=account_id, after=after, error=str(error))
        return None
    last = entries[-1].position if entries else 0
    events = [event for entry in entries for event in outgoing(entry, generation)]
    return FeedPage(events, last if len(entries) == limit else max(head, last))


async def _insert(
    connection: Connection, account_id: str, webhook_id: str, events: list[OutgoingEvent]
) -> None:
    if not events:
        return
    now = time.time_ns() // 1_000_000
    # The number takes the place of the first random bits of a UUIDv7, so that ids are ordered (RFC 9562, section 6.2).
    ids = [new_id(now, n << 62 | random.getrandbits(62)) for n in range(len(events))]
    await connection.execute(
        sql("event_pump_insert"),
        account_id,
        webhook_id,
        ids,
        [e.id for e in events],
        [e.type for e in events],
        [e.conversation_id for e in events],
        [body_of(e) for e in events],
    )
