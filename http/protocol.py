"""Answers to requests that never become one: bytes that are no HTTP, headers too large.

Owns the one override of aiohttp's connection protocol: so that these too are problem+json, and for speed. It must never
show the parser's message, which quotes what the client sent.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from .bursts import Bursts, BurstTransport
from .lane import LANE
from .problems import new_request_id, status_response

log = structlog.get_logger(__name__)


class ProblemProtocol(RequestHandler):
    """aiohttp's protocol with `handle_error` answering in our form, and writes that leave in bursts."""

    __slots__ = ("_bursts",)

    def __init__(self, manager: web.Server, bursts: Bursts, **options: Any) -> None:
        super().__init__(manager, **options)
        self._bursts = bursts

    def resume_reading(self, resume_parser: bool = True) -> None:
        """As in aiohttp, where something is paused. It is called with every piece of a body that is read, and parses again what
        cannot be there otherwise."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        burst: Any = BurstTransport(cast(asyncio.Transport, transport), self._bursts)
        super().connection_made(burst)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
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


class _Server(web.Server):
    def __init__(self, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._bursts = Bursts()

    def __call__(self) -> RequestHandler:
        return ProblemProtocol(self, self._bursts, loop=self._loop, **self._kwargs)


class ProblemRunner(web.AppRunner):
    """`web.AppRunner` whose connections speak `ProblemProtocol`, and whose requests take the application's short way."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, **options)
        self._lane = app.get(LANE)

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        usual = made.request_handler
        handler: Any = usual if self._lane is None else self._lane.serve(usual)
        return _Server(
            handler,
            request_factory=made.request_factory,
            loop=made._loop,
            **made._kwargs,
        )
