"""A client's connection: aiohttp's protocol, with problem answers to malformed HTTP, deadlines, bounds, write coalescing and the
fast path.

The only override of aiohttp's connection protocol. It never shows the parser's message, which quotes the client's bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import structlog
from aiohttp import HttpVersion10, HttpVersion11, StreamReader, web
from aiohttp.web_protocol import RequestHandler

from ..auth.client_address import PEER
from ..framework import responses
from ..framework.problems import Handler, new_request_id, request_id_for, status_response
from .deadlines import Watch
from .fast_path import FAST_PATH, FastPathRoutes
from .fast_router import FAST_ROUTER
from .policy import POLICY, ConnectionPolicy
from .request_parser import RequestHolder, RequestParser, status_of
from .websocket_frames import MaskedFrames
from .write_coalescing import CoalescingTransport, WriteCoalescer

log = structlog.get_logger(__name__)

_DETAILS: Final = {
    408: "the request did not come in time",
    414: "the request's target is too long",
    431: "the request's header is too large",
    501: "this server does not know the method",
    505: "this server speaks HTTP/1.1",
}
_FULL: Final = "too many connections are open"


class ProblemProtocol(RequestHandler):
    """aiohttp's protocol with problem answers, deadlines (`deadlines.py`), an entry in the connection table (`table.py`), coalesced
    writes, and requests that skip its queue because they take the fast path (`fast_path.py`)."""

    __slots__ = (
        "_began",
        "_coalescer",
        "_coalescing",
        "_early",
        "_policy",
        "_under_way",
        "requests",
        "watch",
    )

    def __init__(
        self,
        manager: web.Server,
        coalescer: WriteCoalescer,
        fast_path: FastPathRoutes | None,
        policy: ConnectionPolicy,
        **options: Any,
    ) -> None:
        super().__init__(manager, **options)
        self._coalescer = coalescer
        self._coalescing: CoalescingTransport | None = None
        self._policy = policy
        self._began = self._loop.time()
        self._under_way = False
        self._early = b""
        unpack = options.get("auto_decompress", True)
        self.requests = RequestParser(self, fast_path, self._loop, self._read_bufsize, auto_decompress=unpack)
        parser: Any = self.requests
        self._parser = parser
        self.watch = Watch(self, policy.deadlines, self._loop)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """As in aiohttp, but only where something is paused. aiohttp calls it for every piece of a body that is read, and each call
        would parse again."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    # -- start and end of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        coalescing: Any = CoalescingTransport(cast(asyncio.Transport, transport), self._coalescer)
        if not self._policy.table.enter(self, _address_of(transport)):
            self._refuse(cast(asyncio.Transport, transport))
            return
        self._coalescing = coalescing
        super().connection_made(coalescing)
        self.watch.start()

    def _refuse(self, transport: asyncio.Transport) -> None:
        self._force_close = True
        refused = status_response(503, new_request_id(), _FULL)
        transport.write(_last_answer(refused))
        transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.watch.stop()
        self._policy.table.leave(self)
        super().connection_lost(exc)

    def make_way(self) -> None:
        """Close, so that a new connection can be accepted."""
        log.debug("connection_made_way", remote=_address_of(self._coalescing))
        self.force_close()

    # -- for its deadlines (`deadlines.Watched`)

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a request, or for the rest of a header."""
        waiter = self._waiter
        return not self._under_way and not self._messages and waiter is not None and not waiter.done()

    @property
    def header_since(self) -> float | None:
        """The time at which the wait for a required header began: the first request's, or one that has arrived in part."""
        requests = self.requests
        return self._began if requests.in_head or not requests.received else None

    @property
    def body_received(self) -> int | None:
        """Bytes received of the current body; None if there is none, or if reading is paused on this side."""
        body = self.requests.body
        if body is None or body.is_eof() or self._reading_paused or self._upgraded:
            return None
        return body.total_bytes

    @property
    def answers(self) -> tuple[int, int]:
        """Bytes of answers that the client has taken, and bytes that still wait."""
        transport = self._coalescing
        return (0, 0) if transport is None else transport.progress()

    def header_overdue(self) -> None:
        """Close; with a 408 if a request has begun."""
        if self.requests.in_head and self.transport is not None:
            request_id = new_request_id()
            log.info(
                "request_timed_out",
                part="header",
                remote=_address_of(self._coalescing),
                request_id=request_id,
            )
            self.transport.write(_last_answer(status_response(408, request_id, _DETAILS[408])))
        self.force_close()

    def body_overdue(self) -> None:
        """Fail the body's reader with 408."""
        body = self.requests.body
        if body is not None:
            log.info("request_timed_out", part="body", remote=_address_of(self._coalescing))
            self.body_failed(body, web.HTTPRequestTimeout())

    def answers_overdue(self) -> None:
        """Abort, dropping what waits: the client does not read."""
        if self._coalescing is not None:
            log.info("answers_not_read", remote=_address_of(self._coalescing))
            self._coalescing.abort()

    # -- for its parser (`request_parser.ParsedConnection`)

    @property
    def is_reading(self) -> bool:
        """Whether more may be parsed now: the bodies' buffers have room."""
        return not self._reading_paused

    @property
    def queued(self) -> int:
        """Requests in the queue."""
        return len(self._messages)

    def header_began(self) -> None:
        """A header has arrived in part."""
        self._began = self._loop.time()
        self.watch.header_began()

    def body_began(self) -> None:
        """A body has arrived in part."""
        self.watch.body_began()

    def body_failed(self, payload: StreamReader, error: Exception) -> None:
        """A body will never be complete: fail its reader, and close the connection after the answer."""
        self._lingering_time = 0.0
        self._close = True
        if isinstance(error, web.HTTPException):
            payload.set_exception(error)
        else:
            payload.set_exception(web.RequestPayloadError(str(error)))

    def failure_waits(self) -> None:
        """Bytes that are not HTTP came after requests: queue the failure behind them."""
        self._loop.call_soon(super().data_received, b"")

    def pause_writing(self) -> None:
        """As in asyncio."""
        super().pause_writing()
        self.watch.answers_wait()

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """As in aiohttp; unmasked frames fail the connection."""
        frames: Any = MaskedFrames(parser)
        super().set_parser(frames, data_received_cb)

    # -- for the fast path (`fast_path.Connection`): aiohttp runs nothing for its requests, so its work between requests is done here

    @property
    def is_idle(self) -> bool:
        """Whether aiohttp waits for a request and the client reads its answers."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._paused and not self._under_way

    def reader(self, body: bytes) -> StreamReader:
        """A body as it was before it was read."""
        reader = StreamReader(self, self._read_bufsize, loop=self._loop)
        reader.feed_data(body)
        reader.feed_eof()
        return reader

    def begin(self) -> None:
        """A request is in progress; bytes that follow it wait."""
        self._under_way = self._request_in_progress = True

    def answer(self, data: bytes) -> None:
        """Write its answer; a no-op if the client has gone."""
        self._under_way = self._request_in_progress = False
        waiter = self._handler_waiter
        if waiter is not None and not waiter.done():  # a shutdown waits for this answer
            waiter.set_result(None)
        transport = self.transport
        if transport is None:
            return
        transport.write(data)
        if self._close:
            transport.close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._early:
            early, self._early = self._early, b""
            self._resume_transport_reading()
            try:
                self.data_received(early)
            except Exception:  # as the event loop treats a failing read
                log.exception("connection_failed")
                transport.abort()

    def _process_keepalive(self) -> None:
        if self._under_way or self.requests.in_head:  # which aiohttp would take for idle
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def data_received(self, data: bytes) -> None:
        if not self._under_way:
            super().data_received(data)
        elif data:  # pipelined: requests are served one after the other
            self._early += data
            self._pause_transport_reading()

    # -- failures

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            raise exc  # the client has gone, or its answer had begun; `problems` has logged it
        request_id = new_request_id()
        if status < 500:
            status = status_of(exc)
            log.info("request_unreadable", status=status, remote=request.remote, request_id=request_id)
            detail = _DETAILS.get(status, "the request is not valid HTTP")
        else:
            log.error("connection_failed", status=status, exc_info=exc, request_id=request_id)
            detail = "the server failed"
        if request.writer.output_size > 0:
            raise ConnectionError("the response had begun")
        _answer_by_http_11(request)  # aiohttp assumes HTTP/1.0 for an unreadable request
        response = status_response(status, request_id, detail)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """As in aiohttp, through structlog."""
        error = kw.get("exc_info")
        if isinstance(error, (ConnectionError, web.RequestPayloadError)):
            log.info("client_gone", remote=_address_of(self._coalescing), reason=str(error))
        else:
            log.error("connection_failed", exc_info=error or True)


def _address_of(transport: Any) -> str | None:
    """The peer's address, if it has one."""
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]) if isinstance(peer, (tuple, list)) else None


