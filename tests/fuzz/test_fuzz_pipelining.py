"""Requests of all kinds on one connection, cut anywhere, many in one read: every answer belongs to its request, and comes in order.

Each request carries a token of its own as X-Request-Id, which its answer repeats, and each message one in its content. A request
that is answered twice, not at all, or with another's answer is found by that; one that is lost without a word by the time-out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Callable
from typing import NamedTuple

import httpx
import pytest
from fuzzing import fuzzed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import OwnServer

from tertulia.serving.demo import WEBCHAT

HOST = "Host: 127.0.0.1\r\n"
PATIENCE = 30.0
_numbers = itertools.count(1)


class Request(NamedTuple):
    """What is sent, and what must come back. `content`: of a message. `lasts`: the connection continues."""

    sent: bytes
    token: str
    status: int
    content: str | None = None
    is_head: bool = False
    lasts: bool = True


class Target(NamedTuple):
    host: str
    port: int
    token: str
    conversation: str

    @property
    def messages(self) -> str:
        return f"/v1/conversations/{self.conversation}/messages"


def fresh() -> str:
    return f"fuzz-{os.getpid()}-{next(_numbers)}"


def write(
    method: str, path: str, token: str, body: bytes = b"", *fields: str, chunk: int = 0, bearer: str = ""
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", HOST.strip(), f"X-Request-Id: {token}", *fields]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    if chunk:
        lines.append("Transfer-Encoding: chunked")
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    elif body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    if method == "POST":
        lines.append("Content-Type: application/json")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def a_message(
    target: Target, *fields: str, query: str = "", pad: int = 0, chunk: int = 0, status: int = 201
) -> Request:
    token = fresh()
    content = token + "x" * pad
    body = json.dumps({"content": content}).encode()
    path = target.messages + query
    sent = write("POST", path, token, body, *fields, chunk=chunk, bearer=target.token)
    return Request(sent, token, status, content)


def a_get(target: Target, path: str, status: int, *fields: str, method: str = "GET") -> Request:
    token = fresh()
    sent = write(method, path, token, b"", *fields, bearer=target.token)
    return Request(sent, token, status, is_head=method == "HEAD")


def a_refused(target: Target, body: bytes, status: int, *, bearer: str | None = None) -> Request:
    token = fresh()
    by = target.token if bearer is None else bearer
    return Request(write("POST", target.messages, token, body, bearer=by), token, status)


KINDS: dict[str, Callable[[Target], Request]] = {
    "fast path": a_message,
    "large": lambda t: a_message(t, pad=60_000),
    "standard path": lambda t: a_message(t, query="?"),
    "chunked": lambda t: a_message(t, chunk=7),
    "large and chunked": lambda t: a_message(t, pad=60_000, chunk=9000),
    "expecting": lambda t: a_message(t, "Expect: 100-continue"),
    "expecting in chunks": lambda t: a_message(t, "Expect: 100-continue", chunk=11),
    "no JSON": lambda t: a_refused(t, b"{", 400),
    "no body": lambda t: a_refused(t, b"", 400),
    "a wrong field": lambda t: a_refused(t, b'{"content":1}', 422),
    "too large": lambda t: a_refused(t, b" " * 1_100_000, 413),
    "no token": lambda t: a_refused(t, b'{"content":"a"}', 401, bearer=""),
    "a bad token": lambda t: a_refused(t, b'{"content":"a"}', 401, bearer="a.b.c"),
    "read": lambda t: a_get(t, f"/v1/conversations/{t.conversation}", 200),
    "not found": lambda t: a_get(t, "/v1/nowhere", 404),
    "health": lambda t: a_get(t, "/health", 200),
    "head": lambda t: a_get(t, "/health", 200, method="HEAD"),
    "head of nothing": lambda t: a_get(t, "/v1/nowhere", 404, method="HEAD"),
    "not allowed": lambda t: a_get(t, "/health", 405, method="DELETE"),
    "upgrade": lambda t: a_get(t, "/health", 200, "Connection: Upgrade", "Upgrade: websocket"),
}
LAST: dict[str, Callable[[Target], Request | None]] = {
    "nothing": lambda t: None,
    "close": lambda t: a_get(t, "/health", 200, "Connection: close")._replace(lasts=False),
    "another protocol": lambda t: Request(b"\x16\x03\x01\x00\x00\r\n\r\n", "", 400, lasts=False),
    "a bad header": lambda t: Request(b"GET / HTTP/1.1\r\nno header\r\n\r\n", "", 400, lasts=False),
    "two lengths": lambda t: Request(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "",
        400,
        lasts=False,
    ),
    "a foreign name": lambda t: a_get(t, "/health", 421, "Origin: http://e.example")._replace(lasts=False),
}


@pytest.fixture
def target(server: OwnServer) -> Target:
    """A conversation on a real server, and the token of a service."""
    token = server.token("service", "fuzzer")
    body = {"channel_id": WEBCHAT, "contact_identifier": fresh()}
    opened = httpx.post(
        f"{server.url}/v1/conversations", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert opened.status_code == 201, opened.text
    return Target("127.0.0.1", server.port, token, opened.json()["id"])


async def answered(reader: asyncio.StreamReader, asked: Request) -> None:
    """Read one answer, and compare it with its request. Raises AssertionError."""
    head = b"HTTP/1.1 100 "
    while head.startswith(b"HTTP/1.1 100 "):
        head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    size = 0 if asked.is_head else int(headers["content-length"])
    body = await reader.readexactly(size)
    assert first.split()[1] == str(asked.status), (asked.sent[:300], first, body[:300])
    if asked.token:
        assert headers["x-request-id"] == asked.token, (asked.sent[:300], head, body[:300])
    if asked.content is not None:
        assert json.loads(body)["content"] == asked.content


async def talk(target: Target, asked: list[Request], cuts: list[int], together: bool) -> None:
    """Send it all, cut at these places, reading meanwhile."""
    reader, writer = await asyncio.open_connection(target.host, target.port)
    sent = b"".join(request.sent for request in asked)
    at = sorted({0, len(sent), *(cut % len(sent) for cut in cuts)})

    async def send() -> None:
        for start, end in itertools.pairwise(at):
            writer.write(sent[start:end])
            if not together:
                await writer.drain()
                await asyncio.sleep(0.001)

    sending = asyncio.ensure_future(send())
    try:
        async with asyncio.timeout(PATIENCE):
            for request in asked:
                await answered(reader, request)
            if not asked[-1].lasts:
                assert await reader.read(-1) == b""
            else:  # nothing more is on its way
                last = a_get(target, "/health", 200)
                await sending
                writer.write(last.sent)
                await answered(reader, last)
    finally:
        sending.cancel()
        writer.close()


@settings(fuzzed, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=50),
    last=st.sampled_from(sorted(LAST)),
    cuts=st.lists(st.integers(0, 1 << 20), max_size=12),
    together=st.booleans(),
)
def test_every_answer_belongs_to_its_request(
    target: Target, kinds: list[str], last: str, cuts: list[int], together: bool
) -> None:
    asked = [KINDS[kind](target) for kind in kinds]
    end = LAST[last](target)
    if end is not None:
        if last == "a foreign name":
            end = end._replace(sent=end.sent.replace(HOST.encode(), b"Host: e.example\r\n"))
        asked.append(end)
    asyncio.run(talk(target, asked, cuts, together))
