"""The processes that the benchmarks start, and their CPU time, memory and children as seen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec

from tertulia.core.accounts.principal import Role
from tertulia.http.auth.tokens import TokenSigner
from tertulia.settings import Settings
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.database import Database

from . import load, readers

ROOT = Path(__file__).parents[1]
SECRET = "bench-" + "0" * 40
STOP_WITHIN = 60.0


class BenchError(Exception):
    """Why a measurement is invalid, in one sentence."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program of this project that prints `ready` and ends on SIGTERM."""

    def __init__(
        self,
        *arguments: str,
        env: dict[str, str] | None = None,
        program: tuple[str, ...] = (sys.executable, "-m"),
    ) -> None:
        self._arguments = (*program, *arguments)
        self._env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | (env or {})
        self._lines: list[str] = []
        self._reading: asyncio.Task[None] | None = None

    async def start(self, within: float = 120) -> float:
        """Start it. Returns the seconds until it was ready."""
        began = time.monotonic()
        self.process = await asyncio.create_subprocess_exec(
            *self._arguments,
            cwd=ROOT,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        ready = asyncio.get_running_loop().create_future()
        self._reading = asyncio.ensure_future(self._read(ready))
        try:
            await asyncio.wait_for(ready, within)
        except BaseException:
            await self.stop()
            raise
        return time.monotonic() - began

    async def _read(self, ready: asyncio.Future[None]) -> None:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self._lines = [*self._lines[-200:], line]
            if line.startswith("ready") and not ready.done():
                ready.set_result(None)
        if not ready.done():
            ready.set_exception(BenchError(f"{self._arguments[0]} did not start: {self.output[-600:]}"))

    @property
    def output(self) -> str:
        return "\n".join(self._lines)

    @property
    def pid(self) -> int:
        return self.process.pid

    async def stop(self) -> None:
        """Send SIGTERM, then SIGKILL if that does not help."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_WITHIN)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._reading is not None:
            self._reading.cancel()

    async def kill(self) -> None:
        """Kill it and all its descendants at once."""
        for pid, _ in family(self.pid):  # parents first: none starts a child again
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self.process.wait()
        if self._reading is not None:
            self._reading.cancel()


class Server(Process):
    """`tertulia serve` on its own data folder, without limits per client, since one client makes all the load."""

    def __init__(self, data: Path, **env: str) -> None:
        self.port = free_port()
        self.data = data
        super().__init__(
            "tertulia",
            "serve",
            env={
                "TERTULIA_PORT": str(self.port),
                "TERTULIA_DATA": str(data),
                "TERTULIA_JWT_SECRET": SECRET,
                "TERTULIA_LOG_LEVEL": "warning",
                **{f"TERTULIA_RATE_{name}": "10000000" for name in ("ACCOUNT", "USER", "ADDRESS")},
                "TERTULIA_RATE_ADDRESS_BURST": "10000000",
                "TERTULIA_RATE_FRAMES": "1000000",
                "TERTULIA_STREAM_QUEUE_PER_ACCOUNT": "1073741824",
                **{f"TERTULIA_MAX_STREAMS_PER_{name}": "20000" for name in ("ACCOUNT", "USER", "ADDRESS")},
                **env,
            },
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return postgres_url(self.data)

    def process_of(self, name: str) -> int:
        """The process id of the one actor of this class."""
        found = [p for p, title in family(self.pid) if f"ray::{name}" in title]
        if len(found) != 1:
            raise BenchError(f"{len(found)} processes of {name}")
        return found[0]


def postgres_url(data: Path) -> str:
    """The URL of a data folder's embedded Postgres, through its socket."""
    lines = (data / "postgres/database/postmaster.pid").read_text().splitlines()
    return f"postgresql://{_user()}@/{_database()}?host={lines[4]}&port={lines[3]}"


def _user() -> str:
    from tertulia.storage.embedded.postgres import USER

    return USER


def _database() -> str:
    from tertulia.storage.embedded.postgres import DATABASE

    return DATABASE


# -- content of a server


class Tenant(msgspec.Struct):
    """An account with a channel, and its clients' tokens."""

    account: str
    channel: str
    service: str
    agent: str


def make_id(kind: int, number: int) -> str:
    return f"00000000-0000-4000-8000-{kind:04x}{number:08x}"


def token(account: str, role: Role, user: str = "bench") -> str:
    signer = TokenSigner.from_settings(Settings(), SECRET)
    return signer.issue(user, {account: role}, lifetime=12 * 3600)


async def make_tenant(url: str, number: int) -> Tenant:
    """An account and its web chat channel, written into the database at `url`."""
    account, channel = make_id(1, number), make_id(2, number)
    database = await Database.connect(url, system=1, app=1)
    try:
        accounts = PostgresAccounts(database)
        await accounts.create(account, f"Bench {number}")
        await accounts.add_channel(account, channel, "webchat", "Web chat")
    finally:
        await database.close()
    return Tenant(
        account, channel, token(account, Role.SERVICE), token(account, Role.AGENT, f"agent-{number}")
    )


async def open_conversations(server: Server, tenant: Tenant, count: int) -> list[str]:
    """Open conversations over HTTP. Returns their ids."""
    headers = {"Authorization": f"Bearer {tenant.service}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:

        async def one(number: int) -> str:
            body = {"channel_id": tenant.channel, "contact_identifier": f"customer-{number:06d}"}
            async with session.post("/v1/conversations", json=body) as response:
                if response.status != 201:
                    raise BenchError(f"opening a conversation: {response.status} {await response.text()}")
                return (await response.json())["id"]

        return [await one(i) for i in range(count)]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


# -- helper processes


async def run_load(spec: load.Spec) -> load.Report:
    """Run the load generator once."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(msgspec.json.encode(spec))
    if process.returncode != 0:
        raise BenchError(f"the load generator failed: {err.decode()[-600:]}")
    return msgspec.json.decode(out, type=load.Report)


class Helper:
    """A process that takes commands, one per line, and answers each with a line of JSON."""

    def __init__(self, module: str, spec: Any) -> None:
        self._module, self._spec = module, spec

    async def __aenter__(self) -> Helper:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(self._spec) + b"\n")
        try:
            self.greeting = await self._answer(120)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def ask(self, command: str, within: float = 120) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        return await self._answer(within)

    async def _answer(self, within: float) -> Any:
        assert self._process.stdout is not None and self._process.stderr is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), within)
        if not line:
            error = (await self._process.stderr.read()).decode()
            raise BenchError(f"{self._module} failed: {error[-800:]}")
        return msgspec.json.decode(line)

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()


def reader_process(spec: readers.Spec) -> Helper:
    return Helper("bench.readers", spec)


# -- measurements


def family(pid: int) -> list[tuple[int, str]]:
    """A process and all its descendants, with their titles."""
    parents: dict[int, list[int]] = {}
    for child, parent in _parents():
        parents.setdefault(parent, []).append(child)
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        todo.extend(parents.get(one, ()))
        with contextlib.suppress(OSError):
            title = Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found.append((one, title.strip()))
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        yield int(folder.name), int(stat.rpartition(")")[2].split()[1])


PARTS = (
    ("gateway", "ray::GatewayProcess"),
    ("host", "ray::HostProcess"),
    ("conversation actors", "ray::ConversationProcess"),
    ("postgres", "postgres"),
    ("valkey", "valkey"),
    ("ray", "ray"),
    ("ray", "gcs_server"),
)


def cpu_seconds(pid: int) -> dict[str, float]:
    """CPU time so far of a server's processes, by kind."""
    tick = os.sysconf("SC_CLK_TCK")
    spent: dict[str, float] = {}
    for one, title in family(pid):
        part = next((name for name, sign in PARTS if sign in title), "driver")
        if one == pid:
            part = "driver"
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            spent[part] = spent.get(part, 0.0) + (int(fields[11]) + int(fields[12])) / tick
    return spent


def resident_bytes(pid: int) -> int:
    """The process's unique memory (USS), without the shared pages of libraries."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Private_Clean", "Private_Dirty"):
            total += int(rest.split()[0]) * 1024
    return total


def socketio_server() -> Path:
    """The folder of the socket.io server, with its packages from npm, installed once for each lock."""
    source = ROOT / "bench/socketio"
    lock = b"".join((source / name).read_bytes() for name in ("package-lock.json", "serve.js"))
    folder = ROOT / "build/bench-socketio" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        install = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise BenchError(f"npm ci failed: {done.stderr[-500:]}")
        (folder / "ready").touch()
    return folder
