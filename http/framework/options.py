"""OPTIONS on every path (RFC 9110, section 9.3.7): which methods it has, and the answers to browsers' preflight requests.

Made from the route table: a path's methods are those of its own routes. Preflight requests are anonymous, and limited per address
separately from other requests: a page whose requests are refused must be able to read why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from ...core.errors import Forbidden
from ..auth.origins import origin_of
from . import cors
from .cors import ASKED, CORS, Asked, Cors
from .endpoint import Route
from .metrics import RequestMetrics
from .services import SERVICES

EVERYWHERE: Final = "*"
"""The target of an OPTIONS request that concerns the server as a whole."""
METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""The methods that some path of this server takes."""
_FOREIGN: Final = (
    "pages of this origin may not call this route: an operator allows origins with TERTULIA_ALLOWED_ORIGINS, an admin those of a web"
    " chat with the channel's config.allowed_origins"
)
_VARY: Final = f"{hdrs.ORIGIN}, {hdrs.ACCESS_CONTROL_REQUEST_METHOD}, {hdrs.ACCESS_CONTROL_REQUEST_HEADERS}"


def add_options(app: web.Application, routes: Iterable[Route], metrics: RequestMetrics) -> None:
    """Serve OPTIONS on the paths of all routes. Call it after they were added, so that theirs are matched in the same order."""
    by_path: defaultdict[str, dict[str, Route]] = defaultdict(dict)
    for route in routes:
        by_path[route.path][route.method] = route
        if route.method == hdrs.METH_GET and not route.stream:
            by_path[route.path].setdefault(hdrs.METH_HEAD, route)
    for path, methods in by_path.items():
        added = app.router.add_route(hdrs.METH_OPTIONS, path, _PathOptions(app, methods).answer)
        metrics.know(added, path, hdrs.METH_OPTIONS, stream=False)


class _PathOptions:
    """The options of one path, whose routes are given by method."""

    def __init__(self, app: web.Application, methods: dict[str, Route]) -> None:
        self._cors: Cors = app[CORS]
        self._limits = app[SERVICES].limits
        self._methods = methods
        self._allow = ", ".join(sorted({*methods, hdrs.METH_OPTIONS}))
        crossing = [method for method, route in methods.items() if route.is_shared]
        self._crossing = ", ".join(sorted(crossing))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """204 with Allow; a preflight request of a page that may not call the path gets 403."""
        method = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD)
        # if the path does not have the method, the browser says so: the answer tells the methods it has
        route = self._methods.get(method or "") or next(iter(self._methods.values()))
        request[ASKED] = Asked(route, request.match_info)
        await self._limits.admit_preflight(request.remote)
        headers = {hdrs.ALLOW: self._allow}
        if method is not None and hdrs.ORIGIN in request.headers:
            headers |= await self._preflight(request, route)
        return web.Response(status=204, headers=headers)

    async def _preflight(self, request: web.Request, route: Route) -> dict[str, str]:
        origin = origin_of(request.headers)
        if origin is None or not await self._cors.allows(origin, route, request.match_info):
            raise Forbidden(_FOREIGN)
        return cors.granted(request.headers) | {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: self._crossing,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: cors.REQUEST_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(cors.MAX_AGE),
            hdrs.VARY: _VARY,
        }


@web.middleware
async def server_options(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers `OPTIONS *`, which no route matches."""
    if request.method != hdrs.METH_OPTIONS or request.raw_path != EVERYWHERE:
        return await handler(request)
    await request.app[SERVICES].limits.admit_preflight(request.remote)
    return web.Response(status=204, headers={hdrs.ALLOW: METHODS})
