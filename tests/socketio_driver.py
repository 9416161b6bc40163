"""The real `socket.io-client` from npm, run by node and driven over pipes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from serving import ROOT

HERE = ROOT / "tests/acceptance/socketio_client"
WITHIN = 20.0


def installed() -> Path:
    """The folder with the driver and the locked packages, installed once for each lock. Raises AssertionError."""
    lock = (HERE / "package-lock.json").read_bytes() + (HERE / "drive.js").read_bytes()
    folder = ROOT / "build/socketio" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "ready").exists():
        _need_npm()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE, folder)
        done = subprocess.run(
            ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=300
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (folder / "ready").touch()
    return folder


def _need_npm() -> None:
    if shutil.which("npm") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "nodejs", "npm"]
        if subprocess.run(install, env=environment, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=False)
            subprocess.run(install, env=environment, capture_output=True, check=False)
    assert shutil.which("npm"), "npm is missing; install it: sudo apt-get install nodejs npm"


class Socket:
    """One socket of the driver. `events` has what it told: `{event, data, id}`."""

    def __init__(self, driver: Driver, name: str, namespace: str) -> None:
        self._driver = driver
        self.namespace = namespace
        self._acks = itertools.count(1)
        self.name = name
        self.events: list[dict[str, Any]] = []

    def do(self, what: str, **fields: Any) -> None:
        self._driver.write({"do": what, "socket": self.name, **fields})

    async def ask(self, event: str, data: Any = None) -> Any:
        """The acknowledgement of an event."""
        number = next(self._acks)
        self.do("emit", event=event, data={} if data is None else data, ack=number)
        return (await self.until(lambda e: e["event"] == "ack" and e.get("ack") == number))["data"]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["event"] == event]

    async def until(self, wanted: Callable[[dict[str, Any]], Any] | str, count: int = 1) -> dict[str, Any]:
        """The `count`th event that is wanted, waited for if need be."""

        def found() -> list[dict[str, Any]]:
            if isinstance(wanted, str):
                return self.of(wanted)
            return [e for e in self.events if wanted(e)]

        async with asyncio.timeout(WITHIN):
            while len(found()) < count:
                await self._driver.news()
        return found()[count - 1]


class Driver:
    """A node process with any number of sockets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._sockets: dict[str, Socket] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            self._sockets[said.pop("socket")].events.append(said)
            self._news.set()

    async def news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def write(self, said: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said).encode() + b"\n")

    def open(self, url: str, namespace: str, auth: Any = None, version: int = 4, **options: Any) -> Socket:
        socket = Socket(self, f"s{len(self._sockets)}", namespace)
        self._sockets[socket.name] = socket
        options = {"transports": ["websocket"], **options}
        socket.do("connect", url=url, namespace=namespace, auth=auth, options=options, version=version)
        return socket

    @property
    def sockets(self) -> list[Socket]:
        return list(self._sockets.values())

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        self._reading.cancel()


@contextlib.asynccontextmanager
async def driver() -> AsyncIterator[Driver]:
    folder = await asyncio.to_thread(installed)
    process = await asyncio.create_subprocess_exec(
        "node", "drive.js", cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**22
    )  # fmt: skip
    made = Driver(process)
    try:
        yield made
    finally:
        await made.close()
