"""The /metrics page: requests served by this gateway, and figures gathered when the page is requested.

Counting a request costs one look-up, a bisection and three additions; Prometheus objects are made only for the page. Labels are
routes, methods, statuses, transports and hosts, never an account, a conversation, or anything else that a client chooses.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog
from aiohttp import web
from aiohttp.abc import AbstractMatchInfo
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ...core.views.metrics import Sample
from ..streams.lasting_response import LastingResponse

log = structlog.get_logger(__name__)

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, in seconds."""
FRESH: Final = 1.0
"""Seconds for which gathered figures are reused, since they cost calls to hosts."""


class _Series:
    """The requests of one route with one status."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


Table = dict[int, _Series]


class RequestMetrics(Collector):
    """Counts and latencies of requests by route, method and status. Streams are counted when they end, without latency."""

    def __init__(self) -> None:
        self._routes: dict[object, tuple[str, str, bool, Table]] = {}
        self._unmatched: Table = {}

    def know(self, route: object, path: str, method: str, *, stream: bool) -> Table:
        """Count requests of an aiohttp route under these labels. Returns its counts by status."""
        table: Table = {}
        self._routes[route] = (path, method, stream, table)
        return table

    @property
    def middleware(self) -> Middleware:
        """The outermost middleware: every response has its final status here."""
        routes, unmatched, count, now = self._routes, self._unmatched, self.count, time.perf_counter

        @web.middleware
        async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
            began = now()
            response = await handler(request)
            known = routes.get(_route_of(request.match_info))
            table, status = unmatched if known is None else known[3], response.status
            if not (
                isinstance(response, LastingResponse)
                and response.when_over(lambda: count(table, status, 0.0))
            ):
                count(table, status, now() - began)
            return response

        return measure

    def count(self, table: Table, status: int, seconds: float) -> None:
        """Count one request; `table` is from `know`."""
        series = table.get(status)
        if series is None:
            series = table[status] = _Series()
        series.counts[bisect_left(BOUNDS, seconds)] += 1
        series.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """For Prometheus's registry."""
        names = ["route", "method", "status"]
        latency = HistogramMetricFamily(
            "tertulia_http_request_duration_seconds", "Requests by route and status", labels=names
        )
        streams = CounterMetricFamily(
            "tertulia_streams_ended", "Streams that ended, or were refused, by status", labels=names
        )
        tables = [*self._routes.values(), ("unmatched", "any", False, self._unmatched)]
        for path, method, is_stream, table in tables:
            for status, series in table.items():
                labels = [path, method, str(status)]
                if is_stream:
                    streams.add_metric(labels, sum(series.counts))
                else:
                    latency.add_metric(labels, _cumulative(series.counts), series.seconds)
        return [latency, streams]


def _route_of(match: AbstractMatchInfo) -> object:
    return match.route if isinstance(match, web.UrlMappingMatchInfo) else None


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


class Metrics:
    """A page. `gather` fetches the figures that are not counted here; `requests` counts answers."""

    def __init__(
        self, gather: Callable[[], Awaitable[list[Sample]]], requests: RequestMetrics | None = None
    ) -> None:
        self.requests = requests or RequestMetrics()
        self._gather = gather
        self._gathered: tuple[float, list[Sample]] | None = None
        self._asking = asyncio.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self.requests)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._registry.register(_Latest(self))

    async def page(self) -> bytes:
        """The page in Prometheus's text format. A failing host does not fail it."""
        async with self._asking:
            if self._gathered is None or time.monotonic() - self._gathered[0] > FRESH:
                self._gathered = time.monotonic(), await self._gather()
        return generate_latest(self._registry)

    @property
    def latest(self) -> list[Sample]:
        """The most recently gathered figures."""
        return self._gathered[1] if self._gathered is not None else []


class _Latest(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for sample in self._metrics.latest:
            family = families.get(sample.name)
            if family is None:
                make = GaugeMetricFamily if sample.kind == "gauge" else CounterMetricFamily
                family = families[sample.name] = make(sample.name, sample.help, labels=list(sample.labels))
            family.add_metric(list(sample.labels.values()), sample.value)
        return families.values()


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
