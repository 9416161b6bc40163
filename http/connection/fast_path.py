"""The fast path of a command: from the read that completed its request to its outcome, without a task, a future or a request object.

It serves requests for which nothing has to be awaited: the body came in one read, the token is cached or a customer's, permits are at
hand, and the connection is idle. All other requests, and all that are refused before their command is sent, take the standard path as if this
module did not exist; clients see no difference. What it saves: docs/decisions/0009.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
import structlog
from aiohttp import HttpVersion11, StreamReader, hdrs, web
from aiohttp.http_parser import RawRequestMessage

from ...actors.clock import fresh_id
from ...core.conversation.commands import By, Done, Envelope, acting
from ...core.errors import Internal, TertuliaError
from ...core.ids import is_uuid
from ..auth.tokens import ACCOUNT_ID, bearer
from ..framework import bodies, problems, responses
from ..framework.cors import Cors
from ..framework.endpoint import CommandHandler, Gate, Route, ThreadHandler
from ..framework.metrics import RequestMetrics, Table
from ..framework.services import Services
from .request_checks import RequestChecks

log = structlog.get_logger(__name__)

MAX_BODY: Final = 32_768
"""Largest body in bytes; larger ones take the standard path, since a refused body is decoded on both paths."""
_PREFIX: Final = "/v1/conversations/"
_ID: Final = slice(len(_PREFIX), len(_PREFIX) + 36)
"""The position of the id in a path."""
_encode: Final = msgspec.json.Encoder().encode


class Connection(Protocol):
    """The fast path's view of a client's connection (`protocol.py`)."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress, and the client reads its answers."""
        ...

    def begin(self) -> None: ...
    def answer(self, data: bytes) -> None: ...
    def reader(self, body: bytes) -> StreamReader: ...


class _Served(msgspec.Struct, frozen=True):
    handler: CommandHandler[Any] | ThreadHandler[Any]
    body: type
    permission: str
    table: Table
    gate: Gate | None
    path: str | None
    """The whole path, if it names no conversation."""
    is_shared: bool
    refused: Callable[[TertuliaError], web.Response] | None


