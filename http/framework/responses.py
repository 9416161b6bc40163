"""JSON answers, serialized as one piece: status line, headers and body.

aiohttp builds and serializes a table of headers for each answer, although most answers have the same few. This module writes
those; special cases (HTTP/1.0, HEAD, a closing connection, headers set by a handler) are left to aiohttp.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import istr

from .security_headers import BASE, SERVER, headers_for, secure

REQUEST_ID: Final[str] = istr("X-Request-Id")
NONE: Final[Mapping[str, str]] = MappingProxyType({})


class _CommonHeaders:
    """The headers of every answer of this process. `head(status, second)`: the beginning of JSON answers within a second, up to
    the request's id."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.head = lru_cache(maxsize=32)(self._head)

    def _head(self, status: int, second: int) -> str:
        lines = {"Content-Type": "application/json", "Date": _date(second), **self.headers}
        written = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 {_status_line(status)}\r\n{written}{REQUEST_ID}: "


_common = _CommonHeaders(BASE)


def configure(public_url: str | None) -> None:
    """Set the headers for a server at `public_url`. There is one application per process."""
    global _common
    _common = _CommonHeaders(headers_for(public_url))


def secured(headers: MutableMapping[str, str]) -> None:
    """Add the headers that every answer carries."""
    secure(headers, _common.headers)


def json_bytes(status: int, request_id: str, body: bytes, headers: Mapping[str, str] = NONE) -> bytes:
    """A complete HTTP/1.1 answer on a connection that stays open, with more headers."""
    head = f"{_common.head(status, int(time.time()))}{request_id}\r\nContent-Length: {len(body)}\r\n"
    if headers:
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}\r\n".encode() + body


def response_bytes(response: web.Response) -> bytes:
    """The same for a response with any headers and a complete body."""
    body = response.body
    assert isinstance(body, bytes)
    now = _date(int(time.time()))
    headers = {**response.headers, "Content-Length": len(body), "Date": now, "Server": SERVER}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {_status_line(response.status)}\r\n{lines}\r\n".encode() + body


class JsonAnswer(web.Response):
    """An answer with a JSON body, so never a 204 or 304, and without cookies. `request_id`, if set, becomes a header."""

    request_id: str | None = None
    _written = _closes = False

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__(body=body, status=status, content_type="application/json")

    @property
    def prepared(self) -> bool:
        return self._written or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        return True if self._written else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """As in aiohttp, but the body may be sent along with the head."""
        if self._written:
            return None
        if self.request_id is None or not self._is_plain(request):
            if self.request_id is not None:
                self.headers[REQUEST_ID] = self.request_id
            secured(self.headers)
            return await super().prepare(request)
        self._written = True
        body = self.body
        assert isinstance(body, bytes)
        await request.writer.write(json_bytes(self.status, self.request_id, body))
        return request.writer

    def _is_plain(self, request: web.BaseRequest) -> bool:
        return (
            request.keep_alive
            and request.version == HttpVersion11
            and request.method != "HEAD"
            and len(self.headers) == 1
            and not self._closes
        )

    def force_close(self) -> None:
        """As in aiohttp."""
        self._closes = True
        super().force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """As in aiohttp."""
        if not self._written:
            await super().write_eof(data)


@lru_cache
def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
