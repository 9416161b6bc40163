"""Conversations and their histories, as clients read them. Bound to the caller's account by row-level security."""

from __future__ import annotations

from ....core.conversation.entries import Entry
from ....core.conversation.state import Conversation
from ....core.ports.http import ThreadOwner
from ..database import Database
from ..queries import sql
from ..rows import conversation_from_row, entry_from_row

_COLUMNS = sql("conversation_columns")
_ENTRY = sql("shown_columns")  # messages with their present delivery status


class PostgresConversations:
    """`core.ports.http.ConversationStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, account_id: str, conversation_id: str) -> Conversation | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("load_conversations", columns=_COLUMNS), [conversation_id])
        return conversation_from_row(row) if row is not None else None

    async def many(self, account_id: str, conversations: list[str]) -> list[Conversation]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("load_conversations", columns=_COLUMNS), conversations)
        return [conversation_from_row(row) for row in rows]

    async def threads(self, account_id: str, conversations: list[str]) -> dict[str, ThreadOwner]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("conversation_threads"), conversations)
        return {row[0]: ThreadOwner(row[1], row[2]) for row in rows}

    async def of_thread(self, account_id: str, channel_id: str, identifier: str) -> list[str]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("conversations_of_thread"), account_id, channel_id, identifier)
        return [row[0] for row in rows]

    async def account_of(self, conversation_id: str) -> str | None:
        async with self._database.system() as connection:
            return await connection.fetchval(sql("conversation_account"), conversation_id)

    async def with_bots(self, account_id: str, outlet_id: str | None, limit: int) -> list[Conversation]:
        query = sql("conversations_with_bots", columns=_COLUMNS)
        async with self._database.expensive(account_id) as connection:
            rows = await connection.fetch(query, account_id, outlet_id, limit)
        return [conversation_from_row(row) for row in reversed(rows)]

    async def messages(
        self,
        account_id: str,
        conversations: list[str],
        *,
        before: int | None,
        after: int | None,
        limit: int,
        public: bool,
    ) -> list[Entry]:
        query = sql(
            "messages_after" if after is not None and before is None else "messages_before", columns=_ENTRY
        )
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(query, conversations, before, after, limit, public)
        return [entry_from_row(row) for row in rows]

    async def entries(self, account_id: str, conversation_id: str, *, after: int, limit: int) -> list[Entry]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("entries_after", columns=_ENTRY), conversation_id, after, limit)
        return [entry_from_row(row) for row in rows]
