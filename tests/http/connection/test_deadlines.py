"""Clients that take their time: for a header, for a body, to read; and those that are slow for good reason."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from test_http_rules import HOST, a_policy, an_app, echo, head
from waiting import until

from tertulia.http.auth.client_address import TrustedProxies
from tertulia.http.auth.hosts import HostPolicy
from tertulia.http.connection.deadlines import Deadlines
from tertulia.http.connection.policy import POLICY, ConnectionPolicy
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.connection.request_checks import RequestChecks
from tertulia.http.connection.table import ConnectionTable
from tertulia.http.framework import problems

SHORT = Deadlines(header=0.3, body=0.3, write=0.3, keepalive=0.6, min_rate=1000)
POST = f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 4000\r\n\r\n".encode()
GET = head().encode()
LARGE = 32 * 1024 * 1024
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def runner() -> AsyncIterator[ProblemRunner]:
    runner = await an_app(a_policy(SHORT))
    yield runner
    await runner.cleanup()


@asynccontextmanager
async def connected(runner: ProblemRunner) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


async def trickle(writer: asyncio.StreamWriter, data: bytes, every: float) -> None:
    """A byte at a time, until the other side has had enough."""
    for byte in data:
        writer.write(bytes([byte]))
        try:
            await writer.drain()
        except ConnectionError:
            return
        await asyncio.sleep(every)


async def last_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The only answer on a connection that ends after it: its status and body."""
    answered = await reader.read(-1)
    first, _, body = answered.partition(b"\r\n\r\n")
    return int(first.split()[1]), body


async def test_who_never_says_a_word_is_hung_up_on(runner: ProblemRunner) -> None:
    async with connected(runner) as (reader, _):
        assert await reader.read(-1) == b""


@pytest.mark.parametrize("begun", [b"G", b"GET /echo HTTP/1.1\r\nHost: a\r\nX-", b"\r\n"])
async def test_half_a_header_is_given_up(runner: ProblemRunner, begun: bytes) -> None:
    async with connected(runner) as (reader, writer):
        writer.write(begun)
        status, body = await last_answer(reader)
        assert (status, json.loads(body)["code"]) == (408, "request_timeout")


@pytest.mark.parametrize("before", [b"", GET])
async def test_a_header_a_byte_at_a_time_is_given_up_too(runner: ProblemRunner, before: bytes) -> None:
    async with connected(runner) as (reader, writer):
        if before:
            writer.write(before)
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        trickling = asyncio.ensure_future(trickle(writer, GET * 5, 0.05))
        assert (await last_answer(reader))[0] == 408
        trickling.cancel()


@pytest.mark.parametrize(("every", "sent"), [(0.05, 3000), (10.0, 1)])
async def test_a_body_below_the_rate_is_answered_408(runner: ProblemRunner, every: float, sent: int) -> None:
    async with connected(runner) as (reader, writer):
        writer.write(POST)
        trickling = asyncio.ensure_future(trickle(writer, b"x" * sent, every))
        status, body = await last_answer(reader)
        assert (status, json.loads(body)["code"]) == (408, "request_timeout")
        trickling.cancel()


async def test_a_body_at_the_rate_may_take_longer_than_the_deadline(runner: ProblemRunner) -> None:
    async with connected(runner) as (reader, writer):
        writer.write(POST)
        for _ in range(16):
            writer.write(b"x" * 250)
            await asyncio.sleep(0.06)
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4000) == b"x" * 4000
        writer.write(GET)
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")


async def test_a_connection_in_use_lives_on_and_an_idle_one_does_not(runner: ProblemRunner) -> None:
    async with connected(runner) as (reader, writer):
        for _ in range(8):  # longer than any of the deadlines, in all
            writer.write(GET)
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.2)
        began = asyncio.get_running_loop().time()
        assert await reader.read(-1) == b""
        assert asyncio.get_running_loop().time() - began > SHORT.header


async def served(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], deadlines: Deadlines = SHORT
) -> ProblemRunner:
    app = web.Application(client_max_size=LARGE)
    problems.install(app)
    proxies = TrustedProxies()
    app[POLICY] = ConnectionPolicy(
        ConnectionTable(100, 100, proxies), deadlines, proxies, RequestChecks(HostPolicy()), proxies
    )
    app.router.add_get("/echo", handler)
    app.router.add_post("/echo", handler)
    runner = ProblemRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def test_a_handler_that_takes_long_is_no_fault_of_its_client() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        body = await request.content.readany()  # and no more: the rest waits, as when our disk is busy
        await asyncio.sleep(3 * SHORT.body)
        body += await request.content.read()
        return web.Response(text=str(len(body)))

    runner = await served(slow)
    try:
        async with connected(runner) as (reader, writer):
            writer.write(head("POST /echo HTTP/1.1", f"Content-Length: {LARGE}").encode())
            writer.write(bytes(LARGE))
            writer.write(b"GET /echo HTTP/1.1\r\nHo")  # nor does half a header behind it end it
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(8) == str(LARGE).encode()
    finally:
        await runner.cleanup()


async def large(request: web.Request) -> web.StreamResponse:
    return web.Response(body=bytes(LARGE))


async def test_who_does_not_read_the_answer_is_cut_off() -> None:
    runner = await served(large)
    connections = runner.app[POLICY].table
    try:
        with socket.create_connection(("127.0.0.1", runner.addresses[0][1])) as client:
            client.sendall(GET)
            await until(lambda: connections.of("127.0.0.1"), "the connection")
            await until(lambda: not connections.of("127.0.0.1"), "its end")
            client.settimeout(10)
            got = 0
            with pytest.raises(ConnectionResetError):
                while True:
                    data = client.recv(1 << 20)
                    if not data:
                        raise ConnectionResetError
                    got += len(data)
            assert got < LARGE
    finally:
        await runner.cleanup()


async def test_who_reads_slowly_but_steadily_gets_all_of_it() -> None:
    runner = await served(large)
    try:
        async with connected(runner) as (reader, writer):
            writer.write(head("GET /echo HTTP/1.1", "Connection: close").encode())
            got = 0
            while data := await reader.read(1 << 20):
                got += len(data)
                await asyncio.sleep(0.03)
            assert got > LARGE
    finally:
        await runner.cleanup()


async def test_too_many_of_one_address_and_the_idle_ones_make_way() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def busy(request: web.Request) -> web.StreamResponse:
        started.set()
        await go_on.wait()
        return await echo(request)

    runner = await served(busy, Deadlines())
    runner.app[POLICY].table.most_of_address = 2
    try:
        async with connected(runner) as (reader, writer), connected(runner) as (idle, _):
            writer.write(GET)
            await started.wait()
            async with connected(runner) as (third, third_writer):
                assert await idle.read(-1) == b""
                started.clear()
                third_writer.write(GET)
                await started.wait()
                async with connected(runner) as (refused, _):
                    status, body = await last_answer(refused)
                    assert (status, json.loads(body)["code"]) == (503, "overloaded")
                go_on.set()
                assert b" 200 " in await third.readuntil(b"\r\n\r\n")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await until(lambda: not runner.app[POLICY].table.of("127.0.0.1"), "the end of the connections")
    finally:
        await runner.cleanup()
