"""A client's connection: aiohttp's, with our form of answers to what is no HTTP, deadlines, bounds, writes in bursts, and the direct
way.

Owns the one override of aiohttp's connection protocol. It must never show the parser's message, which quotes what the client
sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import structlog
from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.web_protocol import RequestHandler

from ..auth.client_address import PEER
from ..framework import problems, responses
from ..framework.problems import Handler, new_request_id, status_response
from .deadlines import Watch
from .fast_path import DIRECT, FastPathRoutes
from .fast_router import LANE
from .policy import POLICY, ConnectionPolicy
from .request_parser import RequestParser, status_of
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
    """aiohttp's protocol with `handle_error` answering in our form, deadlines (`deadlines.py`), a place in the gateway's
    `table.py`, writes that leave in bursts, and requests that never reach its queue because they go the direct way."""

    __slots__ = ("_began", "_burst", "_bursts", "_early", "_policy", "_requests", "_under_way", "_watch")

    def __init__(
        self,
        manager: web.Server,
        bursts: WriteCoalescer,
        direct: FastPathRoutes | None,
        policy: ConnectionPolicy,
        **options: Any,
    ) -> None:
        super().__init__(manager, **options)
        self._bursts = bursts
        self._burst: CoalescingTransport | None = None
        self._policy = policy
        self._began = self._loop.time()
        self._under_way = False
        self._early = b""
        unpack = options.get("auto_decompress", True)
        self._requests = RequestParser(self, direct, self._loop, self._read_bufsize, auto_decompress=unpack)
        parser: Any = self._requests
        self._parser = parser
        self._watch = Watch(self, policy.deadlines, self._loop)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """As in aiohttp, where something is paused. It is called with every piece of a body that is read, and parses again what
        cannot be there otherwise."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    # -- a connection's beginning and end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        burst: Any = CoalescingTransport(cast(asyncio.Transport, transport), self._bursts)
        if not self._policy.table.enter(self, _address_of(transport)):
            self._refuse(cast(asyncio.Transport, transport))
            return
        self._burst = burst
        super().connection_made(burst)
        self._watch.start()

    def _refuse(self, transport: asyncio.Transport) -> None:
        self._force_close = True
        refused = status_response(503, new_request_id(), _FULL)
        transport.write(_last_answer(refused))
        transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._watch.stop()
        self._policy.table.leave(self)
        super().connection_lost(exc)

    def make_way(self) -> None:
        """Close: another connection needs the place."""
        log.debug("connection_made_way", remote=_address_of(self._burst))
        self.force_close()

    # -- what its deadlines look at, and do

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a request, silent or half told."""
        waiter = self._waiter
        return not self._under_way and not self._messages and waiter is not None and not waiter.done()

    @property
    def header_since(self) -> float | None:
        """Since when a header is awaited that must come: that of the first request, or one that has come in part."""
        requests = self._requests
        return self._began if requests.in_head or not requests.heard else None

    @property
    def body_received(self) -> int | None:
        """Bytes of the body that is under way; None: none is, or nobody here reads on."""
        body = self._requests.body
        if body is None or body.is_eof() or self._reading_paused or self._upgraded:
            return None
        return body.total_bytes

    @property
    def answers(self) -> tuple[int, int]:
        """Bytes of answers that the client has taken, and those that still wait for it."""
        burst = self._burst
        return (0, 0) if burst is None else burst.progress()

    def header_overdue(self) -> None:
        """Whoever has begun a request is told why it ends; whoever has been silent is not."""
        if self._requests.in_head and self.transport is not None:
            request_id = new_request_id()
            log.info(
                "request_timed_out", part="header", remote=_address_of(self._burst), request_id=request_id
            )
            self.transport.write(_last_answer(status_response(408, request_id, _DETAILS[408])))
        self.force_close()

    def body_overdue(self) -> None:
        """Who reads the body gets 408."""
        body = self._requests.body
        if body is not None:
            log.info("request_timed_out", part="body", remote=_address_of(self._burst))
            self.body_failed(body, web.HTTPRequestTimeout())

    def answers_overdue(self) -> None:
        """Nobody reads: cut it off, with what waits."""
        if self._burst is not None:
            log.info("answers_not_read", remote=_address_of(self._burst))
            self._burst.abort()

    # -- what its parser tells

    @property
    def is_reading(self) -> bool:
        """Whether more may be parsed now: its bodies have room."""
        return not self._reading_paused

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._messages)

    def header_began(self) -> None:
        """A header has come in part."""
        self._began = self._loop.time()
        self._watch.header_began()

    def body_began(self) -> None:
        """A body has come in part."""
        self._watch.body_began()

    def body_failed(self, payload: StreamReader, error: Exception) -> None:
        """A body will never be whole: who reads it fails, and the connection ends with the answer to it."""
        self._lingering_time = 0.0
        self._close = True
        if isinstance(error, web.HTTPException):
            payload.set_exception(error)
        else:
            payload.set_exception(web.RequestPayloadError(str(error)))

    def failure_waits(self) -> None:
        """What is no HTTP came after requests: it takes its place in the queue once they have theirs."""
        self._loop.call_soon(super().data_received, b"")

    def pause_writing(self) -> None:
        """As in asyncio."""
        super().pause_writing()
        self._watch.answers_wait()

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """As in aiohttp; frames without a mask fail the connection."""
        frames: Any = MaskedFrames(parser)
        super().set_parser(frames, data_received_cb)

    # -- requests that go the direct way: nothing of aiohttp's runs for them, so what it does between two requests is done here

    @property
    def is_idle(self) -> bool:
        """Whether aiohttp waits for a request, and the client reads its answers."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._paused and not self._under_way

    def reader(self, body: bytes) -> StreamReader:
        """A body as it was before somebody read it."""
        reader = StreamReader(self, self._read_bufsize, loop=self._loop)
        reader.feed_data(body)
        reader.feed_eof()
        return reader

    def begin(self) -> None:
        """A request is under way; what comes after it waits."""
        self._under_way = self._request_in_progress = True

    def answer(self, data: bytes) -> None:
        """The answer to it; into the void when the client has gone."""
        self._under_way = self._request_in_progress = False
        waiter = self._handler_waiter
        if waiter is not None and not waiter.done():  # somebody closes the connection once this is answered
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
            except Exception:  # as the event loop does with what a read fails of
                log.exception("connection_failed")
                transport.abort()

    def _process_keepalive(self) -> None:
        if self._under_way or self._requests.in_head:  # aiohttp takes a connection that waits for an idle one
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def data_received(self, data: bytes) -> None:
        if not self._under_way:
            super().data_received(data)
        elif data:  # a client that does not wait for answers: they are given one after the other
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
            raise exc  # the client has gone, or its answer had begun: `problems` has said so
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
        request._cache["version"] = (
            HttpVersion11  # of a request that could not be read aiohttp makes one of HTTP/1.0
        )
        response = status_response(status, request_id, detail)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """As in aiohttp, as a record of ours."""
        error = kw.get("exc_info")
        if isinstance(error, (ConnectionError, web.RequestPayloadError)):
            log.info("client_gone", remote=_address_of(self._burst), reason=str(error))
        else:
            log.error("connection_failed", exc_info=error or True)


