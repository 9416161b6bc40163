"""A real Valkey and a real Postgres for the tests of this folder. A test may stop the Valkey and start it again."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from valkey_process import ValkeyServer

from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate
from tertulia.storage.postgres.database import Connection, Database
from tertulia.storage.valkey import client as valkey


@pytest.fixture(scope="session")
def valkey_folder() -> Iterator[Path]:
    # not tmp_path: the path of a unix socket must be short
    with tempfile.TemporaryDirectory(prefix="vk") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def shared_valkey(valkey_folder: Path) -> AsyncIterator[ValkeyServer]:
    server = ValkeyServer(valkey_folder)
    await server.start()
    yield server
    server.stop()


@pytest.fixture
async def valkey_server(shared_valkey: ValkeyServer) -> AsyncIterator[ValkeyServer]:
    yield shared_valkey
    if not shared_valkey.running:
        await shared_valkey.start()


@pytest.fixture
async def client(valkey_server: ValkeyServer) -> AsyncIterator[Redis]:
    client = valkey.connect(valkey_server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """A Postgres with every migration applied, as the product's stores are given it."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    await server.start()
    try:
        await migrate.upgrade(server.url)
        database = await Database.connect(server.url, system=12, app=8)
        yield database
        await database.close()
    finally:
        await server.stop("immediate")


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[Connection]:
    """Outside row-level security, to set things up and look behind the curtain."""
    async with database.system() as connection:
        yield connection
