"""Agents: rows made on first use, for whoever holds a valid token."""

from __future__ import annotations

import asyncpg
import structlog

from ..core.errors import NotFound
from .postgres import Database, unreachable

log = structlog.get_logger(__name__)


class PostgresAgents:
    """`core.ports_http.AgentStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure(self, account_id: str, user_id: str) -> None:
        try:
            async with self._database.account(account_id) as connection:
                await connection.execute(
                    "INSERT INTO agents (account_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    account_id,
                    user_id,
                )
        except NotFound:
            pass  # no such account: what the token asks for will not be there either
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            if not unreachable(error):
                raise
            log.warning("agent_row_skipped", error=repr(error))
