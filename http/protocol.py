"""A client's connection: aiohttp's, with our form of answers to what is no HTTP, writes in bursts, and the direct way.

Owns the one override of aiohttp's connection protocol. It must never show the parser's message, which quotes what the client
sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import structlog
from aiohttp import StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestHandler

from .bursts import Bursts, BurstTransport
from .direct import DIRECT, DirectRoutes
from .lane import LANE
from .problems import new_request_id, status_response

log = structlog.get_logger(__name__)


class ProblemProtocol(RequestHandler):
    """aiohttp's protocol with `handle_error` answering in our form, writes that leave in bursts, and requests that never reach its
    queue because they go the direct way."""

    __slots__ = ("_bursts", "_early", "_under_way")

    def __init__(
        self, manager: web.Server, bursts: Bursts, direct: DirectRoutes | None, **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self._bursts = bursts
        self._under_way = False
        self._early = b""
        if direct is not None:
            parser: Any = _Parser(self._parser, self, direct)
            self._parser = parser

    def resume_reading(self, resume_parser: bool = True) -> None:
        """As in aiohttp, where something is paused. It is called with every piece of a body that is read, and parses again what
        cannot be there otherwise."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        burst: Any = BurstTransport(cast(asyncio.Transport, transport), self._bursts)
        super().connection_made(burst)

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
        if self._under_way:  # as it waits for the next request, aiohttp takes the connection for an idle one
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def data_received(self, data: bytes) -> None:
        if not self._under_way:
            super().data_received(data)
        elif data:  # a client that does not wait for answers: they are given one after the other
            self._early += data
            self._pause_transport_reading()

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
            log.info("request_unreadable", status=status, remote=request.remote, request_id=request_id)
            detail = "the request is not valid HTTP"
        else:
            log.error("connection_failed", status=status, exc_info=exc, request_id=request_id)
            detail = "the server failed"
        if request.writer.output_size > 0:
            raise ConnectionError("the response had begun")
        response = status_response(status, request_id, detail)
        response.force_close()
        return response


class _Parser:
    """aiohttp's parser of a connection's requests; those that can go the direct way have left when it returns."""

    def __init__(self, real: Any, connection: ProblemProtocol, direct: DirectRoutes) -> None:
        self._real = real
        self._feed = real.feed_data
        self._connection = connection
        self._direct = direct

    def feed_data(self, data: bytes) -> tuple[Sequence[tuple[Any, Any]], bool, bytes]:
        """As in aiohttp."""
        try:
            messages, upgraded, tail = self._feed(data)
        except (ValueError, LookupError) as error:  # of yarl, about a target that is no URL
            raise BadHttpMessage("the request's target cannot be read") from error
        if len(messages) == 1 and not upgraded:
            message, payload = messages[0]
            left = self._direct.begin(self._connection, message, payload)
            if left is not None:
                return [(message, left)], upgraded, tail
            self._real.message_consumed()
            return (), upgraded, tail
        return messages, upgraded, tail

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Server(web.Server):
    def __init__(self, handler: Any, direct: DirectRoutes | None, **options: Any) -> None:
        super().__init__(handler, **options)
        self._bursts = Bursts()
        self._direct = direct

    def __call__(self) -> RequestHandler:
        return ProblemProtocol(self, self._bursts, self._direct, loop=self._loop, **self._kwargs)


class ProblemRunner(web.AppRunner):
    """`web.AppRunner` whose connections speak `ProblemProtocol`, and whose requests take the application's short way."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, **options)
        self._lane = app.get(LANE)
        self._direct = app.get(DIRECT)

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        usual = made.request_handler
        handler: Any = usual if self._lane is None else self._lane.serve(usual)
        return _Server(
            handler,
            self._direct,
            request_factory=made.request_factory,
            loop=made._loop,
            auto_decompress=False,  # `problems` refuses what is compressed; nobody may unpack what is left unread either
            **made._kwargs,
        )
