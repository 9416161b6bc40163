"""Strangers who hold connections: half headers, slow bodies, silence, answers nobody reads. The quiet client comes from another
address of this machine, as anybody else would."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
from desks import fresh, ok
from neighbours import QuietNeighbour
from serving import METRICS_TOKEN, OwnServer
from stage import Stage

from tertulia.serving.demo import WEBCHAT

SHORT = {
    "TERTULIA_GATEWAYS": "1",
    "TERTULIA_HEADER_TIMEOUT": "1",
    "TERTULIA_BODY_TIMEOUT": "1",
    "TERTULIA_WRITE_TIMEOUT": "1",
    "TERTULIA_KEEPALIVE_TIMEOUT": "3",
    "TERTULIA_MAX_CONNECTIONS": "300",
    "TERTULIA_MAX_CONNECTIONS_PER_ADDRESS": "100",
    "TERTULIA_METRICS_NETWORKS": "127.0.0.1",
    "TERTULIA_TRUSTED_PROXIES": "127.0.0.9",
    "TERTULIA_RATE_ADDRESS": "1",
    "TERTULIA_RATE_ADDRESS_BURST": "20",
}
STRANGER = "127.0.0.2"
MANY = 400
HALF = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"
BODY = (
    b"POST /v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{"
)
UNREAD = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 400
PATIENCE = 30.0


@pytest.fixture
async def bounded(stage: Stage) -> OwnServer:
    return await stage.give("bounded", SHORT)


@pytest.fixture
async def quiet(bounded: OwnServer) -> AsyncIterator[QuietNeighbour]:
    token = bounded.token("service", "quiet")
    async with bounded.client(token) as client:
        body = {"channel_id": WEBCHAT, "contact_identifier": fresh("quiet")}
        opened = await client.post("/v1/conversations", json=body)
        yield QuietNeighbour(bounded.url, token, ok(opened, 201)["id"])


def connect(server: OwnServer, source: str = STRANGER) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), PATIENCE, source_address=(source, 0))
    client.setblocking(False)
    return client


async def ended(client: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    loop, got = asyncio.get_running_loop(), b""
    try:
        async with asyncio.timeout(PATIENCE):
            while data := await loop.sock_recv(client, 1 << 16):
                got += data
    except ConnectionError:
        pass
    return got


def statuses(answered: bytes) -> set[bytes]:
    return set(re.findall(rb"HTTP/1\.1 (\d\d\d) ", answered))


async def ask(server: OwnServer, path: str, source: str, *fields: str) -> int:
    client = connect(server, source)
    with client:
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: close", *fields]
        await asyncio.get_running_loop().sock_sendall(client, "\r\n".join([*lines, "", ""]).encode())
        (status,) = statuses(await ended(client))
        return int(status)


@pytest.mark.slow
async def test_connections_that_are_held_cost_only_who_holds_them(
    bounded: OwnServer, quiet: QuietNeighbour
) -> None:
    loop = asyncio.get_running_loop()
    for sent, allowed in (
        (b"", {b"503"}),
        (HALF, {b"408", b"503"}),
        (BODY, {b"408", b"503", b"429"}),
        (UNREAD, {b"200", b"429", b"503"}),
    ):
        async with quiet:
            with ExitStack() as stack:
                held = []
                for _ in range(MANY):
                    held.append(stack.enter_context(connect(bounded)))
                    if sent:
                        try:
                            async with asyncio.timeout(0.05 if sent is UNREAD else PATIENCE):
                                await loop.sock_sendall(held[-1], sent)
                        except (ConnectionError, TimeoutError):  # refused, or full: nobody reads
                            pass
                if sent is UNREAD:  # who reads nothing is cut off all the same
                    await asyncio.sleep(2)
                told = await asyncio.gather(*(ended(client) for client in held))
        quiet.check()
        for answered in told:
            assert statuses(answered) <= allowed, answered[:300]


@pytest.mark.slow
async def test_whom_a_proxy_speaks_for_and_who_may_read_metrics(bounded: OwnServer) -> None:
    proxy, stranger, owner = "127.0.0.9", STRANGER, "127.0.0.1"
    by = "X-Forwarded-For: {}".format
    # a client behind the proxy spends its own permits, nobody else's; the health checks spend none
    for _ in range(25):
        last = await ask(bounded, "/docs", proxy, by("192.0.2.1"))
    assert last == 429
    assert await ask(bounded, "/docs", proxy, by("192.0.2.2")) == 200
    assert await ask(bounded, "/docs", proxy, by("192.0.2.2, 192.0.2.1")) == 429
    for path in ("/health", "/ready"):
        assert await ask(bounded, path, proxy, by("192.0.2.1")) == 200
    # whoever is not a proxy is not believed
    for n in range(25):
        last = await ask(bounded, "/docs", stranger, by(f"198.51.100.{n}"))
    assert last == 429
    # a token that holds pays for itself, whatever its address has left
    token = f"Authorization: Bearer {bounded.token('service', 'payer')}"
    assert await ask(bounded, "/docs", stranger, token) == 200
    assert await ask(bounded, "/v1/conversations", stranger, token) == 200
    assert await ask(bounded, "/docs", stranger, "Authorization: Bearer a.b.c") == 429
    # metrics: near, directly, by a name of the server's own
    assert await ask(bounded, "/metrics", owner) == 200
    assert await ask(bounded, "/metrics", stranger) in (403, 429)
    for passed_on in ("X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 a"):
        assert await ask(bounded, "/metrics", owner, passed_on) == 403
    assert await ask(bounded, "/metrics", proxy, by("127.0.0.1")) == 403
    assert await ask(bounded, "/metrics", proxy) in (403, 429)


@pytest.mark.slow
async def test_metrics_by_token_and_hosts_by_name(guarded: OwnServer) -> None:
    async with guarded.client() as client:
        refused = await client.get("/metrics")
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert refused.headers["Server"] == "tertulia"
        page = await client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
        assert page.status_code == 200 and "tertulia_http_request" in page.text
        for host, status in {
            "a.example": 200,
            "A.EXAMPLE:80": 200,
            "localhost": 200,
            "b.example": 421,
        }.items():
            answered = await client.get("/health", headers={"Host": host})
            assert answered.status_code == status, host
        head = await client.head("/health")
        assert head.status_code == 200 and not head.content
