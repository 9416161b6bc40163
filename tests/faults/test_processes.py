"""Processes of a server are killed, frozen and stopped under load: nothing acknowledged is lost, nothing is stored twice,
every reader ends with the exact history, and the service recovers.

Time limits are generous, since the machine may be shared. Measurements are printed after the run.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import AsyncExitStack

import pytest
from figures import note
from load import Load
from readers import Reader, SseReader, WsReader
from redis.asyncio import Redis
from serving import OwnServer
from waiting import until

BACK_WITHIN = 10.0
"""Seconds; the goal on a machine of one's own is 5."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def reading(stack: AsyncExitStack, server: OwnServer, count: int = 2) -> list[Reader]:
    """Readers of the account's feed, over SSE and WebSocket, there before the load."""
    kinds = [SseReader, WsReader]
    return [
        await stack.enter_async_context(kinds[n % 2](server, server.token("agent", f"reader-{n}"), "account"))
        for n in range(count)
    ]


async def test_a_host_is_killed(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        for victim in server.hosts:
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            await load.flows()
            gap = load.history.longest_gap(killed, time.monotonic())
            note("host killed under 200 writers", longest_gap=gap)
            assert gap < BACK_WITHIN
            await until(lambda v=victim: len(server.hosts) == 2 and v not in server.hosts, "a new host")
            await until(lambda: _owners(server), "both hosts to own partitions")
            await load.flows()
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict


async def _owners(server: OwnServer) -> bool:
    rows = await server.sql(
        "SELECT count(p.id) FROM hosts h LEFT JOIN partitions p ON p.owner = h.incarnation GROUP BY h.name"
    )
    return len(rows) == 2 and all(row[0] > 0 for row in rows)


async def test_a_host_is_frozen_past_its_takeover_and_wakes(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        victim = server.hosts[0]
        frozen = time.monotonic()
        os.kill(victim, signal.SIGSTOP)
        try:
            await load.flows()
            gap = load.history.longest_gap(frozen, time.monotonic())
            note("host frozen under 200 writers", longest_gap=gap)
            await until(lambda: _sole_owner(server), "the other host to own everything")
            await load.flows()
        finally:
            os.kill(victim, signal.SIGCONT)
        await until(lambda: victim not in server.hosts, "the stale host to end itself")
        await until(lambda: _owners(server), "its successor to get a share")
        await load.flows()
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
        assert gap < BACK_WITHIN


async def _sole_owner(server: OwnServer) -> bool:
    rows = await server.sql("SELECT DISTINCT owner FROM partitions")
    return len(rows) == 1 and rows[0][0] is not None


async def test_a_gateway_is_killed_with_open_streams(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server, 12)
        load = await stack.enter_async_context(Load(server, writers=100, conversations=20))
        await load.flows()
        for victim in server.gateways:
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            await load.flows()
            note("gateway killed", longest_gap=load.history.longest_gap(killed, time.monotonic()))
            await until(
                lambda v=victim: len(server.gateways) == 2 and v not in server.gateways, "a new gateway"
            )
        await load.flows()
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
        assert sum(r.connections for r in readers) > len(readers), "some were cut"


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL], ids=["immediate stop", "kill"])
async def test_postgres_goes_and_comes_back(battered: OwnServer, how: signal.Signals) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        first = server.postmaster
        os.kill(first, how)
        gone = time.monotonic()
        await load.flows()
        note(
            f"postgres: {how.name} under 200 writers",
            longest_gap=load.history.longest_gap(gone, time.monotonic()),
        )
        assert server.postmaster != first
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
        assert load.history.longest_gap(gone, time.monotonic()) < 2 * BACK_WITHIN


