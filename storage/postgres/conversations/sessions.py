"""Sessions of conversations on Postgres. Their ids never change, and what is named later only fills what is empty, so found ones are cached."""

from __future__ import annotations

import time
from collections import OrderedDict

from ....core.conversation.state import Conversation
from ....core.errors import Overloaded
from ....core.ports.resources import Session
from ..database import Database
from ..queries import sql
from ..rows import conversation_from_row

MAX_CACHED = 50_000
"""Sessions in the cache; the least recently used is dropped first."""
CACHED_FOR = 60.0
"""Seconds a session is cached: how late this process sees that its customer was erased, or its bot named."""
_COLUMNS = sql("session_columns")


class PostgresSessions:
    """`core.ports.resources.SessionStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[tuple[str, str], tuple[float, Session]] = OrderedDict()

    def at_hand(self, account_id: str, session_id: str) -> Session | None:
        cached = self._cache.get((account_id, session_id))
        if cached is None or time.monotonic() - cached[0] >= CACHED_FOR:
            return None
        self._cache.move_to_end((account_id, session_id))
        return cached[1]

    async def find(self, account_id: str, session_id: str) -> Session | None:
        if (known := self.at_hand(account_id, session_id)) is not None:
            return known
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("session_find", columns=_COLUMNS), account_id, session_id)
        return None if row is None else self._kept(account_id, Session(*row))

    async def ensure(self, account_id: str, session: Session) -> Session:
        async with self._database.account(account_id) as connection:
            await connection.execute(
                sql("session_insert"),
                account_id,
                session.id,
                session.conversation_id,
                session.bot_id,
                session.local_id,
            )
            await connection.execute(
                sql("session_fill"), account_id, session.conversation_id, session.bot_id, session.local_id
            )
            row = await connection.fetchrow(
                sql("session_of", columns=_COLUMNS), account_id, session.conversation_id
            )
        if row is None:
            raise Overloaded("the conversation could not get a session id: repeat the call", retry_after=1)
        return self._kept(account_id, Session(*row))

    async def of(self, account_id: str, conversation_id: str) -> Session | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("session_of", columns=_COLUMNS), account_id, conversation_id)
        return None if row is None else self._kept(account_id, Session(*row))

    async def live(self, account_id: str, numbers: list[str]) -> Conversation | None:
        query = sql("session_live", columns=sql("conversation_columns"))
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(query, account_id, numbers)
        return None if row is None else conversation_from_row(row)

    def _kept(self, account_id: str, session: Session) -> Session:
        self._cache[account_id, session.id] = (time.monotonic(), session)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return session
