"""Routes as data: method, path, permission, name, and the types of input and answers.

`endpoint` turns a route into an aiohttp handler: it authenticates, authorizes and validates, then calls the route's handler with a
typed `Call`. The OpenAPI document is made from the same table (`openapi.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
from aiohttp import hdrs, web

from ...actors.clock import fresh_id
from ...core.accounts.principal import Principal
from ...core.conversation.commands import By, Command, Done, Envelope, ThreadKey, acting
from ...core.errors import NotFound, TertuliaError, TooLarge, Unauthenticated
from ...core.ids import is_uuid
from ..auth.tickets import RESUMABLE, browser_of
from ..auth.tokens import ACCOUNT_ID, credential
from . import bodies
from .body_reading import TOO_LARGE
from .cors import ASKED, Asked
from .responses import JsonAnswer
from .services import SERVICES, Services

Body = TypeVar("Body")

SHARED: Final = ("/v1/", "/assistant/", "/openapi.json", "/asyncapi.json")
"""Beginnings of the paths that pages of other origins may call."""
_COUNTED: web.RequestKey[Principal] = web.RequestKey("counted", Principal)
"""The principal whose limits a request has been counted against."""
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_encode = msgspec.json.Encoder().encode


class Call(Generic[Body]):
    """One validated request. `body` and `query` have the route's types; `path` holds its parameters."""

    __slots__ = ("app", "body", "path", "principal", "query", "request", "services")

    def __init__(
        self,
        request: web.Request,
        app: web.Application,
        services: Services,
        path: Mapping[str, str],
        principal: Any,
        body: Any,
        query: Any,
    ) -> None:
        self.request = request
        self.app = app
        self.services = services
        self.path = path
        self.principal: Principal = principal
        self.body: Body = body
        self.query: Any = query

    @property
    def is_by_link(self) -> bool:
        """Whether a link's signature replaces the token (`Route.signed`); the handler verifies it."""
        return self.principal is None

    @property
    def account_id(self) -> str:
        return self.principal.account_id

    def id(self, name: str = "id") -> str:
        """A path parameter that is an id. Raises NotFound if it is not a UUID."""
        value = self.path[name].lower()
        if not is_uuid(value):
            raise NotFound("no such object")
        return value

    def by(self) -> By:
        """The sender of this call's commands."""
        return acting(self.principal)

    async def ask(
        self, command: Command, *, conversation: str | None = None, thread: ThreadKey | None = None
    ) -> Done:
        """Send a command to its conversation; returns after the commit."""
        envelope = Envelope(fresh_id(), self.account_id, self.by(), command, conversation, thread)
        return await self.services.gateway.router.ask(envelope)

    async def ask_supervisor(self, command: Command, conversation: str) -> Done:
        """Send a command that may assign the conversation to the account's supervisor, which passes it on or refuses it."""
        envelope = Envelope(fresh_id(), self.account_id, self.by(), command, conversation)
        return await self.services.supervision.ask(envelope)


Handler = Callable[[Call[Any]], Awaitable[web.StreamResponse]]


class Gate(Protocol):
    """The authentication of a dialect's routes, if it differs from the native ones'.

    `header`: the one that names the account, if there is one. `schemes`: any of these proves a caller (security schemes of the
    OpenAPI document)."""

    header: str | None
    schemes: tuple[str, ...]

    def at_once(self, services: Services, headers: Mapping[str, str]) -> Principal | None:
        """The principal, if nothing has to be awaited. Raises what `proved` does."""
        ...

    async def proved(self, request: web.Request, services: Services) -> Principal:
        """The principal of a request. Raises Unauthenticated, Forbidden, Malformed …"""
        ...


