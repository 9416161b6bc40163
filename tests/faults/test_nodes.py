"""Two Ray nodes: the hosts stand on both, and one node may go under load."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from load import Load, note
from readers import SseReader, WsReader
from serving import ROOT, OwnServer, until

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}


class TwoNodes:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.address = ""

    async def _line(self, start: str) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while line := (await self._process.stdout.readline()).decode():
                if line.startswith(start):
                    return line.removeprefix(start).strip()
        raise AssertionError("the cluster ended")

    async def started(self) -> None:
        self.address = await self._line("address")

    async def remove_one(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"remove\n")
        await self._line("removed")

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@pytest.fixture
async def nodes(own_server: Start) -> AsyncIterator[TwoNodes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("two_nodes.py")),
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
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


async def places(server: OwnServer) -> dict[str, str]:
    """Host → node, of those that own partitions."""
    rows = await server.sql(
        "SELECT name, node FROM hosts h WHERE EXISTS (SELECT 1 FROM partitions WHERE owner = h.incarnation)"
    )
    return dict(tuple(row) for row in rows)


async def test_a_node_goes_under_load(own_server: Start, nodes: TwoNodes) -> None:
    server = await own_server({**ENVIRONMENT, "RAY_ADDRESS": nodes.address})

    async def on_two_nodes() -> bool:
        found = await places(server)
        return len(found) == 2 == len(set(found.values()))

    await until(on_two_nodes, "two hosts on two nodes that share the partitions", 60)
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(kind(server, server.token("agent", kind.__name__), "account"))
            for kind in (SseReader, WsReader, SseReader, WsReader)
        ]
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        gone = time.monotonic()
        await nodes.remove_one()

        async def both_on_one() -> bool:
            found = await places(server)
            return len(found) == 2 and len(set(found.values())) == 1

        await until(both_on_one, "both hosts on the node that is left", 60)
        back = time.monotonic() - gone
        await load.flows()
        gap = load.history.longest_gap(gone, time.monotonic())
        note("one of two Ray nodes removed under 200 writers", longest_gap=gap, until_two_hosts_again=back)
        assert gap < 20
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
    assert await server.stop() == 0, server.tail()
