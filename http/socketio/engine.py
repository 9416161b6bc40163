"""The Engine.IO server below the namespaces: everything that knows python-socketio's internals, and the bounds of connections.

Origins are checked, handshakes spend permits of their address, frames are counted before they are parsed, binary packets are refused (nobody
needs them, and their attachments would have to be buffered), and a connection that joins no namespace is closed. With polling, all requests of a
connection must reach one gateway: with several gateways, clients use WebSocket only, or the balancer uses sticky sessions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson
import structlog
from aiohttp import hdrs, web
from engineio.exceptions import EngineIOError
from engineio.payload import Payload

import socketio
from socketio.packet import CONNECT_ERROR

from ...core.accounts.principal import Principal, Role
from ...core.errors import Invalid, Overloaded, RateLimited
from ..auth.rate_limits import address_key
from ..connection.websocket_guard import GuardedWebSocket
from ..framework.body_reading import whole
from ..framework.services import Services
from ..streams.stream_limits import BYTES_PER_FRAME
from ..streams.token_bucket import Rate

log = structlog.get_logger(__name__)

PATH: Final = "/socket.io/"
MAX_PACKET: Final = 512 * 1024
"""Bytes of one packet or polling body."""
PING_INTERVAL, PING_TIMEOUT = 25, 20
JOIN_WITHIN: Final = 10.0
"""Seconds within which a connection must join a namespace, and a WebSocket take over from polling."""
MAX_UNREAD: Final = 64
"""Packets that a client has not yet read; beyond this, nothing more is read from the client. Events wait in its sessions' queues."""
CLOSING: Final = 5.0
_ORDER: Final = "tertulia.order"
_QUIET: Final[Any] = logging.Logger("tertulia.socketio", logging.CRITICAL)
"""For the libraries, which log a traceback for each broken packet of a stranger."""
RESERVED: Final = frozenset({"connect", "disconnect"})
"""Names by which python-socketio tells a namespace of its connections. No client's event may have one."""
_BINARY: Final = ("5", "6")
"""The types of Socket.IO packets that announce attachments."""
_NO_NAMESPACE: Final = "Invalid namespace"
"""What Socket.IO's own server says of a namespace that it does not have."""
_OLD: Final = "this server speaks Socket.IO 5 (client 3 or newer, EIO=4); this client is older"
_REFUSAL: Final = (
    '0{"sid":"refused","upgrades":[],"pingInterval":25000,"pingTimeout":5000}',
    f'44"{_OLD}"',
)
"""In the older protocol (Engine.IO 3): a handshake, and an error that its client shows to its application."""


class RefusedForNow(Exception):
    """A client may join later. Its connection ends, since its library then returns by itself; told by a packet of Socket.IO that it is
    refused, it would stay away for good."""


class Readers(Protocol):
    """The readers that have joined over a connection (`readers.py`)."""

    def principals(self, eio_sid: str) -> list[Principal]: ...
    def has_joined(self, eio_sid: str) -> bool: ...
    def entered(self, eio_sid: str, namespace: str) -> None: ...


class _Json:
    """The JSON of packets: bounded in depth, unlike the standard library's."""

    @staticmethod
    def loads(text: str) -> Any:
        return orjson.loads(text)

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return orjson.dumps(value).decode()


class _Guard:
    """The `FrameGuard` of a connection: charges whoever has joined over it, before that its address."""

    def __init__(self, engine: Engine, request: web.BaseRequest) -> None:
        self._engine = engine
        address = address_key(request.remote)
        self._unknown = Principal(account_id=address, role=Role.SERVICE, user_id=address, expires_at=0)
        self.socket: GuardedWebSocket
        self.joined: Callable[[], list[Principal]] = list

    @property
    def rate(self) -> Rate:
        return self._engine.services.hub.counts.frame_rate

    def left(self) -> float:
        counts = self._engine.services.hub.counts
        return min(counts.frames_left(p) for p in self._principals())

    def spend(self, cost: float) -> str | None:
        counts = self._engine.services.hub.counts
        found = [counts.spend_frames(p, cost) for p in self._principals()]
        return next((whose for whose in found if whose is not None), None)

    def refuse(self, code: int, reason: str) -> None:
        self.socket.read_no_more()
        task = asyncio.ensure_future(self.socket.close(code=code, message=reason.encode()))
        self._engine.tasks.add(task)
        task.add_done_callback(self._engine.tasks.discard)

    def _principals(self) -> list[Principal]:
        return self.joined() or [self._unknown]