class Route(msgspec.Struct, frozen=True):
    """One route. `permission` None: no token is required. `answers` maps status to type (None: no body). `name`: how clients
    call it, the OpenAPI document's operation id.

    `form`: the body may also be a form. `details`, `example` (of a body), `reads` and `sends` (headers): for the OpenAPI
    document. `locates`: a 201 names the new object in `Location`. `media`: the media type of its answers. `upload`: media types of a body that the handler reads itself, as a
    stream. `signed`: the query parameter `signature` may replace the token; the handler then verifies it and counts the
    request. `refuses`: statuses of problems besides those of every route. `own_limits`: the handler counts its
    requests itself. `expensive(query)`: whether Postgres may have to read much for it (`expensive_reads.py`).
    `cross_origin`: pages of allowed origins may call it (`cors.py`); never outside of the API, whose own pages use cookies. `gate`,
    `refused`, `error`: of a dialect, how callers say who they are, what its errors look like, and their type.
    """

    method: str
    path: str
    handler: Handler
    permission: str | None
    answers: dict[int, Any]
    name: str
    summary: str
    details: str = ""
    body: Any = None
    example: dict[str, Any] | None = None
    query: Any = None
    body_optional: bool = False
    tag: str = ""
    stream: bool = False
    form: bool = False
    media: str = "application/json"
    own_limits: bool = False
    upload: tuple[str, ...] = ()
    signed: bool = False
    refuses: tuple[int, ...] = ()
    reads: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    locates: bool = False
    expensive: Callable[[Any], bool] | None = None
    cross_origin: bool = True
    gate: Gate | None = None
    refused: Callable[[TertuliaError], web.Response] | None = None
    error: Any = None

    @property
    def is_shared(self) -> bool:
        """Whether pages of other origins may call it."""
        return self.cross_origin and self.path.startswith(SHARED)


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    if headers is not None:
        return web.Response(
            body=_encode(value), status=status, content_type="application/json", headers=headers
        )
    return JsonAnswer(_encode(value), status)


def created(value: Any, base: str, headers: Mapping[str, str] = NO_HEADERS) -> web.Response:
    """The answer for a new object of the collection at `base`."""
    return answer(value, 201, {"Location": f"{base}/{value.id}", **headers})


def no_content() -> web.Response:
    return web.Response(status=204)


async def authenticate(
    request: web.Request, services: Services, *, stream: bool = False, gate: Gate | None = None
) -> Principal:
    """The principal of a request, counted against its limits. Raises Unauthenticated, RateLimited …"""
    try:
        if gate is None:
            principal = await _proved(request, services, stream=stream)
        else:
            principal = await gate.proved(request, services)
    except Unauthenticated:
        await services.limits.admit_address(request.remote)
        raise
    if request.get(_COUNTED) != principal:
        await services.limits.admit(principal)
    return principal


async def _proved(request: web.Request, services: Services, *, stream: bool) -> Principal:
    """The principal of a request's token or ticket. Raises Unauthenticated …"""
    found = credential(request, stream=stream)
    if found is None:
        raise Unauthenticated("a bearer token is required")
    if found.kind == "ticket":
        principal, resumable = await services.tickets.redeem(found.value, browser_of(request))
        if resumable is not None:
            request[RESUMABLE] = resumable
        services.verifier.check_revoked(principal)
        return principal
    return await of_token(services, found.value, request.headers.get(ACCOUNT_ID))


async def of_token(services: Services, token: str, account: str | None) -> Principal:
    """The principal of a token, in `account` if it names one. Raises what `TokenVerifier.verify` does."""
    principal = services.verifier.cached(token, account)
    if principal is None:
        principal = await services.verifier.verify(token, account)
        if principal.is_staff:
            await services.stores.agents.ensure(principal.account_id, principal.user_id, principal.name)
    return principal


async def admit_anyone(request: web.Request, services: Services) -> None:
    """Count a request to a route without required token: for the token's holder if it has a valid one, else for its address.
    Raises RateLimited."""
    principal = None
    if "Authorization" in request.headers:
        with suppress(TertuliaError):
            principal = await _proved(request, services, stream=False)
    if principal is None:
        await services.limits.admit_address(request.remote)
    else:
        await services.limits.admit(principal)
        request[_COUNTED] = principal


def endpoint(route: Route, app: web.Application) -> Endpoint:
    """The function that serves a route's requests, given the parameters of their paths."""
    services = app[SERVICES]
    handler, permission, body_type, query_type = route.handler, route.permission, route.body, route.query
    stream, optional, signed, expensive = route.stream, route.body_optional, route.signed, route.expensive
    read_body = bodies.read_form if route.form else bodies.read

    async def handle(request: web.Request, path: Mapping[str, str]) -> web.StreamResponse:
        principal = None
        asked = None
        if hdrs.ORIGIN in request.headers:
            asked = request[ASKED] = Asked(route, path)
        if permission is not None:
            if not (signed and "signature" in request.query):
                principal = await authenticate(request, services, stream=stream, gate=route.gate)
                if asked is not None:
                    asked.principal = principal
                principal.require(permission)
        elif not route.own_limits:
            await admit_anyone(request, services)
        query = bodies.query(request.query, query_type) if query_type is not None else None
        body = None
        if body_type is not None:
            body = await read_body(request, body_type, optional=optional)
        call = Call(request, app, services, path, principal, body, query)
        if expensive is not None and principal is not None and expensive(query):
            async with services.expensive.counted(principal):
                return await handler(call)
        return await handler(call)

    return handle if route.refused is None else _in_its_words(handle, route.refused)


