"""One stranger's bodies do not slow down everybody else: expensive JSON, compressed bodies, trickling uploads, slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from desks import Account, Desk, fresh, ok
from neighbours import QuietNeighbour
from serving import OwnServer
from test_encoded_bodies import large_bomb

TOO_LONG = b"9" * 20
REFUSED: dict[str, bytes] = {
    "lists": b'{"content":"a","metadata":{"x":[' + b"[]," * 300_000 + TOO_LONG + b"]}}",
    "depth": b'{"content":"a","metadata":{"x":[' + b",".join([b"[" * 60 + b"]" * 60] * 7_000) + b"]}}",
    "a key above many values": b'{"content":"a","metadata":{"' + b"k" * 58_000 + b'":[' + b"0," * 29_000 + TOO_LONG + b"]}}",
    "unknown fields": b'{"content":"a",' + b",".join(b'"k%d":1' % n for n in range(80_000)) + b"}",
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
async def test_bodies_that_are_refused(
    server: OwnServer, agent: Desk, quiet: QuietNeighbour, what: str
) -> None:
    i = (await agent.open())["id"]
    headers = {"Content-Type": "application/json"}
    async with quiet, server.client(server.token("agent", "refused")) as client:
        for _ in range(12):
            answer = await client.post(
                f"/v1/conversations/{i}/messages", content=REFUSED[what], headers=headers
            )
            assert answer.status_code == 422 and len(answer.content) < 1000
    quiet.check()


@pytest.mark.parametrize("token", [True, False])
async def test_compressed_bodies(server: OwnServer, quiet: QuietNeighbour, token: bool) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    bomb = large_bomb()
    async with quiet, server.client(server.token("agent", "packer") if token else None) as client:
        for _ in range(12):
            answer = await client.post("/v1/conversations", content=bomb, headers=headers)
            assert answer.status_code == 415
    quiet.check()


class Trickle:
    """Uploads that never end, as many as the server takes."""

    def __init__(self, server: OwnServer, token: str, kind: str) -> None:
        self._server = server
        self._head = (
            f"POST /v1/attachments?name=a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: 100000\r\n\r\n"
        ).encode()

    async def one(self, begun: bytes) -> bytes:
        """The answer's first line."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        writer.write(self._head + begun)
        answer = asyncio.ensure_future(reader.readline())
        with contextlib.suppress(ConnectionError):
            while not answer.done():
                await asyncio.wait([answer], timeout=1)
                writer.write(b"x")
        line = await answer
        writer.close()
        return line.strip()


FORM = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhello'
BEGUN = {"text/plain": b"hello", "multipart/form-data; boundary=b": FORM}


async def test_trickling_uploads(
    server: OwnServer, other: Account, agent: Desk, quiet: QuietNeighbour
) -> None:  # fmt: skip
    async with quiet, server.client(server.token("agent", "uploader", other.id)) as neighbour:
        under_way = []
        for kind, begun in BEGUN.items():
            trickle = Trickle(server, server.customer(fresh("trickler")), kind)
            under_way.append(asyncio.gather(*(trickle.one(begun) for _ in range(200))))
        for client in (neighbour, agent.http):  # of another account, and of the same one
            for _ in range(5):
                headers = {"Content-Type": "text/plain"}
                ok(await client.post("/v1/attachments?name=b.txt", content=b"hi", headers=headers), 201)
        ended = await asyncio.wait_for(asyncio.gather(*under_way), 60)
    quiet.check()
    for lines in map(Counter, ended):
        slow, refused = lines[b"HTTP/1.1 408 Request Timeout"], lines[b"HTTP/1.1 429 Too Many Requests"]
        assert slow + refused == 200 and 0 < slow <= 16 * len(server.gateways), lines


async def test_slow_readers(
    server: OwnServer, other: Account, agent: Desk, quiet: QuietNeighbour
) -> None:  # fmt: skip
    content = os.urandom(8_000_000)
    headers = {"Content-Type": "application/zip"}
    made = ok(await agent.http.post("/v1/attachments?name=a.zip", content=content, headers=headers), 201)
    token = server.token("agent", "slow-reader")

    async def read() -> AsyncIterator[bytes]:
        """The answer's first line, and nothing more until the iterator is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(
            f"GET {made['url']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        try:
            yield (await reader.readline()).strip()
        finally:
            writer.transport.abort()

    readers = [read() for _ in range(120)]
    async with quiet:
        lines = Counter(await asyncio.wait_for(asyncio.gather(*map(anext, readers)), 60))
        assert (await agent.http.get(made["url"])).content == content
        for reader in readers:
            await reader.aclose()
    quiet.check()
    most = 32 * len(server.gateways)
    assert lines[b"HTTP/1.1 200 OK"] <= most and sum(lines.values()) == 120, lines
    assert lines[b"HTTP/1.1 429 Too Many Requests"] >= 120 - most, lines
