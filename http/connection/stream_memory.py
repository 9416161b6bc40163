"""What is dropped of a request that has become a stream: thousands of streams are open and idle, for hours.

Left are its transport, its protocol and the client's address. Neither the request's path and headers may be asked for later, nor its
own values (`request[key]`).
"""

from __future__ import annotations

from typing import Any, Final, Protocol, cast

from aiohttp import HttpVersion11, web
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .deadlines import Watch
from .request_parser import RequestParser

_NO_HEADERS: Final = CIMultiDictProxy(CIMultiDict[str]())
_NOWHERE: Final = URL("/")
_EMPTIED: Final = RawRequestMessage(
    "GET", "/", HttpVersion11, _NO_HEADERS, (), False, None, False, False, _NOWHERE
)


class StreamConnection(Protocol):
    """A connection, as seen from here (`protocol.ProblemProtocol`)."""

    requests: RequestParser
    watch: Watch

    @property
    def connected(self) -> bool: ...
    def keep_alive(self, val: bool) -> None: ...


def release_request(request: web.Request) -> None:
    """Call it once the stream has begun, and whatever serves requests has returned."""
    parts: Any = request
    parts._message, parts._headers, parts._rel_url = _EMPTIED, _NO_HEADERS, _NOWHERE
    parts._match_info = None
    request._cache.clear()
    request.clear()
    connection = cast(StreamConnection, request.protocol)
    connection.requests.rest()
    connection.watch.rest()  # the stream times its client's reading, and this again once much waits
    connection.keep_alive(False)  # until the stream's end, when aiohttp decides anew


def stream_ended(request: web.Request) -> None:
    """The stream has ended. The connection may serve other requests."""
    connection = cast(StreamConnection, request.protocol)
    if connection.connected:
        connection.watch.go_on()
