"""The namespaces' common base: the handshake, opening and ending sessions, answering events."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
import structlog
from aiohttp import web

import socketio
from socketio.exceptions import ConnectionRefusedError as Refusal

from ...core.accounts.principal import Principal
from ...core.errors import Internal, Invalid, Malformed, Overloaded, TertuliaError, Unauthenticated
from ...core.ids import is_uuid
from ...core.views.stream_events import EventView
from ..auth.rate_limits import address_key
from ..auth.tokens import bearer
from ..framework.endpoint import Call, of_token
from ..framework.problems import RETRIED, STATUS
from ..framework.services import Services
from ..streams.session import Session
from .engine import Engine, RefusedForNow
from .readers import Event, LastSeen, Reader, Readers, SocketIoTransport

log = structlog.get_logger(__name__)

MAX_SINCE: Final = 200


class Handshake(NamedTuple):
    """A client's message when it joins a namespace: `auth: {token, account_id?, since?}`, or `offset`, which its library adds."""

    token: str | None
    account: str | None
    since: str | None


def handshake(request: web.BaseRequest, auth: Any) -> Handshake:
    """Raises Malformed."""
    if auth is None:
        auth = {}
    if not isinstance(auth, dict):
        raise Malformed("auth must be an object")
    token = _text(auth, "token") or bearer(request.headers)
    since = _text(auth, "since") or _text(auth, "offset")
    if token is not None:
        token = token.removeprefix("Bearer ").strip()
    account = _text(auth, "account_id")
    if account is not None and not is_uuid(account.lower()):
        raise Malformed("auth.account_id must be the id of an account")
    return Handshake(token, account, since if since is None else since[:MAX_SINCE])


def _text(auth: dict[str, Any], name: str) -> str | None:
    value = auth.get(name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"auth.{name} must be a string")
    return value or None


