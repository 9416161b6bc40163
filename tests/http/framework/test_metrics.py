"""What /metrics says, and that counting a request costs next to nothing."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from tertulia.core.views.metrics import Sample
from tertulia.http.framework import problems
from tertulia.http.framework.metrics import BOUNDS, Metrics, RequestMetrics, _cumulative, _Series


async def thing(request: web.Request) -> web.Response:
    return web.Response(status=int(request.query.get("status", "200")))


def series(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text.decode())
        for s in family.samples
    }


def labels(route: str, status: int, method: str = "GET") -> tuple[tuple[str, str], ...]:
    return (("method", method), ("route", route), ("status", str(status)))


COUNT = "tertulia_http_request_duration_seconds_count"


async def nothing() -> list[Sample]:
    return []


async def test_requests_are_counted_by_route_and_status() -> None:
    metrics = Metrics(nothing)
    app = web.Application()
    problems.install(app)
    app.middlewares.insert(0, metrics.requests.middleware)
    metrics.requests.know(app.router.add_get("/things/{id}", thing), "/things/{id}", "GET", stream=False)
    async with TestClient(TestServer(app)) as client:
        for i in range(3):
            await client.get(f"/things/{i}")
        await client.get("/things/1?status=409")
        await client.get("/things/1?status=oops")
        await client.get("/nowhere/1")
        await client.get("/nowhere/2")
        await client.request("PUT", "/things/1")
    found = series(await metrics.page())
    assert found[COUNT, labels("/things/{id}", 200)] == 3
    assert found[COUNT, labels("/things/{id}", 409)] == 1
    assert found[COUNT, labels("/things/{id}", 500)] == 1
    assert found[COUNT, labels("unmatched", 404, "any")] == 2
    assert found[COUNT, labels("unmatched", 405, "any")] == 1
    assert not any("nowhere" in str(key) or "PUT" in str(key) for key in found)


async def test_figures_are_gathered_when_the_page_is_asked_for() -> None:
    asked = 0

    async def gather() -> list[Sample]:
        nonlocal asked
        asked += 1
        return [
            Sample("tertulia_host_partitions", "Partitions", 512, {"host": "host:0"}),
            Sample("tertulia_host_partitions", "Partitions", 512, {"host": "host:1"}),
            Sample("tertulia_host_commits_total", "Commits", 7, {"host": "host:0"}, "counter"),
        ]

    metrics = Metrics(gather)
    await metrics.page()
    found = series(await metrics.page())
    assert asked == 1
    assert found["tertulia_host_partitions", (("host", "host:1"),)] == 512
    assert found["tertulia_host_commits_total", (("host", "host:0"),)] == 7
    assert "process_resident_memory_bytes" in {name for name, _ in found}


def test_streams_have_no_latency() -> None:
    requests = RequestMetrics()
    route = object()
    requests.know(route, "/v1/stream", "GET", stream=True)
    ended = requests._routes[route][3][200] = _Series()
    ended.counts[-1] = 2
    latency, streams = requests.collect()
    assert latency.samples == [] and [s.value for s in streams.samples] == [2]


def test_buckets_are_cumulative() -> None:
    buckets = _cumulative([1] * (len(BOUNDS) + 1))
    assert buckets[0] == ("0.001", 1.0) and buckets[-1] == ("+Inf", len(BOUNDS) + 1.0)


async def test_a_request_costs_little() -> None:
    requests = RequestMetrics()
    app = web.Application()
    route = app.router.add_get("/x", thing)
    requests.know(route, "/x", "GET", stream=False)
    match = await app.router.resolve(cast(Any, SimpleNamespace(method="GET", rel_url=URL("/x"))))
    request, response = cast(Any, SimpleNamespace(match_info=match)), web.Response()

    async def handler(_: web.Request) -> web.StreamResponse:
        return response

    measure = requests.middleware

    async def timed(count: int) -> tuple[float, float]:
        began = time.thread_time()
        for _ in range(count):
            await handler(request)
        bare = time.thread_time() - began
        began = time.thread_time()
        for _ in range(count):
            await measure(request, handler)
        return bare / count, (time.thread_time() - began) / count

    bare, measured = map(min, zip(*[await timed(2_000) for _ in range(50)], strict=True))
    assert measured - bare < 3e-6, f"{(measured - bare) * 1e6:.2f} µs"
