"""The audit log: who changed what. The application's role can neither change nor delete a record."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from ....core.accounts.records import AuditRecord, Page, Place
from ....core.conversation.entries import Actor
from ....core.ids import new_id
from ..database import Connection, Database
from ..pages import bounds, page_of
from ..queries import sql


async def record(
    connection: Connection,
    account_id: str,
    by: Actor,
    action: str,
    target: tuple[str, str | None],
    details: dict[str, Any] | None = None,
) -> None:
    """Write a record in the transaction that makes the change."""
    await connection.execute(
        sql("audit_add"),
        new_id(time.time_ns() // 1_000_000, random.getrandbits(80)),
        account_id,
        by.type,
        by.id,
        action,
        *target,
        msgspec.json.encode(details or {}).decode(),
    )


def _record(row: Sequence[Any]) -> AuditRecord:
    i, at, kind, actor, action, target_type, target_id, details = row
    return AuditRecord(i, at, kind, actor, action, target_type, target_id, msgspec.json.decode(details))


class PostgresAudit:
    """`core.ports.resources.AuditStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        account_id: str,
        by: Actor,
        action: str,
        target: tuple[str, str | None],
        details: dict[str, Any] | None = None,
    ) -> None:
        async with self._database.account(account_id) as connection:
            await record(connection, account_id, by, action, target, details)

    async def page(
        self, account_id: str, action: str | None, target_id: str | None, after: Place | None, limit: int
    ) -> Page[AuditRecord]:
        filtered = action is not None or target_id is not None  # no index serves these
        session = self._database.expensive if filtered else self._database.account
        async with session(account_id) as connection:
            rows = await connection.fetch(sql("audit_page"), action, target_id, *bounds(after, limit))
        return page_of(rows, _record, limit)
