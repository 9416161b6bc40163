"""aiohttp's parser of a connection's requests, one request at a time.

Owns three things the parser leaves open. What is no HTTP loses only itself: requests that came whole before it, in the same
read, are answered first. A body that breaks off in its coding fails for whoever reads it, at once. And requests that can go the
direct way have left when it returns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

from aiohttp import StreamReader, hdrs, web
from aiohttp.http_exceptions import (
    BadHttpMessage,
    BadHttpMethod,
    BadStatusLine,
    HttpProcessingError,
    LineTooLong,
)
from aiohttp.http_parser import HttpRequestParser

from .fast_path import Connection, FastPathRoutes

MAX_TARGET: Final = 8190
"""Bytes of a request's target; beyond it 414."""
MAX_FIELD: Final = 8191
"""Bytes of one header field, name and value; beyond it 431. Another number than `MAX_TARGET`, by which the two are told apart."""
MAX_FIELDS: Final = 128
"""Header fields of a request; beyond it 431."""
MAX_HEAD: Final = 65_536
"""Bytes of a header that comes in several reads; beyond it 431."""
MAX_QUEUED: Final = 32
"""Requests of one connection that wait; while they do, nothing more is read from it. aiohttp's own bound."""
_ONE_BY_ONE: Final = 1
"""A parser that may have one message in flight stops after each; it is never told that one is consumed, so it always does."""

_END: Final = b"\r\n\r\n"
_END_SIZE: Final = len(_END)
_REQUEST_LINE: Final = re.compile(r"b['\"][A-Za-z!#$%&*+.^_`|~-]{1,32} \S+ HTTP/1\.[01]")
_VERSION: Final = re.compile(r"HTTP/(?!1\.[01])\d\.\d")
_NOTHING: Final[tuple[Sequence[Any], bool, bytes]] = (), False, b""

Messages = tuple[Sequence[tuple[Any, Any]], bool, bytes]


class ParsedConnection(Connection, Protocol):
    """What the parser needs to know of its connection."""

    @property
    def is_reading(self) -> bool:
        """Whether more may be parsed now: its bodies have room."""
        ...

    @property
    def queued(self) -> int:
        """Requests that wait."""
        ...

    def header_began(self) -> None: ...
    def body_began(self) -> None: ...
    def failure_waits(self) -> None: ...
    def body_failed(self, payload: StreamReader, error: Exception) -> None: ...


