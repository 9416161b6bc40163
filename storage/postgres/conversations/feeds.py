"""Account feeds on Postgres: their heads, and the entries after a position."""

from __future__ import annotations

from collections.abc import Sequence

from ....core.conversation.entries import Entry
from ....core.ports.feeds import FeedHead
from ..database import Database
from ..queries import sql
from ..rows import entry_from_row


class PostgresFeeds:
    """`core.ports.feeds.FeedArchive` on Postgres. Reads are bound to an account by row-level security, except the heads,
    which have no content.

    Messages come with their present delivery status, or with `as_stored` as they were committed, for readers that cache them.
    """

    def __init__(self, database: Database, *, as_stored: bool = False) -> None:
        self._database = database
        self._columns = sql("entry_columns" if as_stored else "shown_columns")

    async def heads(self, accounts: Sequence[str]) -> list[FeedHead]:
        async with self._database.system() as connection:
            return [FeedHead(*row) for row in await connection.fetch(sql("feed_heads"), accounts)]

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("feed_read", columns=self._columns), account_id, after, limit)
        return [entry_from_row(row) for row in rows]

    async def read_conversations(
        self, account_id: str, conversations: list[str], after: int, until: int, limit: int
    ) -> list[Entry]:
        """A page of some conversations' entries after one position and up to another, in feed order."""
        query = sql("feed_read_conversations", columns=self._columns)
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(query, account_id, conversations, after, until, limit)
        return [entry_from_row(row) for row in rows]
