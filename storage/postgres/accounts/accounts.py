"""Accounts and their settings on Postgres; creating accounts and their first objects, for the command line and the demo."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from ....core.accounts.account_settings import known_settings, merge_settings, moves_timers
from ....core.accounts.records import Account
from ....core.conversation.entries import Actor
from ....core.errors import Conflict
from ....core.ids import PARTITIONS
from ..database import Database
from ..queries import sql
from .agents import ensure_agent
from .audit import record

CACHED_FOR = 60.0
"""Seconds for which an account is at hand."""
MAX_CACHED = 1_000
"""Accounts at hand; the one read longest ago is dropped first."""
_COLUMNS = sql("account_columns")


def _account(row: Sequence[Any]) -> Account:
    i, name, settings, *times = row
    return Account(i, name, msgspec.json.decode(settings), *times)


class PostgresAccounts:
    """`core.ports.resources.AccountStore`. Also creates accounts and their first objects; repeating such a call changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_hand: OrderedDict[str, tuple[float, Account]] = OrderedDict()

    async def create(self, account_id: str, name: str, settings: dict[str, Any] | None = None) -> bool:
        """Create an account with its feed. Returns False if it exists."""
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

    async def some_ids(self, limit: int) -> list[str]:
        """Ids of the oldest accounts."""
        async with self._database.system() as connection:
            rows = await connection.fetch(
                "SELECT id::text FROM accounts ORDER BY created_at, id LIMIT $1", limit
            )
        return [row[0] for row in rows]

    async def add_channel(
        self, account_id: str, channel_id: str, type: str, name: str, credentials: bytes | None = None
    ) -> None:
        """Create a channel unless it exists."""
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

    async def point_channel(self, account_id: str, channel_id: str, base_url: str) -> None:
        """Set a channel's base URL, unless it points to something other than this machine."""
        async with self._database.system() as connection:
            await connection.execute(
                "UPDATE channels SET config = config || jsonb_build_object('base_url', $3::text), updated_at = now()"
                " WHERE account_id = $1 AND id = $2 AND config ->> 'base_url' IS DISTINCT FROM $3"
                " AND coalesce(config ->> 'base_url', '') ~ '^(http://127[.]0[.]0[.]1:[0-9]+)?$'",
                account_id,
                channel_id,
                base_url,
            )

    async def add_agent(self, account_id: str, user_id: str, name: str) -> None:
        """Create an agent with default preferences, or rename an existing one."""
        async with self._database.system() as connection:
            await ensure_agent(connection, account_id, user_id, name)

    async def get(self, account_id: str) -> Account | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("account_get", columns=_COLUMNS), account_id)
        return self._kept(_account(row)) if row is not None else None

    def at_hand(self, account_id: str) -> Account | None:
        cached = self._at_hand.get(account_id)
        return cached[1] if cached is not None and time.monotonic() - cached[0] < CACHED_FOR else None

    def _kept(self, account: Account) -> Account:
        self._at_hand[account.id] = (time.monotonic(), account)
        self._at_hand.move_to_end(account.id)
        if len(self._at_hand) > MAX_CACHED:
            self._at_hand.popitem(last=False)
        return account

    async def update(
        self, account_id: str, name: str | None, settings: dict[str, Any] | None, by: Actor
    ) -> Account | None:
        try:
            async with self._database.account(account_id) as connection, connection.transaction():
                query = sql("account_get", columns=_COLUMNS) + " FOR NO KEY UPDATE"
                row = await connection.fetchrow(query, account_id)
                if row is None:
                    return None
                before = _account(row).settings
                stored = merge_settings(before, settings or {})
                merged = None if settings is None else msgspec.json.encode(stored).decode()
                row = await connection.fetchrow(
                    sql("account_update", columns=_COLUMNS), account_id, name, merged
                )
                if moves_timers(known_settings(before), known_settings(stored)):
                    await connection.execute(sql("rescheduling_request"), account_id, list(range(PARTITIONS)))
                details = {"settings": sorted(settings or {})} | ({"name": name} if name else {})
                await record(connection, account_id, by, "account.updated", ("account", account_id), details)
        except asyncpg.UniqueViolationError:
            raise Conflict(
                "another account has this sub-domain", errors=(("settings.sub_domain", "is taken"),)
            ) from None
        assert row is not None
        return self._kept(_account(row))
