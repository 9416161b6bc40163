"""The real server that acceptance tests share, and servers of their own for tests that break things."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from serving import OwnServer

Start = Callable[..., Awaitable[OwnServer]]


@pytest.fixture(scope="session")
def shared_data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tertulia-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def shared(shared_data: Path) -> AsyncIterator[OwnServer]:
    """The shared server, not necessarily running."""
    server = OwnServer(shared_data)
    yield server
    if server.running:
        assert await server.stop() == 0, server.tail()


@pytest.fixture
async def server(shared: OwnServer) -> OwnServer:
    """The shared server, running. What a test writes into it stays: use fresh customers."""
    if not shared.running:
        await shared.start()
    return shared


@pytest.fixture
async def own_server(shared: OwnServer, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a server that the test may break. The shared one gives way: two Rays would fight for the machine."""
    if shared.running:
        assert await shared.stop() == 0, shared.tail()
    made: list[OwnServer] = []

    async def start(environment: dict[str, str] | None = None, data: Path = tmp_path) -> OwnServer:
        server = OwnServer(data, environment)
        made.append(server)
        await server.start()
        return server

    yield start
    for server in made:
        await server.kill_all()
