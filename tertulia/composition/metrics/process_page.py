"""A process's own page for Prometheus, on a port of its own: a process that is down cannot look healthy, and no figure is counted twice."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ...core.errors import Unauthenticated
from ...core.views.metrics import Sample
from ...http.auth.client_address import TrustedProxies
from ...http.auth.hosts import HostPolicy
from ...http.auth.tokens import bearer
from ...http.connection.deadlines import Deadlines
from ...http.connection.policy import POLICY, ConnectionPolicy
from ...http.connection.protocol import ProblemRunner
from ...http.connection.request_checks import RequestChecks
from ...http.connection.table import ConnectionTable
from ...http.framework import problems
from ...http.framework.metrics import Metrics, RequestMetrics
from ...settings import Settings

CONNECTIONS: Final = 32
"""Open connections of a page, half of them of one address; beyond it the oldest idle one is closed, else 503."""

Gather = Callable[[], Awaitable[list[Sample]]]


async def listen(settings: Settings, address: str, gather: Gather, requests: RequestMetrics | None) -> int:
    """Serve `/metrics` at an address until the process ends, under the rules of a gateway's. Returns the port."""
    metrics, readers = Metrics(gather, requests), TrustedProxies(settings.metrics_readers())
    token = settings.metrics_token

    async def page(request: web.Request) -> web.Response:
        shown = bearer(request.headers) or ""
        if not readers.trusts(request.remote) and not (
            token is not None and hmac.compare_digest(shown.encode(), token.encode())
        ):
            raise Unauthenticated("see TERTULIA_METRICS_TOKEN and TERTULIA_METRICS_NETWORKS")
        return web.Response(body=await metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    nobody = TrustedProxies()
    app = web.Application(client_max_size=1024)
    app[POLICY] = ConnectionPolicy(
        ConnectionTable(CONNECTIONS, CONNECTIONS // 2, nobody),
        Deadlines.from_settings(settings),
        nobody,
        RequestChecks(HostPolicy.from_settings(settings)),
        readers,
    )
    problems.install(app)
    app.router.add_get("/metrics", page)
    runner = ProblemRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, address, 0).start()
    return runner.addresses[0][1]
