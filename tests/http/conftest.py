"""A real Valkey for the tests of this folder; a test may stop it and start it again."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from valkey_process import ValkeyServer

from tertulia.storage import valkey


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
