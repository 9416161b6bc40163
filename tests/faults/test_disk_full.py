"""The disk fills up under load: nothing is acknowledged that is not stored, and the service recovers once there is space."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from figures import note
from load import Load
from readers import SseReader, WsReader
from serving import OwnServer
from waiting import until

from tertulia.core.errors import DISK_FULL

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
SIZE = "400m"
CRUMBS = 64 * 1024
"""Bytes left: a few pages, after which tables cannot grow."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with a disk of its own. To mount one takes rights that not every user has."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tertulia-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False, timeout=10)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=10)


def fill(disk: Path) -> Path:
    """The file that takes all the room but crumbs."""
    ballast = disk / "ballast"
    space = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - CRUMBS)
    return ballast


async def test_the_disk_is_full(small_disk: Path, own_server: Start) -> None:
    """First the tables cannot grow; then the log cannot, of which Postgres ends, and starts in vain until there is room."""
    server = await own_server(data=small_disk)
    async with (
        SseReader(server, server.token("agent", "sse"), "account") as first,
        WsReader(server, server.token("agent", "ws"), "account") as second,
        Load(server, writers=100, conversations=20) as load,
    ):
        await load.flows()
        postmaster, said = server.postmaster, len(server.output)
        ballast = fill(small_disk)
        await until(lambda: load.statuses[503] > 100, "writers to be refused")
        async with server.client(server.token("service", "s")) as client:

            async def named() -> bool:
                """In /ready, in a metric and in the log."""
                ready, metrics = await client.get("/ready"), await client.get("/metrics")
                return (
                    ready.status_code == 503
                    and ready.json()["checks"]["postgres"] == DISK_FULL
                    and any(
                        line.startswith("tertulia_host_disk_full{") and line.endswith(" 1.0")
                        for line in metrics.text.splitlines()
                    )
                    and any("disk_full" in line for line in server.output[said:])
                )

            await until(named, "the full disk to be named")

        async def ended_while_starting() -> bool:
            """Filling the log, whose files may have had room left, or others of an earlier round behind them."""
            with suppress(OSError, asyncpg.PostgresError):
                await server.sql("SELECT pg_logical_emit_message(false, 'ballast', repeat('x', 4000000))")
            return any("postgres ended while starting" in line for line in server.output[said:])

        await until(ended_while_starting, "Postgres to start in vain")
        assert any("the disk of" in line and "is full" in line for line in server.output[said:])
        refused, acknowledged = load.statuses[503], len(load.history.ok)
        await until(lambda: load.statuses[503] > refused + 200, "writers to be refused again")
        assert len(load.history.ok) == acknowledged
        async with server.client(server.token("service", "s")) as client:
            assert (await client.get("/health")).status_code == 200
            assert (await client.get("/ready")).status_code == 503
        ballast.unlink()
        room = time.monotonic()
        await load.flows()
        note("disk full, then room", back_after=time.monotonic() - room)
        assert server.postmaster != postmaster
        await load.stop()
        verdict = await load.verdict(first, second)
        assert verdict.good, verdict
        assert set(load.statuses) <= {200, 201, 503}, load.statuses
    assert await server.stop() == 0, server.tail()
