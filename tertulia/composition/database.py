"""The composition of the database: how processes log in, and the time limits of their statements."""

from __future__ import annotations

import asyncpg

from ..settings import Settings
from ..storage.postgres.database import Database, storage_unavailable, unreachable


async def connect(settings: Settings, *, system: int, app: int) -> Database:
    """Connect. Raises StorageUnavailable while the database is away, so that actors can wait for it."""
    assert settings.database_url is not None
    try:
        return await Database.connect(
            settings.database_url,
            system=system,
            app=app,
            expensive=settings.expensive_reads,
            app_url=settings.app_database_url,
            system_url=settings.system_database_url,
            read_timeout=settings.database_timeout,
            expensive_timeout=settings.database_expensive_timeout,
        )
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        if not unreachable(error):
            raise
        raise storage_unavailable(error) from error
