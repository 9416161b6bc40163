"""The short way from a request to its route, past aiohttp's router and middlewares, for paths like `/v1/conversations/{id}/…`.

Most requests name one thing by its id, and then one look in a table tells the route. All other paths, those that are written in
an unusual way among them, go through aiohttp's router; what a client sees is the same on either way.
"""

from __future__ import annotations

import time
from typing import Final

from aiohttp import web

from ..framework import problems
from ..framework.endpoint import Endpoint
from ..framework.metrics import RequestMetrics, Table
from ..framework.problems import Handler

PLACE: Final = 3
"""Where the id stands among the parts of a path: `/v1/conversations/{id}` begins with an empty one."""
_ID_LENGTH: Final = 36


class Lane:
    """Requests to the routes it was told of. `serve` stands before aiohttp's own handler."""

    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics
        self._routes: dict[tuple[str, str], tuple[Endpoint, str, Table]] = {}

    def add(self, method: str, path: str, endpoint: Endpoint, table: Table) -> None:
        """Serve a route, if its path has one parameter and that in the usual place."""
        parts = path.split("/")
        if path.count("{") == 1 and len(parts) > PLACE and parts[PLACE].startswith("{"):
            name, parts[PLACE] = parts[PLACE][1:-1], ""
            self._routes[method, "/".join(parts)] = endpoint, name, table

    def serve(self, usual: Handler) -> Handler:
        """A handler of all requests; `usual` gets those that are not ours."""
        routes, count, now = self._routes, self._metrics.count, time.perf_counter

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
                return await usual(request)
            value, parts[PLACE] = parts[PLACE], ""
            found = routes.get((request.method, "/".join(parts)))
            if found is None or not value.isascii() or "%" in value or "#" in value:
                return await usual(request)
            endpoint, name, table = found
            began = now()
            response = await problems.answered(request, endpoint(request, {name: value}))
            count(table, response.status, now() - began)
            return response

        return serve


LANE: web.AppKey[Lane] = web.AppKey("lane", Lane)
