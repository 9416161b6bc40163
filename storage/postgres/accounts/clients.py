"""API clients, which request service tokens, on Postgres. Only hashes of their secrets are stored."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ....core.accounts.records import ApiClient, Page, Place
from ....core.conversation.entries import Actor
from ..database import Database
from ..pages import bounds, page_of
from ..queries import sql
from .audit import record

CACHED_FOR = 60.0
"""Seconds a secret is cached. Deleted clients are refused sooner: gateways poll for them (`http/auth/revocations.py`)."""
MAX_CACHED = 10_000
"""Secrets in the cache; the oldest is dropped first."""
_COLUMNS = sql("client_columns")


def _client(row: Sequence[Any]) -> ApiClient:
    return ApiClient(*row)


class PostgresClients:
    """`core.ports.resources.ClientStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_secret: OrderedDict[bytes, tuple[float, tuple[str, str]]] = OrderedDict()

    async def create(
        self, account_id: str, client_id: str, name: str, secret_hash: bytes, by: Actor
    ) -> ApiClient:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(
                sql("client_create", columns=_COLUMNS), client_id, account_id, name, secret_hash
            )
            target = ("api_client", client_id)
            await record(connection, account_id, by, "api_client.created", target, {"name": name})
        assert row is not None
        return _client(row)

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[ApiClient]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("clients_page", columns=_COLUMNS), *bounds(after, limit))
        return page_of(rows, _client, limit)

    async def delete(self, account_id: str, client_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            name = await connection.fetchval(sql("client_delete"), client_id)
            if name is None:
                return False
            target = ("api_client", client_id)
            await record(connection, account_id, by, "api_client.deleted", target, {"name": name})
        return True

    async def secret(self, client_id: str) -> tuple[str, bytes] | None:
        async with self._database.system() as connection:
            row = await connection.fetchrow(sql("client_secret"), client_id)
        return (row[0], row[1]) if row is not None else None

    def at_hand(self, secret_hash: bytes) -> tuple[str, str] | None:
        cached = self._by_secret.get(secret_hash)
        return cached[1] if cached is not None and time.monotonic() - cached[0] < CACHED_FOR else None

    async def by_secret(self, secret_hash: bytes) -> tuple[str, str] | None:
        if (known := self.at_hand(secret_hash)) is not None:
            return known
        async with self._database.system() as connection:
            row = await connection.fetchrow(sql("client_by_secret"), secret_hash)
        if row is None:
            return None
        found = self._by_secret[secret_hash] = (time.monotonic(), (row[0], row[1]))
        if len(self._by_secret) > MAX_CACHED:
            self._by_secret.popitem(last=False)
        return found[1]

    async def used(self, client_id: str) -> bool:
        async with self._database.system() as connection:
            return await connection.fetchval(sql("client_used"), client_id) is not None

    async def revoked(self, since: int | None) -> list[tuple[str, int]]:
        async with self._database.system() as connection:
            return [tuple(row) for row in await connection.fetch(sql("clients_revoked"), since)]
