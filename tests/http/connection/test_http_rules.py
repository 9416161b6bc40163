"""What RFC 9110 and 9112 ask of a server: each odd request gets its own answer, and none takes another's away."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tertulia.http.auth.client_address import TrustedProxies
from tertulia.http.auth.hosts import HostPolicy
from tertulia.http.connection.deadlines import Deadlines
from tertulia.http.connection.policy import POLICY, ConnectionPolicy
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.connection.request_checks import RequestChecks
from tertulia.http.connection.table import ConnectionTable
from tertulia.http.framework import problems

HOST = "Host: 127.0.0.1\r\n"
GET = f"GET /echo HTTP/1.1\r\n{HOST}\r\n"
CHUNKED = f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"


def head(first: str = "GET /echo HTTP/1.1", *fields: str, host: str = HOST) -> str:
    return f"{first}\r\n{host}{''.join(f + chr(13) + chr(10) for f in fields)}\r\n"


def a_policy(deadlines: Deadlines | None = None, hosts: HostPolicy | None = None) -> ConnectionPolicy:
    proxies = TrustedProxies()
    return ConnectionPolicy(
        ConnectionTable(100, 100, proxies),
        deadlines or Deadlines(),
        proxies,
        RequestChecks(hosts or HostPolicy()),
        proxies,
    )


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def an_app(policy: ConnectionPolicy) -> ProblemRunner:
    app = web.Application()
    problems.install(app)
    app[POLICY] = policy
    app.router.add_get("/echo", echo)
    app.router.add_post("/echo", echo)
    runner = ProblemRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@pytest.fixture
async def runner() -> AsyncIterator[ProblemRunner]:
    runner = await an_app(a_policy())
    yield runner
    await runner.cleanup()


async def talk(runner: ProblemRunner, *reads: str | bytes) -> tuple[list[int], bytes]:
    """Send in so many pieces; then, on a connection that is still open, a request to close it. All statuses, all bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    try:
        for read in (*reads, head("GET /echo HTTP/1.1", "Connection: close")):
            writer.write(read.encode("latin-1") if isinstance(read, str) else read)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            answered = await reader.read(-1)
    finally:
        writer.close()
    return [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d\d\d) ", answered)], answered


