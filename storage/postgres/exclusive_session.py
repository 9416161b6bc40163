"""A session of Postgres that holds an advisory lock. Whoever has the lock is the only one, until its process or its machine ends:
Postgres then ends the session, and with it the lock."""

from __future__ import annotations

import asyncpg

from .queries import sql

KEEPALIVES = {"tcp_keepalives_idle": "4", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}
"""Postgres ends the session of a machine that is gone after ten seconds."""
CONNECT_DEADLINE = 10
CHECK_DEADLINE = 3.0

ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # of a query just after Postgres has said that it ends an idle session, and before the connection is closed
    asyncpg.InternalClientError,
    TimeoutError,
)
"""What these methods raise while Postgres cannot be reached."""


class ExclusiveSession:
    """`key`: the lock, below 2**32; `label`: what others are told of who has it, at most 63 characters."""

    def __init__(self, url: str, key: int, label: str) -> None:
        self._url = url
        self._key = key
        self._label = label
        self._connection: asyncpg.Connection | None = None
        self._held = False

    async def try_acquire(self) -> str | None:
        """Acquire the lock, or confirm that we still have it: None. If another session has it: that one's label, which is our own if
        Postgres has not noticed yet that our last session is gone, and empty if the other one has just let it go. Raises ERRORS."""
        connection = await self._reached()
        try:
            if self._held:
                await connection.execute("SELECT 1")
                return None
            self._held = await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key)
            if self._held:
                return None
            return await connection.fetchval(sql("lock_holder"), self._key) or ""
        except ERRORS:
            connection.terminate()
            self._connection = None
            raise

    async def reach(self) -> None:
        """Connect, without asking for the lock. Raises ERRORS."""
        await self._reached()

    async def _reached(self) -> asyncpg.Connection:
        if self._connection is not None and self._connection.is_closed():
            self._connection = None
            raise ConnectionResetError("Postgres has ended the session")
        if self._connection is not None:
            return self._connection
        self._held = False
        made = self._connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_DEADLINE,
            command_timeout=CHECK_DEADLINE,
            server_settings={"application_name": self._label[:63], **KEEPALIVES},
        )
        return made

    async def close(self) -> None:
        """End the session, and with it the lock."""
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=CHECK_DEADLINE)
            except ERRORS:
                connection.terminate()
