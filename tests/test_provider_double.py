"""`tertulia provider-double`, and the double that `tertulia serve --demo` runs."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from serving import ROOT, OwnServer, free_port
from waiting import until

from tertulia.serving import demo
from tertulia.serving.demo_double import DoubleError
from tertulia.serving.demo_double import free_port as next_free_port

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = pytest.mark.server


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tertulia", "provider-double", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_it_runs_until_it_is_asked_to_stop() -> None:
    port = free_port()
    async with running("--port", str(port)) as process:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line.decode().strip() == f"provider double: http://127.0.0.1:{port}/double"
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/double") as answer,
        ):
            assert await answer.json() == {"channels": [], "receipts_dropped": 0}
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        async with running("--port", str(port)) as process:
            _, errors = await asyncio.wait_for(process.communicate(), 30)
            assert process.returncode == 2
            (line,) = errors.decode().strip().splitlines()
            assert line.startswith(f"tertulia: cannot listen on 127.0.0.1:{port}: ")


def test_its_help_names_every_call() -> None:
    command = [sys.executable, "-m", "tertulia", "provider-double", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout
    for words in (
        "/double/channels",
        "/messages",
        "/sent",
        "/faults",
        "/webhooks",
        "/receipts",
        "drop_after",
    ):
        assert words in text


def test_the_demos_port_is_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        assert port < next_free_port(port) <= port + 100
    with pytest.raises(DoubleError, match="no free port from 65536"):
        next_free_port(65536)


async def test_the_demo_has_a_channel_of_each_kind_that_points_to_its_double(server: OwnServer) -> None:
    query = (
        "SELECT id::text, type, config ->> 'base_url' AS url, credentials FROM channels WHERE account_id = $1"
    )
    rows = {row["id"]: row for row in await server.sql(query, demo.ACCOUNT)}
    (url,) = {rows[channel.id]["url"] for channel in demo.CHANNELS}
    assert [line for line in server.output if line.startswith(f"provider double: {url}/double")]
    async with aiohttp.ClientSession() as session, session.get(f"{url}/double") as answer:
        registered = {one["id"]: one for one in (await answer.json())["channels"]}
    assert set(registered) >= {channel.id for channel in demo.CHANNELS}, "tests register others"
    for channel in demo.CHANNELS:
        assert rows[channel.id]["type"] == registered[channel.id]["type"] == channel.type
        assert rows[channel.id]["credentials"] is not None
        expected = f"{server.url}/v1/webhooks/{channel.type}/{channel.id}"
        assert registered[channel.id]["webhook_url"] == expected


@pytest.mark.slow
async def test_it_ends_with_its_server_and_channels_follow_it_to_a_new_port(own_server: Start) -> None:
    first, second = free_port(), free_port()
    server = await own_server({"TERTULIA_DEMO_DOUBLE_PORT": str(first)})
    assert await base_urls(server) == {f"http://127.0.0.1:{first}"}
    real = "https://api.postmarkapp.com"
    change = "UPDATE channels SET config = jsonb_build_object('base_url', $2::text) WHERE id = $1"
    await server.sql(change, demo.CHANNELS[-1].id, real)
    assert await server.stop() == 0
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", first)
    server = await own_server({"TERTULIA_DEMO_DOUBLE_PORT": str(second)})
    assert await base_urls(server) == {f"http://127.0.0.1:{second}", real}
    server.process.kill()
    await until(lambda: refused(second), "the double's end")


async def base_urls(server: OwnServer) -> set[str]:
    query = "SELECT config ->> 'base_url' FROM channels WHERE account_id = $1 AND type <> 'webchat'"
    return {row[0] for row in await server.sql(query, demo.ACCOUNT)}


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False
