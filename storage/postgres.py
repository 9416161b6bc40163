"""Connections to Postgres: the system's own, and those bound to one account by row-level security.

Nothing outside `storage/` holds a connection; whoever needs one asks `Database` for it and gives it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from ..core.errors import Invalid, NotFound, Overloaded, StorageUnavailable

log = structlog.get_logger(__name__)

UNREACHABLE = frozenset({"08", "57", "53", "58", "40", "55", "25"})
"""SQLSTATE classes that say "not now" rather than "not this": connection, operator, resources, system, lock."""

UNFIT = frozenset({"22000", "22001", "22003", "22007", "22008", "22021", "22P02", "22P05"})
"""SQLSTATEs of values that asyncpg refuses to send or Postgres to take: out of range, too long, no such time or number, or with
characters that text cannot hold."""

ACQUIRE_DEADLINE = 5.0
QUERY_DEADLINE = 10.0
APP_ROLE = "tertulia_app"

Connection = PoolConnectionProxy


async def _keep(_: object) -> None:
    """Pool reset hook: our connections change no session state but the account, which every use sets."""


class Database:
    """Two pools on one server.

    `system()` stands outside row-level security: journal, activation, look-ups that must find an account first.
    `account(id)` sees that account's rows and no others. Waiting for a connection is bounded by
    ACQUIRE_DEADLINE, then Overloaded. A database that cannot be used is StorageUnavailable, whatever broke underneath:
    requests answer 503 then, without knowing of drivers.
    """

    def __init__(self, system: asyncpg.Pool, app: asyncpg.Pool) -> None:
        self._system = system
        self._app = app

    @classmethod
    async def connect(cls, url: str, *, system: int = 4, app: int = 8) -> Database:
        """Open both pools lazily: a first connection now, to learn of a wrong URL; at most `system`/`app` later."""
        settings = {"application_name": "tertulia", "statement_timeout": "30s", "transaction_timeout": "30s"}
        common: dict[str, Any] = {
            "command_timeout": QUERY_DEADLINE,
            "timeout": ACQUIRE_DEADLINE,
            "reset": _keep,
            "max_inactive_connection_lifetime": 300.0,
        }
        first = await asyncpg.create_pool(
            url, min_size=1, max_size=system, server_settings=settings, **common
        )
        second = await asyncpg.create_pool(
            url, min_size=0, max_size=app, server_settings=settings | {"role": APP_ROLE}, **common
        )
        return cls(first, second)

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        async with self._acquired(self._system) as connection:
            yield connection

    @asynccontextmanager
    async def account(self, account_id: str) -> AsyncIterator[Connection]:
        async with self._acquired(self._app) as connection:
            await connection.execute("SELECT set_config('tertulia.account', $1, false)", account_id)
            try:
                yield connection
            except asyncpg.ForeignKeyViolationError as error:
                # A token signed well for an account that was never made, or is gone.
                if str(getattr(error, "constraint_name", "")).endswith("_account_id_fkey"):
                    raise NotFound("no such account") from error
                raise
            except (asyncpg.DataError, asyncpg.InterfaceError) as error:
                if not _unfit(error):
                    raise
                log.warning("value_refused_by_database", exc_info=error)
                raise Invalid("a value is out of range") from error

    @asynccontextmanager
    async def _acquired(self, pool: asyncpg.Pool) -> AsyncIterator[Connection]:
        try:
            try:
                connection = await pool.acquire(timeout=ACQUIRE_DEADLINE)
            except TimeoutError as error:
                raise Overloaded("no database connection came free in time", retry_after=1) from error
            try:
                yield connection
            except asyncpg.InternalClientError:
                connection.terminate()  # it has been told that its session is over; the pool would give it out again
                raise
            finally:
                await pool.release(connection)
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            if not unreachable(error):
                raise
            raise storage_unavailable(error) from error

    async def close(self) -> None:
        """Close both pools; connections still in use after a few seconds are cut."""
        for pool in (self._app, self._system):
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


def unreachable(error: BaseException) -> bool:
    """Whether `error` says that the database cannot be used now, as opposed to a fault in what was asked."""
    if isinstance(error, asyncpg.PostgresError):
        return (getattr(error, "sqlstate", None) or "08")[:2] in UNREACHABLE
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return False  # asyncpg's own DataError: an argument that cannot be encoded was never sent
    return isinstance(error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError))


def _unfit(error: BaseException) -> bool:
    """Whether `error` says that an argument is not one the database can take: what a request brought should have been refused before."""
    if isinstance(error, asyncpg.PostgresError):
        return getattr(error, "sqlstate", None) in UNFIT
    return isinstance(error, ValueError)  # asyncpg's own DataError


def storage_unavailable(error: BaseException) -> StorageUnavailable:
    """The refusal a client sees while the database is away."""
    return StorageUnavailable("the database cannot be reached at the moment", retry_after=1)