class RequestParser:
    """See the module. `heard`: a request has come. `in_head`: one has come in part. `body`: what comes now, if it is a body."""

    def __init__(
        self, connection: Any, direct: FastPathRoutes | None, loop: Any, read_bufsize: int, **options: Any
    ) -> None:
        self._connection: ParsedConnection = connection
        self._direct = direct
        self._real: Any = HttpRequestParser(
            connection,
            loop,
            read_bufsize,
            max_line_size=MAX_TARGET,
            max_field_size=MAX_FIELD,
            max_headers=MAX_FIELDS,
            payload_exception=web.RequestPayloadError,
            max_msg_queue_size=_ONE_BY_ONE,
            **options,
        )
        self._feed = self._real.feed_data
        self._head_bytes = 0
        self._ended = False
        self.failure: HttpProcessingError | None = None
        self.heard = self.in_head = False
        self.body: StreamReader | None = None

    def feed_data(self, data: bytes) -> Messages:
        """As in aiohttp. A `failure` that came after requests is kept, and raised when this is called next."""
        if self._ended:
            return _NOTHING
        if self.failure is not None:
            self._ended = True
            raise self.failure
        try:
            first = self._feed(data)
        except (HttpProcessingError, ValueError, LookupError) as error:
            self._ended = True
            return self._failed(error)
        messages = first[0]
        if len(messages) == 1 and self.body is None:
            message, payload = messages[0]
            if (  # the usual: one request, whole, and nothing else
                payload.is_eof()
                and data.find(_END) + _END_SIZE + payload.total_bytes == len(data)
                and not message.upgrade  # of these the parser has to be asked once more
            ):
                if self.in_head or not self.heard:
                    self.heard, self.in_head, self._head_bytes = True, False, 0
                if self._direct is not None:
                    left = self._direct.begin(self._connection, message, payload)
                    return (() if left is None else ((message, left),)), False, b""
                return first
        return self._all(first, data)

    def _failed(self, error: Exception) -> Messages:
        """What stands first is no HTTP, or no body as its header says."""
        failure = _failure(error)
        if self.body is None:
            raise failure
        self._connection.body_failed(self.body, failure)
        return _NOTHING

    def _all(self, first: Messages, data: bytes) -> Messages:
        """All that `data` completes, and what it begins."""
        in_body = self.body is not None
        if self.body is not None and self.body.is_eof():
            self.body = None
            if not first[0] and not first[1]:  # what follows that body
                try:
                    first = self._feed(b"")
                except (HttpProcessingError, ValueError, LookupError) as error:
                    self._ended = True
                    return self._failed(error)
        if not first[0]:
            if data and not (first[1] or in_body):
                self._head_came(len(data))
            return first
        messages, upgraded, tail = first if first[1] else self._rest(list(first[0]), data)
        self._heard(messages)
        if len(messages) == 1 and not upgraded and self._direct is not None and self.failure is None:
            message, payload = messages[0]
            left = self._direct.begin(self._connection, message, payload)
            messages = () if left is None else ((message, left),)
        return messages, upgraded, tail

    def _rest(self, messages: list[tuple[Any, Any]], data: bytes) -> Messages:
        """`messages`, and what requests of the same read follow them."""
        room = MAX_QUEUED - self._connection.queued
        while True:
            if _loses_the_rest(messages[-1][0]) and (len(messages) > 1 or not _is_one(data)):
                return self._closing(messages)
            if not self._connection.is_reading or len(messages) >= room:
                return messages, False, b""
            try:
                more, upgraded, tail = self._feed(b"")
            except (HttpProcessingError, ValueError, LookupError) as error:
                self._later(_failure(error), messages)
                return messages, False, b""
            messages += more
            if upgraded or not more:
                return messages, upgraded, tail

    def _closing(self, messages: list[tuple[Any, Any]]) -> Messages:
        """The connection ends with the last of these, so that its client knows that what stands behind was not heard."""
        message, payload = messages[-1]
        messages[-1] = message._replace(should_close=True), payload
        self._ended = payload.is_eof()
        return messages, False, b""

    def _later(self, error: HttpProcessingError, messages: list[tuple[Any, Any]]) -> None:
        message, payload = messages[-1]
        if not payload.is_eof():
            self._ended = True
            self._connection.body_failed(payload, error)
        elif message.should_close:  # nobody reads what follows the last request
            self._ended = True
        else:
            self.failure = error
            self._connection.failure_waits()

    def _heard(self, messages: Sequence[tuple[Any, Any]]) -> None:
        self.heard, self.in_head, self._head_bytes = True, False, 0
        payload = messages[-1][1]
        self.body = None
        if not payload.is_eof() and not self._ended:
            self.body = payload
            self._connection.body_began()

    def _head_came(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD:
            self._ended = True
            raise LineTooLong(b"", MAX_FIELD)
        if not self.in_head:
            self.in_head = True
            self._connection.header_began()

    def message_consumed(self) -> None:
        """aiohttp has taken a request from its queue; see `_ONE_BY_ONE`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _loses_the_rest(message: Any) -> bool:
    """Whether a request asks for an upgrade that aiohttp's parser does not know, as to h2c: it drops the bytes behind it."""
    return message.upgrade and message.headers.get(hdrs.UPGRADE, "").lower() != "websocket"


def _is_one(data: bytes) -> bool:
    """Whether a read held one header without a body, and nothing else."""
    return data.count(_END) == 1 and data.endswith(_END)


def _failure(error: Exception) -> HttpProcessingError:
    """What yarl says about a target that is no URL is an error of HTTP too."""
    if isinstance(error, HttpProcessingError):
        return error
    return BadHttpMessage("the request's target cannot be read")


def status_of(error: BaseException | None) -> int:
    """The status of what the parser refuses (RFC 9110 section 15, RFC 9112 section 3)."""
    if isinstance(error, LineTooLong):
        return 414 if error.args[1] == MAX_TARGET else 431
    text = str(error)
    if isinstance(error, BadHttpMethod):
        return 501 if _REQUEST_LINE.search(text) else 400
    if isinstance(error, BadStatusLine) and _VERSION.search(text):
        return 505
    return 431 if "Too many headers" in text else 400
