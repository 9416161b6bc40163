"""Two Ray nodes with a host each: one node is removed under load."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from clusters import ENVIRONMENT, TwoNodes, places, two_nodes
from figures import note
from load import Load
from readers import SseReader, WsReader
from serving import OwnServer
from waiting import until

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
async def nodes(own_server: Start) -> AsyncIterator[TwoNodes]:
    async with two_nodes() as cluster:
        yield cluster


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
        await nodes.do("remove the second node")

        async def both_on_one() -> bool:
            found = await places(server)
            return len(found) == 2 and len(set(found.values())) == 1

        await until(both_on_one, "both hosts on the node that is left", 150)
        back = time.monotonic() - gone
        await load.flows()
        gap = load.history.longest_gap(gone, time.monotonic())
        note("one of two Ray nodes removed under 200 writers", longest_gap=gap, until_two_hosts_again=back)
        assert gap < 20
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
    assert await server.stop() == 0, server.tail()
