"""A process's own page for Prometheus, on a port of its own: a process that is down cannot look healthy, and no figure is counted twice."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ...core.views.metrics import Sample
from ...http.auth.client_address import TrustedProxies
from ...http.auth.tokens import bearer
from ...http.framework.metrics import Metrics, RequestMetrics
from ...settings import Settings

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
            raise web.HTTPUnauthorized(text="see TERTULIA_METRICS_TOKEN and TERTULIA_METRICS_NETWORKS\n")
        return web.Response(body=await metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=1024)
    app.router.add_get("/metrics", page)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, address, 0)
    await site.start()
    return runner.addresses[0][1]