async def test_nothing_is_acknowledged_while_postgres_is_away(battered: OwnServer) -> None:
    """`serve` is frozen, so that nobody starts Postgres again until we have looked around."""
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        server.process.send_signal(signal.SIGSTOP)
        try:
            os.kill(server.postmaster, signal.SIGKILL)
            await until(lambda: not server.pids("postgres: "), "the last of Postgres to end")
            away = time.monotonic()
            client = await stack.enter_async_context(server.client(server.token("service", "s")))
            conversation = f"/v1/conversations/{load.conversations[0]}"
            token = load.history.invoke(load.conversations[0])
            body = {"content": token, "client_message_id": token}
            for answer in (
                await client.get("/ready"),
                await client.get(conversation),
                await client.get(f"{conversation}/messages"),
                await client.post(f"{conversation}/messages", json=body),
                await client.get("/v1/stream", params={"topics": f"conversation:{load.conversations[0]}"}),
            ):
                assert answer.status_code == 503, (answer.request.url, answer.status_code, answer.text)
                if answer.request.url.path != "/ready":
                    assert answer.json()["code"] in ("storage_unavailable", "overloaded"), answer.text
                    assert int(answer.headers["Retry-After"]) >= 1
            assert (await client.get("/health")).status_code == 200
            here = time.monotonic()
            assert load.acknowledged_within(away, here) == []
        finally:
            server.process.send_signal(signal.SIGCONT)
        await load.flows()
        note("postgres away", longest_gap=load.history.longest_gap(here, time.monotonic()))
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict


async def test_a_host_and_a_gateway_die_while_postgres_is_away(battered: OwnServer) -> None:
    """What starts over finds no database: it must wait for it, not give up for good."""
    server = battered
    async with AsyncExitStack() as stack:
        load = await stack.enter_async_context(Load(server, writers=40, conversations=10))
        await load.flows()
        hosts, gateways = server.hosts, server.gateways
        server.process.send_signal(signal.SIGSTOP)
        try:
            os.kill(server.postmaster, signal.SIGKILL)
            for victim in (hosts[0], gateways[0]):
                os.kill(victim, signal.SIGKILL)
            # the title says __init__ for as long as the constructor waits
            await until(lambda: server.pids("HostProcess.__init__"), "Ray to start a host")
            await until(lambda: server.pids("GatewayProcess.__init__"), "Ray to start a gateway")
        finally:
            server.process.send_signal(signal.SIGCONT)
        back = time.monotonic()
        await load.flows()
        note(
            "host and gateway killed while postgres is away",
            longest_gap=load.history.longest_gap(back, time.monotonic()),
        )
        await until(lambda: _owners(server), "two hosts that own partitions")
        await load.stop()
        verdict = await load.verdict()
        assert verdict.good, verdict


async def test_valkey_is_killed_and_flushed(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        began, first = time.monotonic(), server.valkey
        os.kill(first, signal.SIGKILL)
        await load.flows()
        await until(lambda: server.pids("valkey-server") not in ([], [first]), "Valkey to be started again")
        async with Redis.from_url(server.valkey_url()) as redis:
            for _ in range(5):
                await redis.flushall()
                await load.flows(2)
        note("valkey killed and flushed", longest_gap=load.history.longest_gap(began, time.monotonic()))
        assert load.statuses.keys() == {201}, "nobody but Valkey noticed"
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
        client = await stack.enter_async_context(server.client(server.token()))
        assert (await client.post("/v1/auth/ticket")).status_code == 201


async def test_everything_is_killed_and_started_on_the_same_data(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        await server.kill_all()
        gone = time.monotonic()
        await server.start()
        note("everything killed", start_on_present_data=time.monotonic() - gone)
        await load.flows()
        note("everything killed", longest_gap=load.history.longest_gap(gone, time.monotonic()))
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict


async def test_a_stop_under_load_drains(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        readers = await reading(stack, server, 6)
        load = await stack.enter_async_context(Load(server))
        await load.flows()
        began = time.monotonic()
        assert await server.stop() == 0, server.tail()
        note("stop under 200 writers", until_it_has_ended=time.monotonic() - began)
        assert not {500} & load.statuses.keys(), load.statuses
        assert not any("*** SIGTERM" in line for line in server.output), "an orderly stop looks like a crash"
        for reader in readers:
            if isinstance(reader, WsReader):
                assert reader.closes and reader.closes[0][0] == 1001, reader.closes
        await server.start()
        await load.flows()
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
