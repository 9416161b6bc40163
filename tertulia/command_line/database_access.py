"""Work of a command on the server's database: connecting, and what may go wrong in one sentence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..settings import Settings
from ..storage.connection_faults import fault_of
from .common import database_url, fail, say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..storage.postgres.database import Database


def own_database_url(settings: Settings) -> str:
    """DATABASE_URL, for what creates or destroys. Fails without it: a running server's own database is not meant by accident."""
    if settings.database_url is None:
        fail("DATABASE_URL is not set; `tertulia serve` looks after its embedded database itself")
    return settings.database_url


async def with_database(settings: Settings, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Run `work` with pools of one connection each, and return its result."""
    from ..storage.postgres.database import Database

    app, system = settings.app_database_url, settings.system_database_url
    database = await Database.connect(database_url(settings), system=1, app=1, app_url=app, system_url=system)
    try:
        return await work(database)
    finally:
        await database.close()


def run(url: str, work: Any, lines: Any) -> Any:
    """The result of `work`, of which `lines` are printed. Whatever the database refuses ends the command."""
    import asyncpg

    from ..storage.postgres.databases import DatabaseError
    from ..storage.postgres.migrate import MigrationError
    from ..storage.postgres.roles import RolesError

    try:
        result = asyncio.run(work)
    except (DatabaseError, MigrationError, RolesError) as error:
        fail(str(error))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        fail(f"the database (DATABASE_URL) cannot be used: {fault_of(url, error, 5432)}")
    for line in lines(result):
        say(line)
    return result
