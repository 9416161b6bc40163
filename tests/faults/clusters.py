"""Ray clusters of two nodes, each in its own process, and the placement of hosts in them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from serving import ROOT, OwnServer

ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}


class TwoNodes:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.address = ""

    async def _line(self, start: str) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            while line := (await self._process.stdout.readline()).decode():
                if line.startswith(start):
                    return line.removeprefix(start).strip()
        raise AssertionError("the cluster ended")

    async def started(self) -> None:
        self.address = await self._line("address")

    async def do(self, order: str) -> None:
        """Execute one of the orders of `two_nodes.py`."""
        assert self._process.stdin is not None
        self._process.stdin.write(order.encode() + b"\n")
        await self._line(f"done {order}")

    def pids(self, title: str) -> list[int]:
        """Processes of this cluster whose title starts with `title`."""
        found = []
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if (words := process.cmdline()) and words[0].startswith(title):
                    found.append(process.pid)
        return found

    async def end(self) -> None:
        assert self._process.stdin is not None
        tree = psutil.Process(self._process.pid).children(recursive=True)
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@asynccontextmanager
async def two_nodes(environment: Mapping[str, str] | None = None) -> AsyncIterator[TwoNodes]:
    folder = tempfile.mkdtemp(prefix="tertulia-ray-")  # not Ray's default /tmp/ray, which all users share
    ours = {"PYTHONPATH": str(ROOT), "RAY_TMPDIR": folder}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("two_nodes.py")),
        env={**os.environ, **ENVIRONMENT, **ours, **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=2**20,
    )
    cluster = TwoNodes(process)
    try:
        await cluster.started()
        yield cluster
    finally:
        await cluster.end()
        shutil.rmtree(folder, ignore_errors=True)


async def places(server: OwnServer) -> dict[str, str]:
    """Host → node, for hosts that own partitions."""
    rows = await server.sql(
        "SELECT name, node FROM hosts h WHERE EXISTS (SELECT 1 FROM partitions WHERE owner = h.incarnation)"
    )
    return dict(tuple(row) for row in rows)
