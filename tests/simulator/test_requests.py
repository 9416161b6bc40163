"""Measured requests against a small server: latency counts from the intended time, refusals name their setting, and fail the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from tertulia.simulator.figures.figures import Figures
from tertulia.simulator.traffic.requests import Requests, setting_of

Serve = Callable[[Callable[[web.Request], Awaitable[web.Response]]], Awaitable[Requests]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []
    clients: list[Requests] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Requests:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        clients.append(Requests(f"http://127.0.0.1:{port}", Figures(), lambda: 0.0))
        return clients[-1]

    yield start
    for client in clients:
        await client.close()
    for runner in runners:
        await runner.cleanup()


async def ok(request: web.Request) -> web.Response:
    return web.json_response({"got": (await request.read()).decode()})


async def test_latency_counts_from_the_intended_time(serve: Serve) -> None:
    requests = await serve(ok)
    answer = await requests.call("POST /x", "/x", body={"a": 1}, intended=time.monotonic() - 3)
    row = requests.figures.rows["POST /x"]
    assert answer.ok and answer.data == {"got": '{"a":1}'} and 3 <= row.latency.percentile(50) < 10
    assert (row.sent_bytes, row.received_bytes > 10, dict(row.statuses), row.failed) == (
        7,
        True,
        {"200": 1},
        0,
    )


async def test_refused_sends_are_failures_and_name_the_setting(serve: Serve) -> None:
    async def refuse(request: web.Request) -> web.Response:
        body = {
            "code": "rate_limited",
            "detail": "too many requests for one user: 200 a second, 200 at once; set by TERTULIA_RATE_USER",
        }
        return web.json_response(body, status=429, headers={"Retry-After": "0"})

    requests = await serve(refuse)
    await asyncio.gather(*(requests.insist("POST /x", "/x", attempts=1) for _ in range(999)))
    figures = requests.figures
    assert (
        figures.counts["failed"]
        == figures.counts["refused"]
        == figures.counts["limit TERTULIA_RATE_USER"]
        == 999
    )
    assert figures.errors == {"POST /x: 429 rate_limited": 999} and figures.rows["POST /x"].statuses == {
        "429": 999
    }
    assert len(figures.samples) == 20


async def test_a_refusal_is_repeated_and_counts_its_wait(serve: Serve) -> None:
    answers = iter([503, 429, 201])

    async def refuse_twice(request: web.Request) -> web.Response:
        return web.json_response({"code": "overloaded", "detail": "x"}, status=next(answers))

    requests = await serve(refuse_twice)
    answer = await requests.insist("POST /x", "/x")
    assert (
        answer.status == 201
        and requests.figures.counts["failed"] == 0
        and requests.figures.counts["refused"] == 2
    )


async def test_what_is_no_answer_of_the_server(serve: Serve) -> None:
    async def strange(request: web.Request) -> web.Response:
        return web.Response(text="<html>proxy</html>", status=404)

    requests = await serve(strange)
    answer = await requests.insist("GET /x", "/x")
    assert answer.problem == "not the server's own answer" and requests.figures.counts["failed"] == 1
    gone = await requests.call("GET /x", "/x", url="http://127.0.0.1:9")
    assert gone.status == 0 and gone.problem == "ClientConnectorError"


@pytest.mark.parametrize(
    ("detail", "setting"),
    [
        ("rate_limited: this user has 50 open streams, as many as it may (TERTULIA_MAX_STREAMS_PER_USER)", "TERTULIA_MAX_STREAMS_PER_USER"),
        ("rate_limited: too many requests for one address: 100 a second", "TERTULIA_RATE_ADDRESS"),
        ("overloaded: this gateway has reached its limit of open streams", "TERTULIA_MAX_STREAMS"),
        ("conflict: no", None),
    ],
)  # fmt: skip
def test_limits_are_named(detail: str, setting: str | None) -> None:
    assert setting_of(detail) == setting
