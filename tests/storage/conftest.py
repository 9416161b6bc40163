"""The stores under contract: the twins in memory, and a real Postgres shared by the session's tests."""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from backends import Backend, MemoryBackend, PostgresBackend
from samples import Scribe

from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.migrate import upgrade
from tertulia.storage.postgres import Database


@pytest.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    # not tmp_path: the path of a unix socket must be short
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder))
        await server.start()
        try:
            await upgrade(server.url)
            yield server.url
        finally:
            await server.stop("immediate")


@pytest.fixture(scope="session")
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(postgres_url, system=24, app=4)
    yield database
    await database.close()


@pytest.fixture
async def postgres(database: Database, postgres_url: str) -> AsyncIterator[PostgresBackend]:
    backend = PostgresBackend(database, postgres_url)
    await backend.reset()
    yield backend


@pytest.fixture(params=["memory", "postgres"])
def backend(request: pytest.FixtureRequest) -> Backend:
    # only where it is wanted: memory alone needs no server
    return MemoryBackend() if request.param == "memory" else request.getfixturevalue("postgres")


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture
def partition() -> int:
    return random.randrange(1024)
