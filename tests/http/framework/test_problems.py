from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from tertulia.core.errors import BY_CODE, Conflict, Invalid, NotFound, Overloaded, RateLimited, TertuliaError
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.framework import problems
from tertulia.http.framework.problems import STATUS, install, problem_response
from tertulia.logs import request_context

Raise = Callable[[], Any]
FAILURES: dict[str, Raise] = {}


def failing(error: BaseException) -> str:
    """The path of a route that raises `error`."""
    name = f"f{len(FAILURES)}"

    def fail() -> None:
        raise error

    FAILURES[name] = fail
    return f"/fail/{name}"


async def fail(request: web.Request) -> web.Response:
    FAILURES[request.match_info["name"]]()
    return web.Response()


async def echo(request: web.Request) -> web.Response:
    assert request_context.get() == {"request_id": request[problems._REQUEST]}
    return web.Response(body=await request.read())


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"begun")
    if "fail" in request.query:
        raise NotFound("too late")
    return response


@pytest.fixture
async def app() -> web.Application:
    app = web.Application(client_max_size=1000)
    install(app)
    app.router.add_get("/fail/{name}", fail)
    app.router.add_post("/echo", echo)
    app.router.add_get("/stream", stream)
    return app


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(app)) as client:
        yield client


async def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    body = await response.json(content_type="application/problem+json")
    assert (response.status, body["status"], body["code"]) == (status, status, code)
    assert set(body) - {"current"} == {"type", "title", "status", "code", "detail", "errors", "request_id"}
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["type"].endswith(code) and body["title"] and body["detail"]
    return body


CARD = {
    "malformed": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "stale": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "rate_limited": 429,
    "overloaded": 503,
    "storage_unavailable": 503,
    "superseded": 503,  # between supervisors and hosts
    "not_ready": 503,
    "internal": 500,
    "error": 500,
}


def test_every_error_of_the_tree_has_its_row() -> None:
    assert set(BY_CODE) == set(CARD)
    assert {code: STATUS[code][0] for code in BY_CODE} == CARD


@pytest.mark.parametrize("code", sorted(CARD))
async def test_an_error_becomes_its_problem(client: TestClient[Any, Any], code: str) -> None:
    response = await client.get(failing(BY_CODE[code]("what happened")))
    body = await problem(response, CARD[code], code)
    assert body["detail"] == "what happened" and body["errors"] == []
    assert ("Retry-After" in response.headers) == (CARD[code] in (429, 503))


async def test_fields_current_state_and_retry_after(client: TestClient[Any, Any]) -> None:
    invalid = Invalid("no", errors=(("attachments[0].url", "required"), ("a", "b")))
    body = await problem(await client.get(failing(invalid)), 422, "invalid")
    assert body["errors"] == [
        {"path": "attachments[0].url", "message": "required"},
        {"path": "a", "message": "b"},
    ]
    conflict = Conflict("no", current={"status": "closed"})
    body = await problem(await client.get(failing(conflict)), 409, "conflict")
    assert body["current"] == {"status": "closed"}
    for wait, header in ((0.01, "1"), (1.2, "2"), (None, "1")):
        response = await client.get(failing(RateLimited("slow", retry_after=wait)))
        assert response.headers["Retry-After"] == header
        response = await client.get(failing(Overloaded("slow", retry_after=wait)))
        assert response.headers["Retry-After"] == header


def test_a_clients_half_character_does_not_break_the_answer() -> None:
    body = problem_response(Invalid("a\ud800b", errors=(("\udc00", "é"),)), "r").body
    assert json.loads(bytes(body))["errors"] == [{"path": "?", "message": "é"}]  # type: ignore[arg-type]


