"""Cross-origin resource sharing (the Fetch standard, section 3.3): which pages of other origins may call the API, and read its answers.

An operator names origins for everybody (TERTULIA_ALLOWED_ORIGINS), an account's admin those of a web chat channel
(`config.allowed_origins`). A channel's origins may call only what a customer may, and read only the responses for that
channel's customers: a token's responses are for the token's channel. Answers name the page's origin, never `*`, so that streams can use a cookie.

The browser enforces all this. It protects people from pages, not the server from programs: requests are served as if they had no Origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy

from ...core.accounts.principal import PERMISSIONS, Principal, Role
from ...core.accounts.records import Channel
from ...core.errors import TertuliaError
from ...core.ids import is_uuid
from ...core.ports.resources import ChannelStore
from ..auth.origins import Origin, OriginPolicy, origin_of

API: Final = "/v1/"
MAX_AGE: Final = 7_200
"""Seconds for which a browser may keep the answer to a preflight request: the most that Chromium keeps it."""
MAX_LOOKUPS: Final = 4
"""Concurrent origin look-ups for refused requests at a gateway; beyond them, the page cannot read the response."""
REQUEST_HEADERS: Final = (
    "Accept, Authorization, Baggage, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Pragma,"
    " Range, Sentry-Trace, Traceparent, Tracestate, X-Account-Id, X-Request-Id, X-Requested-With"
)
"""Headers that a page may send: those the API reads, and those that common clients and tracers add."""
EXPOSED: Final = "Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Range, ETag, Retry-After, WWW-Authenticate, X-Request-Id"
"""Headers that a page may read, besides the few it always may."""
_CUSTOMER: Final = PERMISSIONS[Role.CUSTOMER]


class CrossOriginRoute(Protocol):
    """The fields of a route that decide which pages may call it (`endpoint.Route`)."""

    @property
    def permission(self) -> str | None: ...
    @property
    def is_shared(self) -> bool: ...


class Asked:
    """A cross-origin request, as far as is known: the route, its path's parameters, the token's holder."""

    __slots__ = ("path", "principal", "route")

    def __init__(self, route: CrossOriginRoute, path: Mapping[str, str]) -> None:
        self.route = route
        self.path = path
        self.principal: Principal | None = None


ASKED: Final[web.RequestKey[Asked]] = web.RequestKey("asked", Asked)
_HEADERS: Final[web.RequestKey[dict[str, str]]] = web.RequestKey("cors", dict)


class Cors:
    """The rules of one gateway. `channels` must say within seconds what another gateway has changed."""

    def __init__(self, origins: OriginPolicy, channels: ChannelStore) -> None:
        self._origins = origins
        self._channels = channels
        self._lookups = 0

    def headers_at_once(self, headers: CIMultiDictProxy[str]) -> dict[str, str] | None:
        """The headers of an answer, if they depend on nothing that must be awaited; else None."""
        if hdrs.ORIGIN not in headers:
            return {}
        origin = origin_of(headers)
        if origin is not None and self._origins.allows(origin):
            return _granted(headers)
        return None

    async def headers_for(self, request: web.BaseRequest, status: int) -> dict[str, str]:
        """The headers that let a page read the answer to its request; none if it may not."""
        known = request.get(_HEADERS)
        if known is None:
            at_once = self.headers_at_once(request.headers)
            known = await self._looked_up(request, status) if at_once is None else at_once
            if known and not _is_crossing(request):
                known = {}
            request[_HEADERS] = known
        return known

    async def _looked_up(self, request: web.BaseRequest, status: int) -> dict[str, str]:
        origin, asked = origin_of(request.headers), request.get(ASKED)
        if origin is None or asked is None:
            return {}
        free = asked.principal is None and status in (401, 429)  # nobody has paid for the look-up
        if free and self._lookups >= MAX_LOOKUPS:
            return {}
        self._lookups += 1
        try:
            allowed = await self._allowed_by_channel(origin, asked.route, asked.path, asked.principal)
        except TertuliaError:
            return {}
        finally:
            self._lookups -= 1
        return _granted(request.headers) if allowed else {}

    async def allows(self, origin: Origin, route: CrossOriginRoute, path: Mapping[str, str]) -> bool:
        """Whether pages of an origin may send a route's requests. Raises StorageUnavailable …"""
        if not route.is_shared:
            return False
        return self._origins.allows(origin) or await self._allowed_by_channel(origin, route, path, None)

    async def check_stream(self, request: web.BaseRequest, principal: Principal) -> None:
        """Raises Forbidden when a page opens a stream whose origin may not: a cookie would be sent along."""
        origin = origin_of(request.headers)
        if origin is not None and principal.channel_id is not None:
            channel = await self._channels.find(principal.channel_id)
            if channel is not None and _has(channel, origin):
                return
        self._origins.check(request)

    async def _allowed_by_channel(
        self, origin: Origin, route: CrossOriginRoute, path: Mapping[str, str], principal: Principal | None
    ) -> bool:
        if not is_for_customers(route):
            return False
        channel_id = path.get("channel_id", "").lower() if principal is None else principal.channel_id
        if channel_id:
            channel = await self._channels.find(channel_id) if is_uuid(channel_id) else None
            return channel is not None and _has(channel, origin)
        return principal is None and await self._channels.allows_origin(str(origin))


def is_for_customers(route: CrossOriginRoute) -> bool:
    """Whether a web chat customer may call it."""
    return route.is_shared and (route.permission is None or route.permission in _CUSTOMER)


def _has(channel: Channel, origin: Origin) -> bool:
    allowed = channel.config.get("allowed_origins")
    return (
        channel.type == "webchat"
        and channel.is_active
        and isinstance(allowed, list)
        and str(origin) in allowed
    )


def _is_crossing(request: web.BaseRequest) -> bool:
    """Whether pages of other origins may read the answer at all. That there is no such route, they may."""
    asked = request.get(ASKED)
    return request.path.startswith(API) if asked is None else asked.route.is_shared


def _granted(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    return granted(headers) | {hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: EXPOSED}


def granted(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """The headers that name the page's origin, as the page's browser wrote it."""
    return {
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: headers[hdrs.ORIGIN],
        hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS: "true",
    }


CORS: web.AppKey[Cors] = web.AppKey("cors", Cors)
