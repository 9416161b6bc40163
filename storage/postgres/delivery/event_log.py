"""The positions up to which accounts' events have been copied into a stream or an exchange, in Postgres.

Events that the stream or the exchange loses are not written again; after a failure, events may be written twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....core.ports.event_webhooks import EventSink
from ..database import Database
from ..queries import sql
from .event_queue import read_feed

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

    async def note(self, stream: str, fault: str | None) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("event_stream_note"), stream, fault)

    async def faults(self, streams: Sequence[str]) -> dict[str, str]:
        async with self._database.system() as connection:
            return dict(await connection.fetch(sql("event_stream_faults"), list(streams)))

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
