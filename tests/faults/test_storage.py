"""The connection to Postgres slows down or drops data, in one direction or both: nothing is acknowledged that is not stored,
nothing is stored twice, memory stays bounded, and the service recovers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from figures import note
from load import Load
from readers import SseReader, WsReader
from serving import OwnServer

from tertulia.storage.embedded import EmbeddedPostgres, postgres
from tertulia.storage.embedded.files import socket_folder

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Way:
    """A TCP way to Postgres that can be made worse. What is held is delivered later, as after lost packets."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._flowing = {"asked": asyncio.Event(), "answered": asyncio.Event()}
        self.delay = 0.0
        self.heal()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, address: str = "127.0.0.1") -> int:
        self._server = await asyncio.start_server(self._connected, address, 0)
        return self._server.sockets[0].getsockname()[1]

    def hold(self, *directions: str) -> None:
        for direction in directions:
            self._flowing[direction].clear()

    def heal(self) -> None:
        self.delay = 0.0
        for event in self._flowing.values():
            event.set()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there_reader, there_writer = await asyncio.open_unix_connection(str(self._socket))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, there_writer, "asked"))
                group.create_task(self._carry(there_reader, writer, "answered"))
        except* OSError:
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing[direction].wait()
                if direction == "answered" and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def far(own_server: Start, tmp_path: Path) -> AsyncIterator[tuple[OwnServer, Way]]:
    """A server whose Postgres, in its data folder, is on the far side of a way of ours."""
    database = EmbeddedPostgres(tmp_path)
    await database.start()
    way = Way(socket_folder(tmp_path / "postgres", postgres.SOCKET) / postgres.SOCKET)
    port = await way.open()
    try:
        url = f"postgresql://{postgres.USER}@127.0.0.1:{port}/{postgres.DATABASE}"
        server = await own_server({"DATABASE_URL": url})
        yield server, way
        way.heal()
        await server.kill_all()
    finally:
        await way.close()
        await database.stop()


def memory(server: OwnServer) -> float:
    """MB that the hosts and gateways hold for themselves."""
    return sum(psutil.Process(p).memory_full_info().uss for p in (*server.hosts, *server.gateways)) / 2**20


async def test_a_slow_database_slows_and_loses_nothing(far: tuple[OwnServer, Way]) -> None:
    server, way = far
    async with (
        SseReader(server, server.token("agent", "sse"), "account") as first,
        WsReader(server, server.token("agent", "ws"), "account") as second,
        Load(server) as load,
    ):
        await load.flows()
        before = memory(server)
        way.delay = 0.5
        slow = time.monotonic()
        await load.flows(2)
        note("postgres answers half a second late", two_rounds=time.monotonic() - slow)
        assert memory(server) - before < 150
        way.heal()
        healed = await load.flows()
        assert time.monotonic() - healed < 20
        await load.stop()
        verdict = await load.verdict(first, second)
        assert verdict.good, verdict
        assert set(load.statuses) <= {200, 201, 503}, load.statuses


@pytest.mark.parametrize("held", [("asked", "answered"), ("answered",)], ids=["both ways", "answers only"])
async def test_a_database_out_of_reach(far: tuple[OwnServer, Way], held: tuple[str, ...]) -> None:
    """Longer than a commit may take, so that its outcome has to be found out."""
    server, way = far
    async with (
        SseReader(server, server.token("agent", "sse"), "account") as first,
        WsReader(server, server.token("agent", "ws"), "account") as second,
        Load(server, writers=100, conversations=20) as load,
    ):
        await load.flows()
        way.hold(*held)
        gone = time.monotonic()
        async with server.client() as client:
            while (health := await client.get("/crm/health")).status_code == 200:
                await asyncio.sleep(0.2)
            of_sync = await client.get("/sync/health")
        told = {"status": "unhealthy", "database": "disconnected", "websocket": "active"}
        assert (health.status_code, health.json() | told) == (503, health.json())
        assert (of_sync.status_code, of_sync.json()["type"]) == (503, "3"), of_sync.text
        await asyncio.sleep(gone + 13 - time.monotonic())  # the fault itself: this long nothing comes through
        back = time.monotonic()
        assert not load.acknowledged_within(gone + 0.5, back)
        way.heal()
        await load.flows()
        note(f"postgres out of reach for 13 s ({' and '.join(held)})", back_after=time.monotonic() - back)
        await load.stop()
        verdict = await load.verdict(first, second)
        assert verdict.good, verdict
