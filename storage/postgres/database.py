"""Connections to Postgres: for the system's work, and for one account, bound to it by row-level security.

Nothing outside `storage/` holds a connection. `Database` lends one for a block and takes it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from ...core.errors import DISK_FULL, Invalid, NotFound, Overloaded, StorageUnavailable
from .fair_shares import FairShares
from .roles import APP_ROLE, SYSTEM_ROLE, Login, login

log = structlog.get_logger(__name__)

UNREACHABLE = frozenset({"08", "57", "53", "58", "40", "55", "25"})
"""SQLSTATE classes that mean "not now" rather than "not this": connection, operator, resources, system, lock."""

UNFIT = frozenset({"22000", "22001", "22003", "22007", "22008", "22021", "22P02", "22P05"})
"""SQLSTATEs of values that Postgres refuses: out of range, too long, no such time or number, or with characters that text cannot
contain."""

ACQUIRE_DEADLINE = 5.0
"""Seconds to wait for a free connection: 503."""
SYSTEM_DEADLINE = 10.0
"""Seconds for which the system's work waits for a reply of Postgres."""
SYSTEM_TIMEOUT = 30.0
"""Seconds after which Postgres cancels a statement or transaction of the system's work."""
READ_TIMEOUT = 5.0
"""Seconds after which Postgres cancels a statement of an API request, or an idle transaction: 503."""
LOCK_TIMEOUT = 3.0
"""Seconds for which a statement of an API request waits for a lock: 503."""
EXPENSIVE_TIMEOUT = 20.0
"""Like READ_TIMEOUT, for reads through `Database.expensive`."""
EXPENSIVE_WAIT = 10.0
"""Seconds for which such a read waits for a connection: 503."""
ANSWER_MARGIN = 2.0
"""Seconds after a time-out of Postgres until it counts as gone, since it has not even reported the time-out."""

_TIMED_OUT = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)

Connection = PoolConnectionProxy


async def _keep(_: object) -> None:
    """Pool reset hook: connections change no session state except the account, which every use sets."""


