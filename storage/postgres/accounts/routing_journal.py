"""The routing journal as its account reads it, on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from ....core.routing.journal import BoardAt, Incomplete, RoutingEntry, board_at, decoded
from ..database import Database
from ..queries import sql

MAX_BOARD = 200_000
"""Entries read for one board; beyond this it is refused. Checkpoints lie closer together than this, even for the largest accounts."""


def _entry(row: Sequence[Any]) -> RoutingEntry:
    position, at, kind, data = row
    return decoded(position, at, kind, msgspec.json.decode(data))


class PostgresRoutingJournal:
    """`core.ports.supervision.RoutingJournalStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, account_id: str, after: int, limit: int) -> list[RoutingEntry]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("routing_journal_page"), after, limit)
        return [_entry(row) for row in rows]

    async def start(self, account_id: str, at: int) -> int | None:
        async with self._database.account(account_id) as connection:
            return await connection.fetchval(sql("routing_journal_start"), at)

    async def board(self, account_id: str, at: int) -> BoardAt | None:
        start = await self.start(account_id, at)
        if start is None:
            return None
        async with self._database.expensive(account_id) as connection:
            rows = await connection.fetch(sql("routing_journal_board"), at, start, MAX_BOARD)
        if len(rows) == MAX_BOARD:
            raise Incomplete(rows[-1][0])
        return await asyncio.to_thread(lambda: board_at(map(_entry, rows)))  # it takes as long as its entries