async def test_aiohttps_own_refusals(client: TestClient[Any, Any]) -> None:
    await problem(await client.get("/nowhere"), 404, "not_found")
    response = await client.get("/echo")
    await problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"
    await problem(await client.post("/echo", data=b"x" * 1001), 413, "too_large")
    await problem(await client.get(failing(web.HTTPBadRequest(text="secret detail"))), 400, "malformed")
    await problem(await client.get(failing(web.HTTPUnauthorized())), 401, "unauthenticated")
    await problem(await client.get(failing(web.HTTPPaymentRequired())), 402, "malformed")
    await problem(await client.get(failing(web.HTTPBadGateway())), 502, "internal")
    await problem(await client.get(failing(web.HTTPServiceUnavailable())), 503, "overloaded")
    response = await client.get(failing(web.HTTPFound("/elsewhere")), allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/elsewhere")
    assert "X-Request-Id" in response.headers


async def test_a_timeout_is_503(client: TestClient[Any, Any]) -> None:
    response = await client.get(failing(TimeoutError()))
    await problem(response, 503, "overloaded")
    assert response.headers["Retry-After"] == "1"


async def test_the_unexpected_is_logged_and_not_shown(client: TestClient[Any, Any]) -> None:
    class Odd(TertuliaError):
        code = "error"

    with capture_logs() as logs:
        response = await client.get(failing(ZeroDivisionError("the secret reason")))
        text = await response.text()
        await problem(response, 500, "internal")
    assert "secret" not in text and "Traceback" not in text
    assert [line["event"] for line in logs] == ["request_failed"] and logs[0]["exc_info"]
    await problem(await client.get(failing(Odd("x"))), 500, "error")


async def test_the_clients_request_id_is_kept_when_safe(client: TestClient[Any, Any]) -> None:
    for given in ("abc-1._Z", "x" * 64):
        response = await client.post("/echo", headers={"X-Request-Id": given})
        assert response.headers["X-Request-Id"] == given
    made = set()
    for given in ("", "a b", "x" * 65, "a\tb", "é", "<script>", "a;b"):
        response = await client.post("/echo", headers={"X-Request-Id": given})
        made.add(response.headers["X-Request-Id"])
    assert len(made) == 7 and all(len(one) <= 64 and "-" in one for one in made)


async def test_a_stream_carries_the_id_and_ends_when_it_fails(client: TestClient[Any, Any]) -> None:
    response = await client.get("/stream", headers={"X-Request-Id": "s-1"})
    assert response.headers["X-Request-Id"] == "s-1" and await response.read() == b"begun"
    with capture_logs() as logs:
        response = await client.get("/stream?fail=1")
        with pytest.raises(ClientPayloadError):
            await response.read()
    assert [line["event"] for line in logs] == ["stream_failed"]


async def test_a_client_that_left_gets_no_answer_and_no_record(app: web.Application) -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
                await asyncio.sleep(0)
        finally:
            ended.set()

    app.router.add_get("/endless", endless)
    with capture_logs() as logs:
        async with TestClient(TestServer(app)) as client:
            response = await client.get("/endless")
            response.close()
            await asyncio.wait_for(ended.wait(), 10)
    assert logs == []


async def raw(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.fixture
async def port(app: web.Application) -> AsyncIterator[int]:
    """The application behind the product's own connections."""
    runner = ProblemRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_a_body_that_breaks_its_own_headers_is_malformed(port: int) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await raw(port, head + b"5\r\nhello\r\nno length\r\n")
    assert b" 400 " in answer.split(b"\r\n")[0] and b'"code":"malformed"' in answer


@pytest.mark.parametrize(
    "encoding", ["gzip", "deflate", "br", "zstd", "compress", "x", "identity, gzip", "GZIP"]
)
@pytest.mark.parametrize("path", ["/echo", "/nothing/there"])
async def test_a_compressed_body_is_refused_wherever_it_goes(port: int, encoding: str, path: str) -> None:
    async with (
        ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{port}{path}", data=b"{}", headers={"Content-Encoding": encoding}
        ) as response,
    ):
        assert response.status == 415 and response.headers["Accept-Encoding"] == "identity"
        await problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["identity", "", "Identity , identity"])
async def test_identity_is_no_encoding(port: int, encoding: str) -> None:
    async with (
        ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{port}/echo", data=b"x", headers={"Content-Encoding": encoding}
        ) as response,
    ):
        assert response.status == 200 and await response.read() == b"x"


async def test_a_body_that_comes_compressed_is_never_unpacked(port: int, app: web.Application) -> None:
    packed = zlib.compress(bytes(100_000))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n"
        % len(packed)
    )
    writer.write(b"no deflate" + packed[10:])  # an error, if anybody tried
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 415 ")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert json.loads(await reader.readexactly(length))["status"] == 415
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
    assert (await reader.read()).endswith(b"\r\n\r\nx")
    writer.close()


async def test_unreadable_http_is_a_problem_too(app: web.Application) -> None:
    runner = ProblemRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        for request in (
            b"RUBBISH\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
            b"\x16\x03\x01\x02\r\n\r\n",
        ):
            head, _, body = (await raw(port, request)).partition(b"\r\n\r\n")
            assert b" 400 " in head.split(b"\r\n")[0] and b"application/problem+json" in head
            assert json.loads(body)["code"] == "malformed" and b"bad header" not in body
        head = await raw(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n")
        assert b" 431 " in head.split(b"\r\n")[0] and b"application/problem+json" in head
        async with (
            ClientSession() as session,
            session.post(f"http://127.0.0.1:{port}/echo", data=b"x") as response,
        ):
            assert await response.read() == b"x"
    finally:
        await runner.cleanup()