class _Socket:
    """A WebSocket as engineio drives it, behind a `FrameGate`."""

    def __init__(self, engine: Engine, handler: Any) -> None:
        self._engine = engine
        self._handler = handler
        self._socket: GuardedWebSocket

    async def __call__(self, environ: dict[str, Any]) -> web.StreamResponse:
        request = environ["aiohttp.request"]
        guard = _Guard(self._engine, request)
        guard.joined = lambda: self._engine.principals(self._handler.__self__.sid)
        socket = guard.socket = self._socket = GuardedWebSocket(
            guard, max_msg_size=MAX_PACKET, compress=False, timeout=CLOSING
        )
        await socket.prepare(request)
        connection = self._handler.__self__
        deadline = asyncio.get_running_loop().call_later(JOIN_WITHIN, self._expire, request)
        try:
            await self._handler(self)
        finally:
            deadline.cancel()
            if not connection.upgraded:  # the library forgets it, and answers each poll at once with nothing
                connection.upgrading = False
        return socket

    def _expire(self, request: web.Request) -> None:
        """End a socket that was opened to take over from polling, but has not."""
        if not self._handler.__self__.upgraded and request.transport is not None:
            request.transport.abort()

    async def close(self) -> None:
        await self._socket.close()

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await self._socket.send_bytes(message)
        else:
            await self._socket.send_str(message)

    async def wait(self) -> str | bytes:
        message = await self._socket.receive()
        if not isinstance(message.data, (bytes, str)):
            raise OSError("the client has gone")
        return message.data


class _Server(socketio.AsyncServer):
    """python-socketio's server. A client's broken packet ends its connection, without a record for each."""

    engine: Engine

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        asyncio.get_running_loop().call_later(JOIN_WITHIN, self.engine.end_idle, eio_sid)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        place = namespace or "/"
        if self.manager.sid_from_eio_sid(eio_sid, place) is not None:
            raise ValueError("the client is already in this namespace")
        await super()._handle_connect(eio_sid, namespace, data)
        self.engine.readers.entered(eio_sid, place)

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        if not isinstance(data, list) or not isinstance(data[0], str) or data[0] in RESERVED:
            raise ValueError("the packet is no client's event")
        await super()._handle_event(eio_sid, namespace, id, data)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        await self.engine.room(eio_sid)
        environ = self.environ.get(eio_sid)
        if environ is None:
            return
        async with environ.setdefault(_ORDER, asyncio.Lock()):  # polls may overtake each other
            await self._handle_in_turn(eio_sid, data)

    async def _handle_in_turn(self, eio_sid: str, data: Any) -> None:
        try:
            if not isinstance(data, str) or data.startswith(_BINARY):
                raise ValueError("binary packets are not accepted")
            await super()._handle_eio_message(eio_sid, data)
        except RefusedForNow as error:
            log.info("socketio_refused_for_now", error=str(error))
            await self.engine.end(eio_sid)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            log.debug("socketio_packet_refused", error=str(error)[:200])
            await self.engine.end(eio_sid)

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        if pkt.packet_type == CONNECT_ERROR and isinstance(pkt.data, str):
            pkt.data = {
                "message": _NO_NAMESPACE
            }  # the library's bare text is an empty message to its clients
        if pkt.packet_type == 0 and isinstance(pkt.data, dict) and "sid" in pkt.data:
            pkt.data["pid"] = pkt.data[
                "sid"
            ]  # so that clients keep the id of the last event and tell it when they return
        await super()._send_packet(eio_sid, pkt)


