"""The headers that OWASP's ASVS asks of every response, on every route of the route table, whatever the answer is."""

from __future__ import annotations

import asyncio
from email.parser import BytesHeaderParser

import httpx
import pytest
from desks import Desk, fresh, ok
from examples import ROUTES, sent
from objects import more_objects
from readers import open_socket
from serving import OwnServer
from test_access import KEYS, STREAMS, request_for

from tertulia.serving.demo import WEBCHAT

KEPT = {
    "GET /asyncapi.json": "no-cache",
    "GET /openapi.json": "no-cache",
    "GET /docs": "no-cache",
    "GET /": "no-cache",
    "GET /welcome.css": "no-cache",
    "GET /inbox": "no-cache",
    "GET /inbox/{path:.+}": "no-cache",
    "GET /static/{path:.+}": "public, max-age=3600",
    "GET /widget.js": "public, max-age=300",
    "GET /widget/channels/{channel_id}": "no-cache",
    "GET /widget/{path:.+}": "no-cache",
    "GET /demo/shop": "no-cache",
    "GET /demo/shop/{path:.+}": "no-cache",
    "GET /v1/attachments/{id}": "private, max-age=3600",
}
"""Answers that a client may keep, and how. Everything else is stored nowhere."""
FRAMED = {"GET /widget/channels/{channel_id}": "frame-ancestors 'self'"}
"""What other pages may show, and whose. Everything else is framed by nobody."""


def check(
    headers: httpx.Headers, what: object, kept: str = "no-store", framed: str = "frame-ancestors 'none'"
) -> None:
    assert headers.get_list("X-Content-Type-Options") == ["nosniff"], what
    assert headers.get_list("Cache-Control") == [kept], what
    assert headers.get_list("Referrer-Policy") == ["no-referrer"], what
    (policy,) = headers.get_list("Content-Security-Policy")
    assert "default-src 'none'" in policy and framed in policy, what
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", ""), what
    assert "Strict-Transport-Security" not in headers, "this server does not speak HTTPS"


@pytest.mark.parametrize("key", KEYS)
async def test_every_route(server: OwnServer, service: Desk, key: str) -> None:
    """As it answers an admin, and as it refuses somebody without a token."""
    objects = {"conversation": (await service.open())["id"], "channel": WEBCHAT, "fresh": fresh()}
    objects |= await more_objects(server, fresh(), ROUTES[key])
    request = request_for(key, objects)
    if request.socket:
        async with open_socket(server, server.token(), path=request.url.partition("?")[0]) as ws:
            assert ws.response is not None
            check(httpx.Headers(list(ws.response.headers.raw_items())), key)
        return
    body = sent(request.body)
    for token in (
        server.token("admin"),
        server.token("customer", "c", channel_id=WEBCHAT, contact_identifier="x"),
        None,
    ):
        async with server.client(token) as client, client.stream(
            request.method, request.url, headers=request.headers, **body
        ) as answer:  # fmt: skip
            kept = KEPT.get(key, "no-store") if answer.status_code < 400 else "no-store"
            framed = FRAMED.get(key, "frame-ancestors 'none'")
            check(answer.headers, (key, answer.status_code), kept, framed)
            if key not in STREAMS:
                await answer.aread()


async def test_the_docs_are_framed_by_nobody(server: OwnServer) -> None:
    async with server.client() as client:
        answer = await client.get("/docs")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


async def test_answers_of_no_route(server: OwnServer, service: Desk) -> None:
    i = (await service.open())["id"]
    path = f"/v1/conversations/{i}/messages"
    key = fresh()
    answers = [
        await service.http.get("/nothing"),
        await service.http.get("/v1/nothing"),
        await service.http.delete("/health"),
        await service.http.head("/health"),
        await service.http.post(
            path, json={"content": "one", "client_message_id": key}
        ),  # the fast path: 201
        await service.http.post(path, json={"content": "one", "client_message_id": key}),  # 200
        await service.http.post(path, json={"content": "two", "client_message_id": key}),  # 409
        await service.http.post(path, json={"content": ""}),  # 422
        await service.http.post(path, content=b"{", headers={"Content-Type": "application/json"}),  # 400
        await service.http.post(path, content=b"{}", headers={"Content-Type": "text/html"}),  # 415
        await service.http.post(
            path, content=b"x" * 2_000_000, headers={"Content-Type": "application/json"}
        ),  # 413
        await service.http.get(f"/v1/conversations/{i}", headers={"Connection": "close"}),
        await service.http.delete(f"/v1/conversations/{i}"),  # 204
    ]
    statuses = [404, 404, 405, 200, 201, 200, 409, 422, 400, 415, 413, 200, 204]
    assert [a.status_code for a in answers] == statuses
    for answer in answers:
        check(answer.headers, answer.request.url)
    etag = (await service.http.get("/openapi.json")).headers["ETag"]
    same = await service.http.get("/openapi.json", headers={"If-None-Match": etag})
    assert same.status_code == 304
    check(same.headers, "304", "no-cache")


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET /health HTTP/1.0\r\n\r\n",
        b"GET /v1/conversations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + b"x" * 1_000_000,
    ],
)
async def test_answers_to_what_is_hardly_http(server: OwnServer, request_: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    parsed = BytesHeaderParser().parsebytes(head.partition(b"\r\n")[2])
    check(httpx.Headers(parsed.items()), head)


async def test_an_active_file_is_saved_and_a_picture_is_shown(server: OwnServer, service: Desk) -> None:
    """Whatever name and type a file comes with: nothing that a browser would run is shown in place."""
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
    for content_type, body, inline in (
        ("image/png", png, True),
        ("application/pdf", b"%PDF-1.7", True),
        ("text/plain", b"<script>alert(1)</script>", False),
        ("text/csv", b"a,b", False),
        ("application/json", b"{}", False),
    ):
        made = await service.http.post(
            "/v1/attachments?name=a", content=body, headers={"Content-Type": content_type}
        )
        for headers in ({}, {"Range": "bytes=0-3"}):
            got = await service.http.get(ok(made, 201)["url"], headers=headers)
            check(got.headers, content_type, KEPT["GET /v1/attachments/{id}"])
            assert got.headers["Content-Disposition"].startswith("inline" if inline else "attachment")
            assert (
                got.status_code == (206 if headers else 200)
                and "sandbox" in got.headers["Content-Security-Policy"]
            )
    for active in ("image/svg+xml", "image/foo+xml", "text/html", "application/xhtml+xml", "image/svg"):
        refused = await service.http.post(
            "/v1/attachments?name=a.png", content=b"<svg/>", headers={"Content-Type": active}
        )
        assert refused.status_code == 415, active