def _in_its_words(handle: Endpoint, refused: Callable[[TertuliaError], web.Response]) -> Endpoint:
    """An endpoint whose errors look as a dialect has them."""

    async def answered(request: web.Request, path: Mapping[str, str]) -> web.StreamResponse:
        try:
            return await handle(request, path)
        except TertuliaError as error:
            error.target = path.get("id")
            return refused(error)
        except web.HTTPRequestEntityTooLarge:
            return refused(TooLarge(TOO_LARGE))

    return answered


class Named(msgspec.Struct, frozen=True):
    """Of a command's route whose path names the conversation otherwise than by its id: in the parameter `parameter`.

    `at_hand(services, account, name, body)`: its id, if nothing has to be awaited; `find(call)`: its id. Raises NotFound, and what
    else is wrong with what the body names.
    `answer(name, by, done)`: what `CommandHandler.answer` is elsewhere.
    """

    parameter: str
    at_hand: Callable[[Services, str, str, Any], str | None]
    find: Callable[[Call[Any]], Awaitable[str]]
    answer: Callable[[str, By, Done], tuple[int, Any]]


class CommandHandler(msgspec.Struct, Generic[Body], frozen=True):
    """A handler that sends one command to the conversation in its route's path. Both paths of such a route derive from it.

    `command(principal, headers, body)` makes the command; `answer(by, done)` makes the status and the JSON that the caller may
    see. The standard path calls the handler itself, the fast path (`connection/fast_path.py`) its parts. If `looks_up(body)`,
    the command needs data that must be awaited: only the standard path serves it, by calling `ask`. `target(body)`: the
    conversation, where the body names it instead of the path. Raises NotFound. `named`: how the path names it, if not by its id.
    """

    command: Callable[[Principal, Mapping[str, str], Body], Command]
    answer: Callable[[By, Done], tuple[int, Any]]
    looks_up: Callable[[Body], bool] | None = None
    ask: Callable[[Call[Body]], Awaitable[Done]] | None = None
    target: Callable[[Body], str] | None = None
    named: Named | None = None

    async def __call__(self, call: Call[Body]) -> web.StreamResponse:
        if self.named is not None:
            conversation_id = await self.named.find(call)
        else:
            conversation_id = call.id() if self.target is None else self.target(call.body)
        if self.ask is not None and self.looks_up is not None and self.looks_up(call.body):
            done = await self.ask(call)
        else:
            command = self.command(call.principal, call.request.headers, call.body)
            done = await call.ask(command, conversation=conversation_id)
        status, value = self.answered(
            None if self.named is None else call.path[self.named.parameter], call.by(), done
        )
        return answer(value, status)

    def answered(self, name: str | None, by: By, done: Done) -> tuple[int, Any]:
        """The status and the JSON. `name`: the conversation's, if the path names it so."""
        return (
            self.answer(by, done) if name is None or self.named is None else self.named.answer(name, by, done)
        )


class ThreadHandler(msgspec.Struct, Generic[Body], frozen=True):
    """A handler that sends one command to a thread, which may open a conversation. As `CommandHandler`, except that
    `command(services, principal, headers, body)` makes the thread's key as well, and None if something has to be awaited: then
    only the standard path serves the request, by calling `ask`.
    """

    command: Callable[[Services, Principal, Mapping[str, str], Body], tuple[ThreadKey, Command] | None]
    answer: Callable[[By, Done], tuple[int, Any]]
    ask: Callable[[Call[Body]], Awaitable[Done]]

    async def __call__(self, call: Call[Body]) -> web.StreamResponse:
        status, value = self.answer(call.by(), await self.ask(call))
        return answer(value, status)


Endpoint = Callable[[web.Request, Mapping[str, str]], Awaitable[web.StreamResponse]]
