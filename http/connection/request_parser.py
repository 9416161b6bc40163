"""aiohttp's parser of a connection's requests, run one request at a time.

Adds three things. Bytes that are not HTTP cost only themselves: complete requests before them, in the same read, are answered
first. A body whose chunked coding breaks fails at once for its reader. And a request that qualifies for the fast path has been sent
when `feed_data` returns.
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
"""Bytes of one header field, name and value; beyond it 431. It differs from `MAX_TARGET` so that the two errors can be told apart."""
MAX_FIELDS: Final = 128
"""Header fields of a request; beyond it 431."""
MAX_HEAD: Final = 65_536
"""Bytes of a header that arrives in several reads; beyond it 431."""
MAX_QUEUED: Final = 32
"""Queued requests of one connection; while the queue is full, nothing more is read. aiohttp's own bound."""
_ONE_BY_ONE: Final = 1
"""The parser stops after so many messages in flight. It is never told that one was consumed, so it stops after each."""

_END: Final = b"\r\n\r\n"
_END_SIZE: Final = len(_END)
_REQUEST_LINE: Final = re.compile(r"b['\"][A-Za-z!#$%&*+.^_`|~-]{1,32} \S+ HTTP/1\.[01]")
_VERSION: Final = re.compile(r"HTTP/(?!1\.[01])\d\.\d")
_NOTHING: Final[tuple[Sequence[Any], bool, bytes]] = (), False, b""

Messages = tuple[Sequence[tuple[Any, Any]], bool, bytes]


class RequestHolder:
    """A parsed request on its way to aiohttp, which keeps what it is given for as long as the request is answered. A stream keeps only
    the holder, which is empty by then (`stream_memory.py`)."""

    __slots__ = ("message",)

    def __init__(self, message: Any) -> None:
        self.message = message

    def take(self) -> Any:
        """The request, once."""
        message, self.message = self.message, None
        return message


def _held(messages: Sequence[tuple[Any, Any]]) -> Sequence[tuple[RequestHolder, Any]]:
    return [(RequestHolder(message), payload) for message, payload in messages]


class ParsedConnection(Connection, Protocol):
    """The parser's view of its connection."""

    @property
    def is_reading(self) -> bool:
        """Whether more may be parsed now: the bodies' buffers have room."""
        ...

    @property
    def queued(self) -> int:
        """Requests in the queue."""
        ...

    def header_began(self) -> None: ...
    def body_began(self) -> None: ...
    def failure_waits(self) -> None: ...
    def body_failed(self, payload: StreamReader, error: Exception) -> None: ...


