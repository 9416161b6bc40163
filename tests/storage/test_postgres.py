"""What callers see when the database is unreachable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest

from tertulia.core.errors import Invalid, StorageUnavailable
from tertulia.storage.postgres.database import Database

SOCKET = ".s.PGSQL.5432"


class LateCloses:
    """A way to the database on which its last words come through, and the end of the connection only when told."""

    def __init__(self, url: str, folder: Path) -> None:
        """`folder`: where to listen, in place of the folder of the database's own socket."""
        (self._there,) = parse_qs(urlsplit(url).query)["host"]
        self._here = folder
        self.url = url.replace(quote(self._there, safe=""), quote(str(folder), safe=""))
        assert self.url != url
        self.silent = asyncio.Event()
        self.end = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[LateCloses]:
        server = await asyncio.start_unix_server(self._serve, self._here / SOCKET)
        try:
            yield self
        finally:
            self.end.set()
            server.close()
            await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_unix_connection(Path(self._there) / SOCKET)
        asking = asyncio.create_task(self._copy(reader, to_there))
        self._tasks.add(asking)
        await self._copy(there, writer)
        self.silent.set()
        await self.end.wait()
        for end in (writer, to_there):
            end.close()
        await asking

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(2**16):
                writer.write(piece)


async def test_a_session_that_ended_between_uses_is_an_outage(
    postgres_url: str, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    async with LateCloses(postgres_url, tmp_path).open() as way:
        database = await Database.connect(way.url, system=1, app=1)
        async with database.system() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        async with asyncio.timeout(30):
            await way.silent.wait()
        with pytest.raises(StorageUnavailable):
            async with database.system() as connection:
                await connection.fetchval("SELECT 1")
        async with database.system() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") != pid
        way.end.set()
        await database.close()


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("SELECT $1::int", 2**40),
        ("SELECT $1::bigint", 2**70),
        ("SELECT $1::bigint::int", 2**40),
        ("SELECT to_timestamp($1::float8)", 1e15),
        ("SELECT $1::uuid", "no uuid"),
        ("SELECT $1::text::uuid", "no uuid"),
        ("SELECT $1::text", "a\0b"),
        ("SELECT $1::text::jsonb", '"\\u0000"'),
        ("SELECT $1::text", "\ud800"),
    ],
)
async def test_a_value_that_the_database_cannot_take_is_refused(
    database: Database, query: str, value: object
) -> None:
    account = "00000000-0000-0000-0000-000000000001"
    with pytest.raises(Invalid):
        async with database.account(account) as connection:
            await connection.fetchval(query, value)
    with pytest.raises(asyncpg.DivisionByZeroError):  # a bug of ours, not a bad value
        async with database.account(account) as connection:
            await connection.fetchval("SELECT 1 / 0")