class Engine:
    """One gateway's Engine.IO server."""

    def __init__(self, services: Services, readers: Readers) -> None:
        self.services = services
        self.readers = readers
        self.tasks: set[asyncio.Future[Any]] = set()
        self.server = _Server(
            async_mode="aiohttp",
            async_handlers=False,  # a connection's packets are answered in order, and the next is read after the last
            json=_Json,
            cors_allowed_origins=[],  # checked here
            http_compression=False,
            max_http_buffer_size=MAX_PACKET,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            cookie=None,
            logger=_QUIET,
            engineio_logger=_QUIET,
        )
        self.server.engine = self
        self._eio: Any = self.server.eio
        self._eio._async = {
            **self._eio._async,
            "websocket": lambda handler, _: _Socket(self, handler),
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one HTTP request. Raises Forbidden, Invalid, Overloaded, RateLimited."""
        self.services.origins.check(request)
        if "sid" not in request.query:
            await self.services.limits.admit_address(request.remote)
            if self.services.hub.draining or len(self._eio.sockets) >= self.services.settings.max_streams:
                raise Overloaded("this gateway takes no more connections", retry_after=1)
            if request.query.get("EIO") in ("1", "2", "3"):
                return await _refuse_older(request)
        if request.method == hdrs.METH_POST:
            response = await self._posted(request)
        else:
            response = await self._eio.handle_request(request)
        if hdrs.ORIGIN in request.headers and not response.prepared:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
            response.headers[hdrs.VARY] = hdrs.ORIGIN
        return response

    async def _posted(self, request: web.Request) -> web.Response:
        """Take a polling client's packets, in place of the library, which takes whatever has arrived of a body for all of it, does not answer a
        broken packet before the client has fetched what waits for it, and fails if the connection ends meanwhile.

        Raises Invalid, RateLimited, HTTPRequestEntityTooLarge, HTTPRequestTimeout; unless it was not open, the connection ends then.
        """
        eio_sid = request.query.get("sid", "")
        try:
            await self._take(eio_sid, request)
        except (EngineIOError, ValueError, LookupError):
            await self.end(eio_sid)
            raise Invalid("the body is not a sequence of Engine.IO packets") from None
        except (RateLimited, web.HTTPException):
            await self.end(eio_sid)
            raise
        return web.Response(text="OK")

    async def _take(self, eio_sid: str, request: web.Request) -> None:
        body = await whole(request, MAX_PACKET)
        socket = self._eio.sockets.get(eio_sid)
        if socket is None or socket.closed or not socket.connected or socket.upgraded:
            raise Invalid("no such connection is open for polling; connect again")
        packets = Payload(encoded_payload=body.decode()).packets
        guard = _Guard(self, request)
        guard.joined = lambda: self.principals(eio_sid)
        if whose := guard.spend(len(packets) + len(body) / BYTES_PER_FRAME):
            raise RateLimited(f"too many frames of one {whose}", retry_after=1)
        for packet in packets:
            await socket.receive(packet)

    def principals(self, eio_sid: str) -> list[Principal]:
        return self.readers.principals(eio_sid)

    async def room(self, eio_sid: str) -> None:
        """Wait while a connection has not taken the answers to what it said before."""
        socket = self._eio.sockets.get(eio_sid)
        if socket is not None and socket.queue.qsize() >= MAX_UNREAD:
            await socket.queue.join()

    def is_open(self, eio_sid: str) -> bool:
        socket = self._eio.sockets.get(eio_sid)
        return socket is not None and not socket.closed

    async def send(self, eio_sid: str, packets: list[str]) -> None:
        """Send Socket.IO packets; returns when the connection has taken them. Raises ConnectionResetError."""
        socket = self._eio.sockets.get(eio_sid)
        if socket is None or socket.closed:
            raise ConnectionResetError("the client has gone")
        for packet in packets:
            await self._eio.send(eio_sid, packet)
        await socket.queue.join()

    def end_idle(self, eio_sid: str) -> None:
        """End a connection that has joined nothing."""
        if self.is_open(eio_sid) and not self.readers.has_joined(eio_sid):
            self.abort(eio_sid)

    def abort(self, eio_sid: str) -> None:
        """End a connection soon."""
        task = asyncio.ensure_future(self.end(eio_sid))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def end(self, eio_sid: str) -> None:
        """End a connection without a word of Socket.IO: its client reconnects."""
        socket = self._eio.sockets.get(eio_sid)
        if socket is None:
            return
        await socket.close(wait=False, abort=True)
        while not socket.queue.empty():  # nobody takes it any more, and somebody may wait until it is taken
            socket.queue.get_nowait()
            socket.queue.task_done()
        await socket.queue.put(None)
        self._eio.sockets.pop(eio_sid, None)
        request = self.server.environ.get(eio_sid, {}).get("aiohttp.request")
        if socket.upgraded and request is not None and request.transport is not None:
            asyncio.get_running_loop().call_later(CLOSING, request.transport.abort)

    async def close(self, app: web.Application) -> None:
        """End every connection."""
        for eio_sid in list(self._eio.sockets):
            await self.end(eio_sid)
        await self.server.shutdown()


async def _refuse_older(request: web.Request) -> web.StreamResponse:
    """Tell a client of Socket.IO 2 why it is refused, in its own protocol."""
    if request.query.get("transport") != "websocket":
        body = "".join(f"{len(packet)}:{packet}" for packet in _REFUSAL)
        return web.Response(body=body.encode(), content_type="text/plain", charset="utf-8")
    socket = web.WebSocketResponse(max_msg_size=1024, timeout=CLOSING)
    await socket.prepare(request)
    for packet in _REFUSAL:
        await socket.send_str(packet)
    await socket.close()
    return socket