class FastPathRoutes:
    """The routes with a fast path. `begin` is called between aiohttp's parser and its queue of requests."""

    def __init__(
        self, services: Services, metrics: RequestMetrics, checks: RequestChecks, cors: Cors
    ) -> None:
        self._services = services
        self._host_refusal = checks.host_refusal
        self._verifier = services.verifier
        self._limits = services.limits
        self._router = services.gateway.router
        self._max_body = min(services.settings.max_body, MAX_BODY)
        self._count = metrics.count
        self._cors = cors
        self.is_open = True
        """False sends every request down the standard path."""
        self._routes: dict[tuple[str, str], _Served] = {}
        self._named: dict[tuple[str, str, str], _Served] = {}
        """By method and what stands before and after the conversation's name, which is the last but one part of the path."""

    def add(self, route: Route, table: Table) -> None:
        """Serve a route whose handler is a `CommandHandler` or a `ThreadHandler`, and whose path is `/v1/conversations/{id}/…`, has
        no parameter, or names the conversation in its last part but one."""
        if isinstance(route.handler, CommandHandler | ThreadHandler) and route.permission is not None:
            named = route.handler.named if isinstance(route.handler, CommandHandler) else None
            if named is not None:
                prefix, _, rest = route.path.partition(f"{{{named.parameter}}}/")
                self._named[route.method, prefix, rest] = self._served_by(route, table, None)
                return
            prefix, _, rest = route.path.partition("{id}")
            plain = route.path if "{" not in route.path else None
            if plain is not None:
                prefix, rest = plain[: _ID.start], plain[_ID.stop :]
            assert plain is not None or len(prefix) == _ID.start, (
                f"{route.path} does not begin as {_PREFIX} does"
            )
            self._routes[route.method, prefix + rest] = self._served_by(route, table, plain)

    def _served_by(self, route: Route, table: Table, path: str | None) -> _Served:
        assert route.permission is not None
        assert isinstance(route.handler, CommandHandler | ThreadHandler)
        return _Served(
            route.handler,
            route.body,
            route.permission,
            table,
            route.gate,
            path,
            route.is_shared,
            route.refused,
        )

    def begin(
        self, connection: Connection, message: RawRequestMessage, payload: StreamReader
    ) -> StreamReader | None:
        """Send a request's command, if it qualifies.

        Returns None once the command is sent: the connection will get its answer. Otherwise returns the body, unread.
        """
        if not connection.is_idle or not payload.is_eof() or self._router.full or not self.is_open:
            return payload
        path, headers = message.path, message.headers
        served, conversation_id, name = self._route_of(message.method, path)
        if (
            served is None
            or message.version != HttpVersion11
            or message.should_close
            or headers.get(hdrs.CONTENT_TYPE) not in bodies.USUAL
            or hdrs.EXPECT in headers
            or hdrs.CONTENT_ENCODING in headers
            or payload.total_bytes > self._max_body
            or message.chunked
            or self._host_refusal(headers) is not None
        ):
            return payload
        shared: Mapping[str, str] | None = responses.NONE
        if hdrs.ORIGIN in headers and served.is_shared:
            shared = self._cors.headers_at_once(headers)
            if shared is None:
                return payload
        began, body = time.perf_counter(), payload.read_nowait()
        try:
            envelope = self._envelope(served, conversation_id, name, headers, body)
        except Exception:  # the standard path fails the same way, and answers
            envelope = None
        if envelope is None:
            return connection.reader(body)
        request_id = problems.request_id_for(headers)
        exchange = _Exchange(connection, served, name, envelope.by, request_id, shared, began, self._count)
        connection.begin()
        self._router.send(envelope, exchange.settled)
        return None

    def _route_of(self, method: str, path: str) -> tuple[_Served | None, str, str | None]:
        """The route of a path, and the conversation's id or its name."""
        conversation_id = path[_ID]
        served = self._routes.get((method, path[: _ID.start] + path[_ID.stop :]))
        if served is not None:
            fits = is_uuid(conversation_id) if served.path is None else path == served.path
            return served if fits else None, conversation_id, None
        before, _, rest = path.rpartition("/")
        prefix, _, name = before.rpartition("/")
        served = None if "%" in name else self._named.get((method, f"{prefix}/", rest))
        return served, "", name

    def _envelope(
        self, served: _Served, conversation_id: str, name: str | None, headers: Mapping[str, str], body: bytes
    ) -> Envelope | None:
        """The command in its envelope, or None if something has to be awaited. Raises what the request is refused for."""
        if served.gate is not None:
            principal = served.gate.at_once(self._services, headers)
        else:
            token = bearer(headers)
            principal = None if token is None else self._verifier.at_once(token, headers.get(ACCOUNT_ID))
        if principal is None:
            return None
        principal.require(served.permission)
        if not self._limits.at_hand(principal):  # refused before the body costs anything
            return None
        message, handler = bodies.decode(body, served.body), served.handler
        account_id, by = principal.account_id, acting(principal)
        if isinstance(handler, ThreadHandler):
            sent = handler.command(self._services, principal, headers, message)
            if sent is None:
                return None
            thread, command = sent
            self._limits.admit_at_once(principal)
            return Envelope(fresh_id(), account_id, by, command, thread=thread)
        if handler.looks_up is not None and handler.looks_up(message):
            return None
        if handler.target is not None:
            conversation_id = handler.target(message)
        elif handler.named is not None:
            found = handler.named.at_hand(self._services, account_id, name or "", message)
            if found is None:
                return None
            conversation_id = found
        command = handler.command(principal, headers, message)
        self._limits.admit_at_once(principal)
        return Envelope(fresh_id(), account_id, by, command, conversation_id)


class _Exchange:
    """One request whose command is in flight."""

    __slots__ = ("_began", "_by", "_connection", "_count", "_name", "_request_id", "_served", "_shared")

    def __init__(
        self,
        connection: Connection,
        served: _Served,
        name: str | None,
        by: By,
        request_id: str,
        shared: Mapping[str, str],
        began: float,
        count: Callable[[Table, int, float], None],
    ) -> None:
        self._connection = connection
        self._served = served
        self._name = name
        self._by = by
        self._request_id = request_id
        self._shared = shared
        self._began = began
        self._count = count

    def settled(self, outcome: Done | TertuliaError) -> None:
        """Answer the request with the command's outcome."""
        if isinstance(outcome, Done):
            try:
                handler = self._served.handler
                if self._name is None or isinstance(handler, ThreadHandler):
                    status, value = handler.answer(self._by, outcome)
                else:
                    status, value = handler.answered(self._name, self._by, outcome)
                data = responses.json_bytes(status, self._request_id, _encode(value), self._shared)
            except Exception as error:
                status, data = self._problem(error)
        else:
            status, data = self._problem(outcome)
        self._count(self._served.table, status, time.perf_counter() - self._began)
        self._connection.answer(data)

    def _problem(self, error: Exception) -> tuple[int, bytes]:
        if not isinstance(error, TertuliaError):
            log.error("request_failed", exc_info=error, request_id=self._request_id)
            error = Internal(problems.FAILED)
        if self._served.refused is not None:
            response = self._served.refused(error)
            response.headers[responses.REQUEST_ID] = self._request_id
            responses.secured(response.headers)
        else:
            response = problems.problem_response(error, self._request_id)
        response.headers.update(self._shared)
        return response.status, responses.response_bytes(response)


FAST_PATH: web.AppKey[FastPathRoutes] = web.AppKey("fast_path", FastPathRoutes)