class Database:
    """Three pools on one server, with the sessions of two roles (`roles.py`).

    `system()` works across accounts: the journal, activation, look-ups that must find the account first. `account(id)` sees
    only that account's rows. `expensive(id)` does the same over separate connections, so that other requests never wait for
    one that reads much. Accounts take turns at both (`fair_shares.py`).

    Raises Overloaded when no connection comes free within ACQUIRE_DEADLINE (EXPENSIVE_WAIT), or when a request's statement
    times out; StorageUnavailable when the database cannot be used, whatever the driver's error was.
    """

    def __init__(
        self,
        system: asyncpg.Pool,
        app: asyncpg.Pool,
        expensive: asyncpg.Pool | None = None,
        *,
        app_size: int = 8,
        expensive_size: int = 1,
    ) -> None:
        """`app_size`, `expensive_size`: the maximum sizes of those pools."""
        self._system = system
        self._app = app
        self._expensive = expensive or app
        self._shares = FairShares(app_size, wait=ACQUIRE_DEADLINE)
        self._expensive_shares = FairShares(expensive_size, wait=EXPENSIVE_WAIT)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        system: int = 4,
        app: int = 8,
        expensive: int = 1,
        app_url: str | None = None,
        system_url: str | None = None,
        read_timeout: float = READ_TIMEOUT,
        expensive_timeout: float = EXPENSIVE_TIMEOUT,
    ) -> Database:
        """Open one connection now, to detect a wrong URL, and the others on demand. `system`, `app`, `expensive`: pool sizes.

        `url` is the owner's; it says where the database is, but nobody logs in as the owner here. `app_url`, `system_url`:
        see `roles.login`. Time-outs are in seconds.
        """
        for_app, for_system = login(url, APP_ROLE, app_url), login(url, SYSTEM_ROLE, system_url)
        return cls(
            await _pool(for_system, 1, system, SYSTEM_TIMEOUT, deadline=SYSTEM_DEADLINE),
            await _pool(for_app, 0, app, read_timeout, lock_timeout=min(LOCK_TIMEOUT, read_timeout)),
            await _pool(for_app, 0, expensive, expensive_timeout, lock_timeout=LOCK_TIMEOUT),
            app_size=app,
            expensive_size=expensive,
        )

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        async with self._acquired(self._system) as connection:
            yield connection

    @asynccontextmanager
    async def account(self, account_id: str) -> AsyncIterator[Connection]:
        """For quick work: a page, an object, a small write."""
        async with self._shares.turn(account_id), self._bound(self._app, account_id) as connection:
            yield connection

    @asynccontextmanager
    async def expensive(self, account_id: str) -> AsyncIterator[Connection]:
        """For what may read much of an account: statistics, searches, whole histories.

        `http/framework/expensive_reads.py` decides which requests may.
        """
        async with (
            self._expensive_shares.turn(account_id),
            self._bound(self._expensive, account_id) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def _bound(self, pool: asyncpg.Pool, account_id: str) -> AsyncIterator[Connection]:
        try:
            async with self._acquired(pool) as connection:
                await connection.execute("SELECT set_config('tertulia.account', $1, false)", account_id)
                yield connection
        except StorageUnavailable as error:
            if isinstance(error.__cause__, _TIMED_OUT):
                raise Overloaded(
                    "the database took too long; ask for less, or try again later", retry_after=5
                ) from error
            raise
        except asyncpg.ForeignKeyViolationError as error:
            # A valid token of an account that was never created, or is gone.
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
                raise Overloaded("no database connection became free in time", retry_after=1) from error
            try:
                yield connection
            except asyncpg.InternalClientError:
                connection.terminate()  # its session is over, but the pool would lend it again
                raise
            finally:
                await pool.release(connection)
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            if not unreachable(error):
                raise
            raise storage_unavailable(error) from error

    async def close(self) -> None:
        """Close the pools. Connections still in use after five seconds are cut."""
        for pool in {self._expensive, self._app, self._system}:
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


async def _pool(
    login: Login,
    least: int,
    most: int,
    timeout: float,
    *,
    lock_timeout: float | None = None,
    deadline: float | None = None,
) -> asyncpg.Pool:
    """A pool for one kind of work. `timeout` (s) ends its statements and idle transactions.

    `transaction_timeout` would end the whole connection, so it is longer, and only affects transactions of several statements.
    """
    transaction_timeout = max(SYSTEM_TIMEOUT, 2 * timeout)
    milliseconds = str(round(timeout * 1000))
    settings = {
        "application_name": "tertulia",
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
    }
    if lock_timeout is not None:
        settings["lock_timeout"] = str(round(lock_timeout * 1000))

    async def init(connection: asyncpg.Connection) -> None:
        if connection.get_server_version().major >= 17:  # unknown to older ones
            await connection.execute(f"SET transaction_timeout = {round(transaction_timeout * 1000)}")

    return await asyncpg.create_pool(
        login.url,
        min_size=least,
        max_size=most,
        init=init,
        reset=_keep,
        server_settings=settings,
        timeout=ACQUIRE_DEADLINE,
        command_timeout=deadline or timeout + ANSWER_MARGIN,
        max_inactive_connection_lifetime=300.0,
        **login.options,
    )


def unreachable(error: BaseException) -> bool:
    """Whether `error` means that the database cannot be used now, as opposed to a fault of the request."""
    if isinstance(error, asyncpg.PostgresError):
        return (getattr(error, "sqlstate", None) or "08")[:2] in UNREACHABLE
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return False  # asyncpg's own DataError: the argument could not be encoded and was not sent
    return isinstance(error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError))


def _unfit(error: BaseException) -> bool:
    """Whether `error` means that the database cannot store an argument. Requests should have been validated before."""
    if isinstance(error, asyncpg.PostgresError):
        return getattr(error, "sqlstate", None) in UNFIT
    return isinstance(error, ValueError)  # asyncpg's own DataError


def storage_unavailable(error: BaseException) -> StorageUnavailable:
    """The error that a client gets while the database is away, or its disk is full."""
    if isinstance(error, asyncpg.DiskFullError):
        return StorageUnavailable(DISK_FULL, retry_after=5)
    return StorageUnavailable("the database cannot be reached at the moment", retry_after=1)
