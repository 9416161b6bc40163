"""The Redis stream of all accounts' events: writing to it, and its positions in Postgres.

The stream is a copy. What Valkey loses is not written again, and after a failure events may be written twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from ...core.ports.event_webhooks import EventSink
from ...core.webhooks.events import OutgoingEvent
from ..postgres.database import Database
from ..postgres.delivery.event_queue import read_feed
from ..postgres.queries import sql
from .client import failures

ACCOUNTS = 8
"""Accounts that one call copies."""
PAGE = 100
"""Entries of an account that one call copies."""


class PostgresEventLog:
    """`core.ports.event_webhooks.EventLog` on Postgres. Holds an account's row while the sink writes: one writer at a time."""

    def __init__(self, database: Database, *, page: int = PAGE) -> None:
        self._database = database
        self._page = page

    async def start(self, stream: str) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("event_stream_start"), stream)

    async def pump(self, stream: str, sink: EventSink) -> int:
        async with self._database.system() as connection:
            await connection.execute(sql("event_stream_join"), stream)
            moved = 0
            async with connection.transaction():
                rows = await connection.fetch(sql("event_stream_lock"), stream, ACCOUNTS)
                for account_id, position, generation, head in rows:
                    page = await read_feed(connection, account_id, position, self._page, generation, head)
                    if page is not None:
                        await sink.append(page.events)
                        await connection.execute(sql("event_stream_move"), stream, account_id, page.end)
                        moved += 1
        return moved


class ValkeyEventStream:
    """`core.ports.event_webhooks.EventSink`: XADD with the fields id, type, account_id, event (JSON).

    `most`: about how many entries the stream keeps; the oldest are dropped first.
    """

    def __init__(self, client: Redis, name: str, most: int) -> None:
        self._client = client
        self._name = name
        self._most = most

    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        if not events:
            return
        with failures():
            async with self._client.pipeline(transaction=False) as pipe:
                for e in events:
                    fields = {"id": e.id, "type": e.type, "account_id": e.account_id, "event": e.event}
                    pipe.xadd(self._name, fields, maxlen=self._most, approximate=True)  # type: ignore[arg-type]
                await pipe.execute()
