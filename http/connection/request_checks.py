"""Checks of every request before routing: its Host, method, version and transfer coding.

Owns the refusals that RFC 9110 and 9112 require of a server and that aiohttp's parser leaves to it. Called once per request on
either path, so the common case costs two look-ups.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.http_parser import RawRequestMessage
from multidict import CIMultiDictProxy

from ..auth import origins
from ..auth.hosts import HostPolicy

_FOREIGN: Final = (
    "this server does not know itself by the name in Host; the operator can add it to TERTULIA_ALLOWED_HOSTS"
)


Head = RawRequestMessage | web.BaseRequest


class Refusal(NamedTuple):
    status: int
    detail: str


class RequestChecks:
    """The checks of one server."""

    def __init__(self, hosts: HostPolicy) -> None:
        self._hosts = hosts

    def refusal(self, head: Head, target: str) -> Refusal | None:
        """Why a request is refused regardless of its route, if it is."""
        headers = head.headers
        if not target.startswith("/"):
            if head.method == hdrs.METH_CONNECT:
                return Refusal(501, "this server is not a proxy")
            if "://" in target:  # absolute-form: names the host as well (RFC 9112 section 3.2.2)
                named = target.partition("://")[2].partition("/")[0].partition("?")[0]
                refused = self._name_refusal(named, headers)
                if refused is not None:
                    return refused
            elif target == "*" and head.method != hdrs.METH_OPTIONS:  # RFC 9112 section 3.2.4
                return Refusal(400, "the target * is for OPTIONS alone")
        if hdrs.TRANSFER_ENCODING in headers:
            if head.version == HttpVersion10:
                return Refusal(400, "HTTP/1.0 has no Transfer-Encoding")
            if headers[hdrs.TRANSFER_ENCODING].strip().lower() != "chunked":
                return Refusal(501, "the only Transfer-Encoding known is chunked")
        if head.version != HttpVersion11 and head.version != HttpVersion10:
            return Refusal(505, "this server speaks HTTP/1.1")
        if hdrs.EXPECT in headers and headers[hdrs.EXPECT].lower() != "100-continue":
            return Refusal(417, "the only expectation known is 100-continue")
        return self.host_refusal(headers)

    def is_own_host(self, authority: str | None) -> bool:
        """Whether a Host names this server. HTTP/1.0 requests may have none."""
        return authority is None or self._hosts.is_own(authority) is True

    def host_refusal(self, headers: CIMultiDictProxy[str]) -> Refusal | None:
        """The part of `refusal` that concerns Host."""
        authority = headers.get(hdrs.HOST)
        if authority is None or self._hosts.is_own(authority):
            return None
        return self._name_refusal(authority, headers)

    def _name_refusal(self, authority: str, headers: CIMultiDictProxy[str]) -> Refusal | None:
        own = self._hosts.is_own(authority)
        if own:
            return None
        if own is None:
            return Refusal(400, "Host must be a host and, if need be, a port")
        if self._hosts.strict or _is_origin(headers.get(hdrs.ORIGIN), authority):
            return Refusal(421, _FOREIGN)
        return None


def _is_origin(text: str | None, authority: str) -> bool:
    """Whether the page that asks is of the host in `authority`, on any port: after DNS rebinding the name matches."""
    if text is None:
        return False
    origin, own = origins.parse(text), origins.parse(f"http://{authority}")
    return origin is not None and own is not None and origin.host.rstrip(".") == own.host.rstrip(".")
