"""Whichever router finds a request's route, and whoever writes the answer, a client sees the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import web

from tertulia.core.errors import Conflict, Overloaded
from tertulia.core.views.metrics import Sample
from tertulia.http.connection.fast_router import FAST_ROUTER, FastRouter
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.framework import problems
from tertulia.http.framework.metrics import Metrics
from tertulia.http.framework.responses import JsonAnswer
from tertulia.logs import request_context

ID = "0197c8a0-0000-7000-8000-00000000000A"
PATH = "/v1/things/{id}/notes"


async def note(request: web.Request, path: Mapping[str, str]) -> web.StreamResponse:
    """Says what it was asked, or fails as it is told."""
    assert request_context.get() == {"request_id": request[problems._REQUEST]}
    body = await request.read()
    match request.query.get("fail"):
        case "conflict":
            raise Conflict("not twice", current={"n": 1})
        case "overloaded":
            raise Overloaded("later", retry_after=3)
        case "bug":
            raise ZeroDivisionError
        case "large":
            raise web.HTTPRequestEntityTooLarge(1, 2)
        case "empty":
            return web.Response(status=204)
        case _:
            said = {"id": path["id"], "body": body.decode(), "q": request.query.get("q")}
            return JsonAnswer(json.dumps(said).encode(), 201 if body else 200)


async def nothing() -> list[Sample]:
    return []


class Served:
    """A route behind both routers; `by_fast_router` counts the requests that took the fast one."""

    def __init__(self) -> None:
        self.by_fast_router = 0
        self.metrics = Metrics(nothing)
        app = web.Application(client_max_size=1000)
        problems.install(app)
        app.middlewares.insert(0, self.metrics.requests.middleware)
        fast_router = app[FAST_ROUTER] = FastRouter(self.metrics.requests)
        for method in ("GET", "POST"):
            route = app.router.add_route(method, PATH, self._standard)
            table = self.metrics.requests.know(route, PATH, method, stream=False)
            fast_router.add(method, PATH, self._fast, table)
        self.runner = ProblemRunner(app, access_log=None)

    async def _fast(self, request: web.Request, path: Mapping[str, str]) -> web.StreamResponse:
        self.by_fast_router += 1
        return await note(request, path)

    async def _standard(self, request: web.Request) -> web.StreamResponse:
        return await note(request, request.match_info)

    async def ask(self, request: bytes) -> tuple[bytes, dict[str, str], bytes]:
        """Status line, headers and body of the last answer on a connection that the server may keep."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.runner.addresses[0][1])
        try:
            writer.write(request)
            status = b""
            while status in (b"", b"HTTP/1.1 100 Continue"):
                lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
                status, *fields = [line for line in lines if line]
            headers = dict(line.decode().split(": ", 1) for line in fields)
            assert len(headers) == len(fields), "no header twice"
            length = 0 if request.startswith(b"HEAD") else int(headers.get("Content-Length", 0))
            return status, headers, await reader.readexactly(length)
        finally:
            writer.close()

    async def counts(self) -> list[str]:
        page = (await self.metrics.page()).decode().splitlines()
        return [line for line in page if line.startswith("tertulia_http_request_duration_seconds_count")]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.runner.setup()
    await web.TCPSite(served.runner, "127.0.0.1", 0).start()
    yield served
    await served.runner.cleanup()


def request(
    path: str, body: bytes = b"", method: str = "POST", version: str = "1.1", **headers: str
) -> bytes:
    fields = {"Host": "a", "Content-Length": str(len(body)), "X-Request-Id": "asked-1"} | headers
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in fields.items())
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode() + body


QUERIES = ["", "?q=a%20b", "?fail=conflict", "?fail=overloaded", "?fail=bug", "?fail=large", "?fail=empty"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
@pytest.mark.parametrize("query", QUERIES)
async def test_both_routers_answer_the_same(served: Served, method: str, query: str) -> None:
    body = b'{"x":1}' if method == "POST" else b""
    fast = await served.ask(request(f"/v1/things/{ID}/notes{query}", body, method))
    assert served.by_fast_router == (method in ("GET", "POST"))
    standard = await served.ask(request(f"/v1/thing%73/{ID}/notes{query}", body, method))
    assert served.by_fast_router == (method in ("GET", "POST")), (
        "an unusual path goes through aiohttp's router"
    )
    assert fast[0] == standard[0] and fast[2] == standard[2]
    assert {k: v for k, v in fast[1].items() if k != "Date"} == {
        k: v for k, v in standard[1].items() if k != "Date"
    }
    assert fast[1]["X-Request-Id"] == "asked-1"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"version": "1.1"}, True),
        ({"version": "1.1", "Connection": "close"}, False),
        ({"version": "1.0"}, False),
        ({"version": "1.0", "Connection": "keep-alive"}, True),
    ],
)
async def test_connections_end_as_http_has_it(served: Served, sent: dict[str, str], kept: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.runner.addresses[0][1])
    one = request(f"/v1/things/{ID}/notes", b"{}", **sent)
    writer.write(one)
    head = await reader.readuntil(b"\r\n\r\n")
    body = json.loads(await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])))
    assert b" 201 Created\r\n" in head and body["id"] == ID
    if kept:
        writer.write(one + one)  # two at once: both are answered, in order
        again = [await reader.readuntil(b'"q": null}') for _ in range(2)]
        assert all(b" 201 Created\r\n" in answer for answer in again)
    else:
        assert await reader.read() == b""
    writer.close()


async def test_a_client_that_asks_first_is_told_to_go_on(served: Served) -> None:
    sent = request(f"/v1/things/{ID}/notes", b"{}", Expect="100-continue")
    status, _, body = await served.ask(sent)
    assert status == b"HTTP/1.1 201 Created" and json.loads(body)["body"] == "{}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/v1/things/{ID}", 404),
        (f"/v1/things/{ID}/notes/", 404),
        (f"/v1/things/{ID}/notes/x", 404),
        (f"//v1/things/{ID}/notes", 404),
        (f"/v1/others/{ID}/notes", 404),
        ("/v1/things/short/notes", 200),
        (f"/v1/things/{ID[:-3]}%41/notes", 200),
    ],
)
async def test_other_paths_are_the_routers(served: Served, path: str, status: int) -> None:
    answer = await served.ask(request(path, method="GET"))
    assert answer[0].split()[1] == str(status).encode() and served.by_fast_router == 0


async def test_requests_are_counted_on_either_path(served: Served) -> None:
    for path in (f"/v1/things/{ID}/notes", f"/v1/thing%73/{ID}/notes"):
        await served.ask(request(path, method="GET"))
        await served.ask(request(f"{path}?fail=bug", method="GET"))
    labels = 'count{method="GET",route="/v1/things/{id}/notes",status='
    counted = [line.partition(labels)[2] for line in await served.counts()]
    assert sorted(filter(None, counted)) == ['"200"} 2.0', '"500"} 2.0']
