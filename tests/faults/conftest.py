"""The server under faults."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from serving import OwnServer


class Battered:
    """One server for all faults that a server must survive, one after the other."""

    def __init__(self) -> None:
        self.server: OwnServer | None = None

    async def end(self) -> None:
        if self.server is not None:
            await self.server.kill_all()
            shutil.rmtree(self.server.data, ignore_errors=True)
        self.server = None


@pytest.fixture(scope="session")
async def _battered() -> AsyncIterator[Battered]:
    battered = Battered()
    yield battered
    await battered.end()


@pytest.fixture
async def battered(
    _battered: Battered, shared: OwnServer, request: pytest.FixtureRequest
) -> AsyncIterator[OwnServer]:
    """A running server; a new one after a failed test, which may have left it in any state."""
    if shared.running:
        assert await shared.stop() == 0, shared.tail()
    if _battered.server is None or not _battered.server.running:
        _battered.server = OwnServer(Path(tempfile.mkdtemp(prefix="tertulia-")))
        await _battered.server.start()
    failed = request.session.testsfailed
    yield _battered.server
    if request.session.testsfailed > failed:
        await _battered.end()
