"""A real Postgres for the tests of this folder: started once, migrated, shared. Tests keep apart by account."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tertulia.storage import migrate
from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import Database


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
    """What the product's stores are given."""
    database = await Database.connect(postgres_url)
    yield database
    await database.close()


@pytest.fixture
async def owner(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the schema's owner, outside row-level security, to set things up and look behind the curtain."""
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
