"""A real Postgres for the tests of this folder: started once, migrated and shared; each test uses accounts of its own.

Contract suites run against it and against the in-memory implementations (`backend`).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
from backends import Backend, MemoryBackend, PostgresBackend
from event_rig import EventRig
from receivers import Receiver, receiving
from samples import Scribe
from timed_host import Running

from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate
from tertulia.storage.postgres.database import Database


@pytest.fixture(scope="session")
async def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The schema's owner at a server with every migration applied."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    await server.start()
    try:
        await migrate.upgrade(server.url)
        yield server.url
    finally:
        await server.stop("immediate")


@pytest.fixture(scope="session")
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """The pools that the stores use."""
    database = await Database.connect(postgres_url, system=24, app=8)
    yield database
    await database.close()


@pytest.fixture
async def owner(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the schema's owner, outside row-level security, to prepare data and inspect it."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def account_id(owner: asyncpg.Connection) -> str:
    """A fresh account with its feed."""
    made = str(uuid.uuid4())
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Test')", made)
    await owner.execute("INSERT INTO account_feeds (account_id) VALUES ($1)", made)
    return made


@pytest.fixture
async def postgres(database: Database, postgres_url: str) -> AsyncIterator[PostgresBackend]:
    backend = PostgresBackend(database, postgres_url)
    await backend.reset()
    yield backend


@pytest.fixture(params=["memory", "postgres"])
def backend(request: pytest.FixtureRequest) -> Backend:
    # on demand: the in-memory backend needs no server
    return MemoryBackend() if request.param == "memory" else request.getfixturevalue("postgres")


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture
def partition() -> int:
    return random.randrange(1024)


@pytest.fixture
async def events(
    postgres: PostgresBackend, owner: asyncpg.Connection, account_id: str
) -> AsyncIterator[EventRig]:
    """The only account whose events are delivered meanwhile."""
    rig = EventRig(postgres, owner, account_id)
    yield rig
    await rig.stop()
    await owner.execute("DELETE FROM event_webhooks")
    await owner.execute("DELETE FROM event_streams")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def running(database: Database, account_id: str) -> AsyncIterator[Running]:
    """A host that owns every partition."""
    made = Running(database, account_id)
    await made.start()
    yield made
    await made.stop()
