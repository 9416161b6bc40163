"""Making accounts and what they start with. Across accounts by nature: for the command line and the demo."""

from __future__ import annotations

from typing import Any

import msgspec

from .postgres import Database


class PostgresAccounts:
    """Accounts and their first objects, made once: repeating a call changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: str, name: str, settings: dict[str, Any] | None = None) -> bool:
        """Make an account with its feed; False where it exists already."""
        async with self._database.system() as connection, connection.transaction():
            made = await connection.fetchval(
                "INSERT INTO accounts (id, name, settings) VALUES ($1, $2, $3::text::jsonb)"
                " ON CONFLICT DO NOTHING RETURNING true",
                account_id,
                name,
                msgspec.json.encode(settings or {}).decode(),
            )
            await connection.execute(
                "INSERT INTO account_feeds (account_id) VALUES ($1) ON CONFLICT DO NOTHING", account_id
            )
        return bool(made)

    async def add_channel(
        self, account_id: str, channel_id: str, type: str, name: str, credentials: bytes | None = None
    ) -> None:
        """Make a channel unless it exists."""
        async with self._database.system() as connection:
            await connection.execute(
                "INSERT INTO channels (id, account_id, type, name, credentials) VALUES ($1, $2, $3, $4, $5)"
                " ON CONFLICT DO NOTHING",
                channel_id,
                account_id,
                type,
                name,
                credentials,
            )

    async def add_agent(self, account_id: str, user_id: str, name: str) -> None:
        """Make an agent's row unless it exists."""
        async with self._database.system() as connection:
            await connection.execute(
                "INSERT INTO agents (account_id, user_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                account_id,
                user_id,
                name,
            )