class Namespace(socketio.AsyncNamespace, ABC):
    """A namespace whose readers are sessions of the hub."""

    def __init__(self, name: str, engine: Engine, readers: Readers, services: Services) -> None:
        super().__init__(name)
        self.name = name
        self.engine = engine
        self.readers = readers
        self.services = services

    # -- of each namespace

    @abstractmethod
    async def welcome(self, eio_sid: str, sid: str, request: web.Request, given: Handshake) -> None:
        """Let a client in, or raise a TertuliaError."""

    @abstractmethod
    async def answer(self, eio_sid: str, sid: str, event: str, data: dict[str, Any]) -> Any:
        """The acknowledgement of a client's event. Raises TertuliaErrors."""

    @abstractmethod
    async def shape(self, session: Session, event: EventView) -> Sequence[Event]:
        """The event as this namespace's clients know it; none, one or several."""

    # -- shared

    async def trigger_event(self, event: str, *arguments: Any) -> Any:
        """As python-socketio calls it: `connect` with sid, environ, auth; `disconnect`; a client's event with its data."""
        sid = arguments[0]
        if event == "disconnect":
            eio_sid = self._eio_sid(sid)
            for reader in self.readers.remove(eio_sid, self.name):
                await self._end(reader)
            return None
        if event == "connect":
            eio_sid, request = self._eio_sid(sid), arguments[1]["aiohttp.request"]
            try:
                if self.services.hub.draining:
                    raise Overloaded("this server is stopping", retry_after=1)
                await self.welcome(eio_sid, sid, request, handshake(request, arguments[2]))
            except TertuliaError as error:
                if STATUS[error.code][0] in RETRIED and not self.readers.has_joined(eio_sid):
                    raise RefusedForNow(error.detail) from None
                if isinstance(error, Unauthenticated | Malformed):
                    await self._charge(request)
                raise Refusal(error.detail, {"code": error.code}) from None
            return None
        return await self._answered(sid, event, arguments[1:])

    def _eio_sid(self, sid: str) -> str:
        eio_sid = self.engine.server.manager.eio_sid_from_sid(sid, self.name)
        assert eio_sid is not None, "python-socketio calls with sids that it knows"
        return eio_sid

    async def _charge(self, request: web.Request) -> None:
        try:
            await self.services.limits.admit_address(request.remote)
        except TertuliaError as error:
            raise Refusal(error.detail, {"code": error.code}) from None

    async def principal(self, given: Handshake) -> Principal:
        """The holder of the handshake's token. Raises Unauthenticated, Forbidden."""
        if given.token is None:
            raise Unauthenticated("a token is required: auth: {token}")
        principal = await of_token(self.services, given.token, given.account)
        self.services.verifier.check_revoked(principal)
        principal.require("streams.read")
        await self.services.limits.admit(principal)
        return principal

    async def open(
        self,
        eio_sid: str,
        sid: str,
        request: web.Request,
        principal: Principal,
        topics: list[str],
        seen: LastSeen,
    ) -> Reader:
        """A session in the hub, reading `topics` once the client is in. Raises Overloaded, RateLimited."""
        transport = SocketIoTransport(self.engine, eio_sid, sid, self.name, self.shape)
        session = transport.session = Session(principal, transport, self.services.settings.stream_queue)
        await self.services.hub.open(session, address_key(request.remote))
        call = Call(request, self.readers.app, self.services, {}, principal, None, None)
        reader = Reader(call, session, seen)
        self.readers.add(eio_sid, self.name, reader)
        if self.engine.server.manager.is_connected(sid, self.name):
            reader.entered.set()
        reader.task = asyncio.ensure_future(self._run(reader, topics, seen.since))
        return reader

    async def _run(self, reader: Reader, topics: list[str], since: str | None) -> None:
        await reader.entered.wait()  # the CONNECT packet leaves first
        writing = asyncio.ensure_future(reader.session.write_loop(asyncio.get_running_loop()))
        try:
            await self.services.hub.join(reader.session, topics, since, greet=True)
            await writing
        except ConnectionError:
            reader.session.abort()
        except TertuliaError as error:
            log.info("socketio_reader_ended", error=error.detail)
            reader.session.abort()
        finally:
            writing.cancel()

    async def _end(self, reader: Reader) -> None:
        self.services.hub.leave(reader.session)
        if reader.task is not None and reader.session.closing is None:  # else its write loop ends by itself
            reader.task.cancel()

    async def _answered(self, sid: str, event: str, arguments: tuple[Any, ...]) -> Any:
        """The argument of the client's callback: `{type: ack, data}` or `{type: error, error}`; an error is an event of that name too."""
        eio_sid = self._eio_sid(sid)
        try:
            data = arguments[0] if arguments else {}
            if not isinstance(data, dict) or len(arguments) > 1:
                raise Invalid("an event carries one object")
            return {"type": "ack", "data": await self.answer(eio_sid, sid, event, data)}
        except TertuliaError as error:
            return await self._failed(eio_sid, event, error)
        except Exception:
            log.exception("socketio_event_failed")
            return await self._failed(eio_sid, event, Internal("the server failed"))

    async def _failed(self, eio_sid: str, event: str, error: TertuliaError) -> Any:
        problem: dict[str, Any] = {"code": error.code, "detail": error.detail[:1000]}
        if error.errors:
            problem["errors"] = [{"path": path, "message": message} for path, message in error.errors]
        if error.current is not None:
            problem["current"] = error.current
        await self.engine.server.emit(
            "error", {"event": event[:80], **problem}, to=self.engine.server.manager.sid_from_eio_sid(eio_sid, self.name),
            namespace=self.name,
        )  # fmt: skip
        return {"type": "error", "error": problem}


def to_json(data: dict[str, Any]) -> bytes:
    """A client's object as JSON again, to be read as the native API reads it. Raises Malformed."""
    try:
        return orjson.dumps(data)
    except (TypeError, ValueError):
        raise Malformed("the event's data is not JSON") from None
