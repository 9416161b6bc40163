"""Which web pages may call the API and open streams: origins, and the check against cross-site WebSocket hijacking.

Origins are compared as a whole (RFC 6454: scheme, host and port), never by prefix, suffix or substring. A request without Origin is
not from another site's page, since browsers send it with every WebSocket handshake and cross-origin fetch; it passes unless
the browser says that it is cross-site.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDictProxy

from ...core.errors import Forbidden
from ...settings import Settings

_PORTS: Final = {"http": 80, "https": 443}
FOREIGN_STREAM: Final = "streams may not be opened from this origin"
MAX_ORIGIN: Final = 300
"""Characters of an origin: a host name has 253 at most."""
_HOST: Final = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As browsers write it: lower case, without the default port."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


@lru_cache(maxsize=1024)
def parse(text: str) -> Origin | None:
    """`scheme://host[:port]` and nothing more, else None (`null` too). Default ports are filled in."""
    scheme, separator, authority = text.lower().partition("://")
    if not separator or scheme not in _PORTS:
        return None
    host, port = authority, _PORTS[scheme]
    head, colon, tail = authority.rpartition(":")
    if colon and not authority.endswith("]"):
        if not (tail.isascii() and tail.isdigit()) or not 0 < int(tail[:6]) < 65_536:
            return None
        host, port = head, int(tail)
    return Origin(scheme, host, port) if _HOST.fullmatch(host) else None


class OriginPolicy:
    """The origins whose pages may call the API and open streams: the server's own, and those of the settings.

    Raises ValueError for a setting that is not an origin; `*` would let every page use a visitor's cookie.
    """

    def __init__(self, allowed: frozenset[str] = frozenset(), public_url: str | None = None) -> None:
        parsed = {text: parse(text.removesuffix("/")) for text in allowed}
        wrong = sorted(text for text, origin in parsed.items() if origin is None)
        if wrong:
            raise ValueError(f"not an origin (scheme://host[:port]): {', '.join(wrong)}")
        self._allowed = {origin for origin in parsed.values() if origin is not None}
        if public_url is not None:
            parts = urlsplit(public_url)
            own = parse(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
            if own is None:
                raise ValueError("the public URL must be http:// or https:// with a host")
            self._allowed.add(own)

    @classmethod
    def from_settings(cls, settings: Settings) -> OriginPolicy:
        return cls(settings.origins(), settings.public_url)

    def allows(self, origin: Origin) -> bool:
        """Whether the settings name it."""
        return origin in self._allowed

    def check(self, request: web.BaseRequest) -> None:
        """Raises Forbidden when a page of another origin opens the stream."""
        origin = origin_of(request.headers)
        if origin is None:
            if "Origin" in request.headers:
                raise Forbidden(FOREIGN_STREAM)
            if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
                raise Forbidden("streams may not be opened from another site")
        elif origin not in self._allowed and origin != _own(request):
            raise Forbidden(FOREIGN_STREAM)


def origin_of(headers: CIMultiDictProxy[str]) -> Origin | None:
    """The origin of the requesting page. None without one, and for `null`, several, or an invalid one."""
    origins = headers.getall("Origin", ())
    return parse(origins[0]) if len(origins) == 1 and len(origins[0]) <= MAX_ORIGIN else None


def _own(request: web.BaseRequest) -> Origin | None:
    # a trusted proxy may have set the scheme (client_address.py); request_checks.py has checked the name
    return parse(f"{request.scheme}://{request.headers.get('Host', '')}")
