"""Names that are unique within an account, compared folded: a team's name, a canned response's short code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from ....core.accounts.agents_and_teams import folded
from ....core.errors import Conflict
from ..database import Connection, Database
from ..queries import sql


class UniqueName(msgspec.Struct, frozen=True):
    """`holder_query` finds the id of the object with a name, by account and folded name."""

    field: str
    conflict: str
    holder_query: str
    holder_field: str

    @asynccontextmanager
    async def change(
        self, database: Database, account_id: str, name: str | None
    ) -> AsyncIterator[Connection]:
        """A transaction that sets the name (None: leaves it). Raises Conflict, naming the holder, if it is taken."""
        async with database.account(account_id) as connection:
            try:
                async with connection.transaction():
                    yield connection
            except asyncpg.UniqueViolationError:
                holder = await connection.fetchval(sql(self.holder_query), account_id, folded(name or ""))
                raise Conflict(
                    self.conflict,
                    errors=((self.field, "is taken"),),
                    current=None if holder is None else {self.holder_field: holder},
                ) from None