class RequestParser:
    """The parser of one connection.

    `received`: a request has arrived. `in_head`: a header has arrived in part. `body`: the body that is arriving.
    """

    __slots__ = (
        "_connection",
        "_ended",
        "_fast_path",
        "_feed",
        "_head_bytes",
        "_made_with",
        "_real",
        "body",
        "failure",
        "in_head",
        "received",
    )

    def __init__(
        self,
        connection: Any,
        fast_path: FastPathRoutes | None,
        loop: Any,
        read_bufsize: int,
        *,
        auto_decompress: bool,
    ) -> None:
        self._connection: ParsedConnection = connection
        self._fast_path = fast_path
        self._made_with = loop, read_bufsize, auto_decompress
        self._renew()
        self._head_bytes = 0
        self._ended = False
        self.failure: HttpProcessingError | None = None
        self.received = self.in_head = False
        self.body: StreamReader | None = None

    def _renew(self) -> None:
        loop, read_bufsize, auto_decompress = self._made_with
        self._real: Any = HttpRequestParser(
            self._connection,  # type: ignore[arg-type]
            loop,
            read_bufsize,
            max_line_size=MAX_TARGET,
            max_field_size=MAX_FIELD,
            max_headers=MAX_FIELDS,
            payload_exception=web.RequestPayloadError,
            max_msg_queue_size=_ONE_BY_ONE,
            auto_decompress=auto_decompress,
        )
        self._feed = self._real.feed_data

    def rest(self) -> None:
        """Drop aiohttp's parser, which keeps every field of the last header, until bytes arrive again."""
        self._real, self._feed = None, self._feed_anew

    def _feed_anew(self, data: bytes) -> Messages:
        self._renew()
        return self._feed(data)

    def feed_data(self, data: bytes) -> Messages:
        """As in aiohttp. A `failure` that came after requests is kept, and raised by the next call."""
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
            if (  # the common case: exactly one complete request
                payload.is_eof()
                and data.find(_END) + _END_SIZE + payload.total_bytes == len(data)
                and not message.upgrade  # the parser must be called once more for these
            ):
                if self.in_head or not self.received:
                    self.received, self.in_head, self._head_bytes = True, False, 0
                if self._fast_path is not None:
                    left = self._fast_path.begin(self._connection, message, payload)
                    return (() if left is None else ((RequestHolder(message), left),)), False, b""
                return _held(messages), False, b""
        messages, upgraded, tail = self._all(first, data)
        return _held(messages), upgraded, tail

    def _failed(self, error: Exception) -> Messages:
        """The read begins with bytes that are not HTTP, or that break the body's coding."""
        failure = _failure(error)
        if self.body is None:
            raise failure
        self._connection.body_failed(self.body, failure)
        return _NOTHING

    def _all(self, first: Messages, data: bytes) -> Messages:
        """All requests that `data` completes, and the one it begins."""
        in_body = self.body is not None
        if self.body is not None and self.body.is_eof():
            self.body = None
            if not first[0] and not first[1]:  # what follows the body
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
        self._requests_came(messages)
        if len(messages) == 1 and not upgraded and self._fast_path is not None and self.failure is None:
            message, payload = messages[0]
            left = self._fast_path.begin(self._connection, message, payload)
            messages = () if left is None else ((message, left),)
        return messages, upgraded, tail

    def _rest(self, messages: list[tuple[Any, Any]], data: bytes) -> Messages:
        """`messages`, and the requests that follow them in the same read."""
        room = MAX_QUEUED - self._connection.queued
        while True:
            if _drops_the_rest(messages[-1][0]) and (len(messages) > 1 or not _is_one(data)):
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
        """Close the connection after the last of these, which tells the client that later requests were not processed."""
        message, payload = messages[-1]
        messages[-1] = message._replace(should_close=True), payload
        self._ended = payload.is_eof()
        return messages, False, b""

    def _later(self, error: HttpProcessingError, messages: list[tuple[Any, Any]]) -> None:
        message, payload = messages[-1]
        if not payload.is_eof():
            self._ended = True
            self._connection.body_failed(payload, error)
        elif message.should_close:  # what follows the last request is ignored
            self._ended = True
        else:
            self.failure = error
            self._connection.failure_waits()

    def _requests_came(self, messages: Sequence[tuple[Any, Any]]) -> None:
        self.received, self.in_head, self._head_bytes = True, False, 0
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
        """aiohttp has taken a request from its queue. Not passed on: see `_ONE_BY_ONE`."""

    def __getattr__(self, name: str) -> Any:
        if self._real is None:
            self._renew()
        return getattr(self._real, name)


def _drops_the_rest(message: Any) -> bool:
    """Whether a request asks for an upgrade unknown to aiohttp's parser, such as h2c: the parser drops the bytes after it."""
    return message.upgrade and message.headers.get(hdrs.UPGRADE, "").lower() != "websocket"


def _is_one(data: bytes) -> bool:
    """Whether a read consisted of one header, without a body."""
    return data.count(_END) == 1 and data.endswith(_END)


def _failure(error: Exception) -> HttpProcessingError:
    """A target that yarl cannot parse is an HTTP error, too."""
    if isinstance(error, HttpProcessingError):
        return error
    return BadHttpMessage("the request's target cannot be read")


def status_of(error: BaseException | None) -> int:
    """The status for a parser's error (RFC 9110 section 15, RFC 9112 section 3)."""
    if isinstance(error, LineTooLong):
        return 414 if error.args[1] == MAX_TARGET else 431
    text = str(error)
    if isinstance(error, BadHttpMethod):
        return 501 if _REQUEST_LINE.search(text) else 400
    if isinstance(error, BadStatusLine) and _VERSION.search(text):
        return 505
    return 431 if "Too many headers" in text else 400