async def _refused(request: web.Request, status: int, detail: str) -> web.StreamResponse:
    """The answer to a request that fails the checks of every route; the connection ends with it."""
    response = status_response(status, request_id_for(request.headers), detail)
    if request.version not in (HttpVersion10, HttpVersion11):
        _answer_by_http_11(request)
    response.force_close()
    return response


def _answer_by_http_11(request: web.BaseRequest) -> None:
    """Give the answer a version that exists, whatever the request's was."""
    request._cache["version"] = HttpVersion11


def _last_answer(response: web.Response) -> bytes:
    response.headers["Connection"] = "close"
    return responses.response_bytes(response)


class _Server(web.Server):
    def __init__(
        self, handler: Any, fast_path: FastPathRoutes | None, policy: ConnectionPolicy, **options: Any
    ) -> None:
        super().__init__(handler, **options)
        self._coalescer = WriteCoalescer()
        self._fast_path = fast_path
        self._policy = policy

    def __call__(self) -> RequestHandler:
        return ProblemProtocol(
            self, self._coalescer, self._fast_path, self._policy, loop=self._loop, **self._kwargs
        )


class ProblemRunner(web.AppRunner):
    """`web.AppRunner` with `ProblemProtocol` connections, and the application's fast router and fast path where it has them."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        policy = app.get(POLICY)
        self._policy = ConnectionPolicy.default() if policy is None else policy
        options.setdefault("keepalive_timeout", self._policy.deadlines.keepalive)
        super().__init__(app, **options)
        self._fast_router = app.get(FAST_ROUTER)
        self._fast_path = app.get(FAST_PATH)

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        standard = made.request_handler
        return _Server(
            self._checked(standard if self._fast_router is None else self._fast_router.serve(standard)),
            self._fast_path,
            self._policy,
            request_factory=self._known_client(made.request_factory),
            loop=made._loop,
            auto_decompress=False,  # `problems` refuses compressed bodies; they must not be unpacked while being skipped either
            **made._kwargs,
        )

    def _checked(self, serve: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """`serve`, for requests that pass the checks common to all routes."""
        refusal = self._policy.checks.refusal

        def handle(request: web.Request) -> Awaitable[web.StreamResponse]:
            refused = refusal(request, request.raw_path)
            return serve(request) if refused is None else _refused(request, *refused)

        return handle

    def _known_client(self, make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
        """A factory of requests from the parser's holders. They carry the client's address and scheme as told by trusted proxies."""
        proxies = self._policy.proxies

        def make_request(holder: Any, *parts: Any) -> web.BaseRequest:
            return make(holder.take() if isinstance(holder, RequestHolder) else holder, *parts)

        if not proxies:
            return make_request

        def make_known(*parts: Any) -> web.BaseRequest:
            request = make_request(*parts)
            peer = request.remote
            if peer is None or not proxies.trusts(peer):
                return request
            request[PEER] = peer
            client = proxies.client(peer, request.headers) or peer
            scheme = proxies.scheme(peer, request.headers) or request.scheme
            return request.clone(remote=client, scheme=scheme)

        return make_known
