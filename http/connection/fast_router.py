"""Routes paths like `/v1/conversations/{id}/…` by one look-up in a table, past aiohttp's router and middlewares.

All other paths, including unusual spellings of these, go through aiohttp's router; clients see no difference.
"""

from __future__ import annotations

import time
from typing import Final

from aiohttp import web

from ..framework import problems
from ..framework.cors import Cors
from ..framework.endpoint import Endpoint
from ..framework.metrics import RequestMetrics, Table
from ..framework.problems import Handler

PLACE: Final = 3
"""Index of the id among the parts of a path; the first part of `/v1/conversations/{id}` is empty."""
_ID_LENGTH: Final = 36


class FastRouter:
    """A table of routes with one id. `serve` wraps aiohttp's own handler."""

    def __init__(
        self, metrics: RequestMetrics, cors: Cors | None = None, forms: problems.Forms = problems.NO_FORMS
    ) -> None:
        self._metrics = metrics
        self._cors = cors
        self._forms = forms
        self._routes: dict[tuple[str, str], tuple[Endpoint, str, Table]] = {}
        self.last_responses = False
        """Whether each response is its connection's last one, since the gateway is leaving."""

    def add(self, method: str, path: str, endpoint: Endpoint, table: Table) -> None:
        """Serve a route, if its path has exactly one parameter, at `PLACE`, of any form."""
        parts = path.split("/")
        if path.count("{") == 1 and len(parts) > PLACE and parts[PLACE].startswith("{") and ":" not in path:
            name, parts[PLACE] = parts[PLACE][1:-1], ""
            self._routes[method, "/".join(parts)] = endpoint, name, table

    def serve(self, fallback: Handler) -> Handler:
        """A handler of all requests; those to other routes go to `fallback`."""
        routed = self._routed(fallback)

        async def serve(request: web.Request) -> web.StreamResponse:
            response = await routed(request)
            if self.last_responses:
                response.force_close()
            return response

        return serve

    def _routed(self, fallback: Handler) -> Handler:
        routes, count, now = self._routes, self._metrics.count, time.perf_counter
        cors, forms = self._cors, self._forms

        async def serve(request: web.Request) -> web.StreamResponse:
            path = request.raw_path
            parts = (path if "?" not in path else path[: path.index("?")]).split("/")
            headers = request.headers
            if (
                len(parts) <= PLACE
                or len(parts[PLACE]) != _ID_LENGTH
                or "Expect" in headers
                or "Content-Encoding" in headers
            ):
                return await fallback(request)
            value, parts[PLACE] = parts[PLACE], ""
            found = routes.get((request.method, "/".join(parts)))
            if found is None or not value.isascii() or "%" in value or "#" in value:
                return await fallback(request)
            endpoint, name, table = found
            began = now()
            response = await problems.answered(request, endpoint(request, {name: value}), cors, forms)
            count(table, response.status, now() - began)
            return response

        return serve


FAST_ROUTER: web.AppKey[FastRouter] = web.AppKey("fast_router", FastRouter)