BROKEN = {
    "no HTTP": ("RUBBISH\r\n\r\n", 400),
    "TLS": ("\x16\x03\x01\x02\x00\x01\x00", 400),
    "both lengths": (
        head("POST /echo HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked") + "0\r\n\r\n",
        400,
    ),
    "two lengths": (head("POST /echo HTTP/1.1", "Content-Length: 3", "Content-Length: 3") + "abc", 400),
    "a list of lengths": (head("POST /echo HTTP/1.1", "Content-Length: 3, 3") + "abc", 400),
    "a signed length": (head("POST /echo HTTP/1.1", "Content-Length: +3") + "abc", 400),
    "a folded line": (head("GET /echo HTTP/1.1", "X: a", " b"), 400),
    "bare line feeds": ("GET /echo HTTP/1.1\nHost: a\n\n", 400),
    "a bare carriage return": (head("GET /echo HTTP/1.1", "X: a\rb"), 400),
    "a blank before the colon": (head(host="Host : a\r\n"), 400),
    "NUL": (head("GET /echo HTTP/1.1", "X: a\0b"), 400),
    "no Host": (head(host=""), 400),
    "two Hosts": (head(host=HOST + HOST), 400),
    "an empty Host": (head(host="Host:\r\n"), 400),
    "a Host with a user": (head(host="Host: me@a\r\n"), 400),
    "a Host of two words": (head(host="Host: a b\r\n"), 400),
    "chunks in HTTP/1.0": (head("POST /echo HTTP/1.0", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400),
    "chunks that are not last": (head("POST /echo HTTP/1.1", "Transfer-Encoding: chunked, gzip"), 400),
    "an unknown coding": (
        head("POST /echo HTTP/1.1", "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n",
        501,
    ),
    "a proxy's method": (head("CONNECT a:80 HTTP/1.1"), 501),
    "an unknown method": (head("FOO /echo HTTP/1.1"), 501),
    "a method in small letters": (head("get /echo HTTP/1.1"), 501),
    "a long target": (head(f"GET /{'a' * 9000} HTTP/1.1"), 414),
    "a long field": (head("GET /echo HTTP/1.1", f"X: {'a' * 9000}"), 431),
    "many fields": (head("GET /echo HTTP/1.1", *["X: a"] * 200), 431),
    "another expectation": (head("GET /echo HTTP/1.1", "Expect: more"), 417),
    "HTTP/2": (head("GET /echo HTTP/2.0"), 505),
    "HTTP/3.9": (head("GET /echo HTTP/3.9"), 505),
    "a foreign name of its own page": (
        head("GET /echo HTTP/1.1", "Origin: http://evil.example", host="Host: evil.example\r\n"),
        421,
    ),
    "the same in the target": (
        head("GET http://evil.example/echo HTTP/1.1", "Origin: http://evil.example"),
        421,
    ),
    "the same with ports": (
        head("GET /echo HTTP/1.1", "Origin: http://evil.example:8080", host="Host: EVIL.example.:80\r\n"),
        421,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_wrong_is_said_and_the_connection_ends(runner: ProblemRunner, name: str) -> None:
    sent, status = BROKEN[name]
    statuses, answered = await talk(runner, sent)
    assert statuses == [status]
    first, _, body = answered.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.") and b"application/problem+json" in first
    if b"/1.1 " in first:
        assert b"\r\nConnection: close" in first
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("before", [1, 3])
async def test_it_loses_only_itself(runner: ProblemRunner, name: str, before: int) -> None:
    sent, status = BROKEN[name]
    statuses, _ = await talk(runner, GET * before + sent)
    assert statuses == [200] * before + [status]


async def test_bytes_behind_a_body_of_length_zero_are_the_next_request(runner: ProblemRunner) -> None:
    empty = head("POST /echo HTTP/1.1", "Content-Length: 0")
    assert (await talk(runner, empty + "{}"))[0] == [200, 400]
    assert (await talk(runner, empty + GET))[0] == [200, 200, 200]
    assert (await talk(runner, empty + "[1]\r\n\r\n" + GET))[0] == [200, 400]


async def test_what_follows_the_last_request_is_not_read(runner: ProblemRunner) -> None:
    last = head("GET /echo HTTP/1.1", "Connection: close")
    assert (await talk(runner, last + "XYZ"))[0] == [200]
    assert (await talk(runner, last + GET))[0] == [200]


async def test_a_header_in_many_reads_is_bounded(runner: ProblemRunner) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    writer.write(f"GET /echo HTTP/1.1\r\n{HOST}".encode())
    answered = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
    for n in range(100):
        writer.write(f"X-{n}: {'a' * 4000}\r\n".encode())
        await asyncio.sleep(0.001)
        if answered.done():
            break
    async with asyncio.timeout(10):
        assert (await answered).startswith(b"HTTP/1.1 431 ")
    assert n < 30
    writer.close()


@pytest.mark.parametrize("broken", ["zz\r\n", "2\nab\r\n", "f" * 20 + "\r\n"])
async def test_a_body_that_breaks_off_in_its_coding_fails_at_once(runner: ProblemRunner, broken: str) -> None:
    assert (await talk(runner, GET + CHUNKED + broken))[0] == [200, 400]
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    writer.write(head("POST /echo HTTP/1.1", "Transfer-Encoding: chunked", "Expect: 100-continue").encode())
    async with asyncio.timeout(10):
        await reader.readuntil(b"100 Continue\r\n\r\n")  # its handler reads
        writer.write(("1\r\na\r\n" + broken).encode())
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_an_upgrade_that_is_declined_loses_nothing(runner: ProblemRunner) -> None:
    upgrade = head("GET /echo HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket")
    assert (await talk(runner, upgrade + GET + upgrade + GET))[0] == [200] * 5
    assert (await talk(runner, upgrade + GET + "no HTTP\r\n\r\n"))[0] == [200, 200, 400]
    other = upgrade.replace("websocket", "h2c")
    assert (await talk(runner, GET + other + GET))[0] == [
        200,
        200,
    ]  # and it is closed: the last was not heard
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    async with asyncio.timeout(10):
        for _ in range(2):  # alone, it costs no connection
            writer.write(other.encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_requests_in_one_read_are_all_answered(runner: ProblemRunner) -> None:
    body = head("POST /echo HTTP/1.1", "Content-Length: 2") + "ab"
    chunks = CHUNKED + "2\r\ncd\r\n0\r\nX-Trailer: y\r\n\r\n"
    statuses, answered = await talk(runner, (GET + body + chunks) * 40)
    assert statuses == [200] * 121
    assert re.findall(rb"\r\n\r\n(ab|cd)", answered) == [b"ab", b"cd"] * 40


async def test_old_http_and_full_targets_are_understood(runner: ProblemRunner) -> None:
    assert (await talk(runner, "GET /echo HTTP/1.0\r\n\r\n"))[0] == [200]
    assert (await talk(runner, head("GET http://127.0.0.1:1/echo HTTP/1.1")))[0] == [200, 200]
    assert (await talk(runner, "\r\n\r\n" + GET))[0] == [200, 200]


async def test_a_program_may_call_the_server_what_it_likes_unless_hosts_are_named() -> None:
    foreign = head(host="Host: tertulia-1\r\n")
    page = head("GET /echo HTTP/1.1", "Origin: http://chat.example.com", host="Host: chat.example.com\r\n")
    for hosts, statuses in (
        (HostPolicy(), [200, 421]),
        (HostPolicy(frozenset({"chat.example.com"})), [200, 200, 200]),
        (HostPolicy(frozenset({"chat.example.com"}), strict=True), [421]),
        (HostPolicy(frozenset({"*.example.com", "tertulia-1"}), strict=True), [200, 200, 200]),
        (HostPolicy(frozenset({"*"}), strict=True), [200, 200, 200]),
    ):
        runner = await an_app(a_policy(hosts=hosts))
        try:
            assert (await talk(runner, foreign, page))[0] == statuses
        finally:
            await runner.cleanup()
