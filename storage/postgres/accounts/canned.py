"""Canned responses on Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ....core.accounts.agents_and_teams import CannedResponse, MacroActions, folded
from ....core.accounts.records import Page, Place
from ....core.conversation.entries import Actor
from ..database import Database
from ..pages import bounds, like_pattern, page_of
from ..queries import sql
from ..rows import json_or_none
from .audit import record
from .unique_names import UniqueName

_COLUMNS = sql("canned_columns")
_SHORT_CODE = UniqueName(
    "short_code", "another canned response has this short code", "canned_named", "canned_response_id"
)


def _canned(row: Sequence[Any]) -> CannedResponse:
    response, actions = CannedResponse(*list(row)[:-1]), row[-1]
    return (
        response
        if actions is None
        else replace(response, actions=msgspec.json.decode(actions, type=MacroActions))
    )


class PostgresCanned:
    """`core.ports.people.CannedStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, response: CannedResponse, by: Actor) -> CannedResponse:
        account_id, code = response.account_id, response.short_code
        async with _SHORT_CODE.change(self._database, account_id, code) as connection:
            row = await connection.fetchrow(
                sql("canned_create", columns=_COLUMNS),
                response.id,
                account_id,
                code,
                folded(code),
                response.title,
                response.content,
                response.category,
                response.created_by,
                json_or_none(response.actions),
            )
            target, details = ("canned_response", response.id), {"short_code": code}
            await record(connection, account_id, by, "canned_response.created", target, details)
        assert row is not None
        return _canned(row)

    async def get(self, account_id: str, response_id: str) -> CannedResponse | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("canned_get", columns=_COLUMNS), response_id)
        return _canned(row) if row is not None else None

    async def page(
        self, account_id: str, category: str | None, q: str | None, after: Place | None, limit: int
    ) -> Page[CannedResponse]:
        pattern = None if q is None else like_pattern(q)
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("canned_page", columns=_COLUMNS), category, pattern, *bounds(after, limit)
            )
        return page_of(rows, _canned, limit)

    async def update(
        self, account_id: str, response_id: str, changes: dict[str, Any], by: Actor
    ) -> CannedResponse | None:
        code = changes.get("short_code")
        async with _SHORT_CODE.change(self._database, account_id, code) as connection:
            row = await connection.fetchrow(
                sql("canned_update", columns=_COLUMNS),
                response_id,
                code,
                None if code is None else folded(code),
                changes.get("title"),
                changes.get("content"),
                "category" in changes,
                changes.get("category"),
                "actions" in changes,
                json_or_none(changes.get("actions")),
            )
            if row is not None:
                target, details = ("canned_response", response_id), {"fields": sorted(changes)}
                await record(connection, account_id, by, "canned_response.updated", target, details)
        return _canned(row) if row is not None else None

    async def delete(self, account_id: str, response_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            code = await connection.fetchval(sql("canned_delete"), response_id)
            if code is None:
                return False
            target, details = ("canned_response", response_id), {"short_code": code}
            await record(connection, account_id, by, "canned_response.deleted", target, details)
        return True
