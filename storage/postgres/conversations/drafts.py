"""Agents' drafts on Postgres."""

from __future__ import annotations

from ....core.accounts.agents_and_teams import Draft
from ....core.errors import Conflict
from ..database import Database
from ..queries import sql

_COLUMNS = sql("draft_columns")
SHOWN = 100
"""Drafts of one conversation that are listed."""
MOST = 1000
"""Drafts of one agent; beyond it Conflict."""


class PostgresDrafts:
    """`core.ports.people.DraftStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, account_id: str, conversation_id: str, user_id: str, content: str, is_private: bool
    ) -> Draft | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            if await connection.fetchval(sql("draft_count"), account_id, user_id, conversation_id) >= MOST:
                raise Conflict(f"an agent has at most {MOST} drafts: send or delete some")
            row = await connection.fetchrow(
                sql("draft_put", columns=_COLUMNS), account_id, conversation_id, user_id, content, is_private
            )
        return None if row is None else Draft(*row)

    async def of(self, account_id: str, conversation_id: str) -> list[Draft]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("drafts_of", columns=_COLUMNS), conversation_id, SHOWN)
        return [Draft(*row) for row in rows]

    async def delete(self, account_id: str, conversation_id: str, user_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            return bool(await connection.fetchval(sql("draft_delete"), conversation_id, user_id))