def _address_of(transport: Any) -> str | None:
    """The address of the other side; None where there is none."""
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]) if isinstance(peer, (tuple, list)) else None


def _last_answer(response: web.Response) -> bytes:
    response.headers["Connection"] = "close"
    return responses.response_bytes(response)


class _Server(web.Server):
    def __init__(
        self, handler: Any, direct: FastPathRoutes | None, policy: ConnectionPolicy, **options: Any
    ) -> None:
        super().__init__(handler, **options)
        self._bursts = WriteCoalescer()
        self._direct = direct
        self._policy = policy

    def __call__(self) -> RequestHandler:
        return ProblemProtocol(
            self, self._bursts, self._direct, self._policy, loop=self._loop, **self._kwargs
        )


class ProblemRunner(web.AppRunner):
    """`web.AppRunner` whose connections speak `ProblemProtocol`, and whose requests take the application's short way."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        policy = app.get(POLICY)
        self._policy = ConnectionPolicy.default() if policy is None else policy
        options.setdefault("keepalive_timeout", self._policy.deadlines.keepalive)
        super().__init__(app, **options)
        self._lane = app.get(LANE)
        self._direct = app.get(DIRECT)

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        usual = made.request_handler
        return _Server(
            self._checked(usual if self._lane is None else self._lane.serve(usual)),
            self._direct,
            self._policy,
            request_factory=self._known_client(made.request_factory),
            loop=made._loop,
            auto_decompress=False,  # `problems` refuses what is compressed; nobody may unpack what is left unread either
            **made._kwargs,
        )

    def _checked(self, serve: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What `serve` answers to requests that pass the checks of every route."""
        refusal = self._policy.checks.refusal

        def handle(request: web.Request) -> Awaitable[web.StreamResponse]:
            refused = refusal(request, request.raw_path)
            return serve(request) if refused is None else problems.refused(request, *refused)

        return handle

    def _known_client(self, make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
        """Requests that say whose they are, where proxies are trusted to."""
        proxies = self._policy.proxies
        if not proxies:
            return make

        def make_known(*parts: Any) -> web.BaseRequest:
            request = make(*parts)
            peer = request.remote
            if peer is None or not proxies.trusts(peer):
                return request
            request[PEER] = peer
            client = proxies.client(peer, request.headers) or peer
            scheme = proxies.scheme(peer, request.headers) or request.scheme
            return request.clone(remote=client, scheme=scheme)

        return make_known
