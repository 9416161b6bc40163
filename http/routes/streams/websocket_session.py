"""One WebSocket (RFC 6455) from its opening to its end, whatever language its messages speak: bounds, pings, the queue, the close frame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from aiohttp import WSMsgType, web

from ...connection.stream_memory import release_request
from ...connection.websocket_guard import GuardedWebSocket
from ...framework.endpoint import Call
from ...streams.hub import Hub
from ...streams.session import CloseCode, Session
from ...streams.stream_limits import StreamCounts
from ...streams.token_bucket import Rate
from ...streams.transports import WebSocketTransport
from .opening import end_session, open_session

log = structlog.get_logger(__name__)

MAX_MESSAGE = 512 * 1024
"""Bytes of one client message; larger ones close the socket with 1009."""
MAX_UNDER_WAY = 64
"""Messages of one socket in work at once; beyond them nothing more is read from it."""
TURN = 16
"""Messages read before other tasks get a turn of the event loop."""
CLOSING = 5.0
"""Seconds for the server's close frame to be written, and for the client's to arrive."""

Topics = Callable[[Session], Awaitable[list[str]]]
Receive = Callable[[Session, str], Awaitable[None]]


async def serve(
    call: Call[None], transport: WebSocketTransport, topics: Topics, since: str | None, receive: Receive
) -> web.StreamResponse:
    """Serve one client until it closes, its token expires, or the gateway drains. `topics`: those it subscribes to; whatever that raises
    refuses the request. `receive` gets the client's texts, several at once; if it raises, the connection is cut."""
    services = call.services
    session = await open_session(call, transport)
    try:
        socket = transport.socket = GuardedWebSocket(
            SessionGuard(services.hub.counts, session, transport),
            heartbeat=services.settings.heartbeat,
            max_msg_size=MAX_MESSAGE,
            compress=False,
            autoping=False,
            timeout=CLOSING,
        )
        names = await topics(session)
        await socket.prepare(call.request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        writing.add_done_callback(partial(_written, session))
        try:
            await services.hub.join(session, names, since, greet=True)
        except ConnectionError:
            session.abort()
        except BaseException:
            writing.cancel()
            raise
    except BaseException:
        transport.ended()
        end_session(services.hub, session, call.request)
        raise
    socket.lasts(partial(_serve, services.hub, call.request, transport, session, socket, writing, receive))
    return socket


async def _serve(
    hub: Hub,
    request: web.Request,
    transport: WebSocketTransport,
    session: Session,
    socket: GuardedWebSocket,
    writing: asyncio.Task[None],
    receive: Receive,
) -> None:
    try:
        release_request(request)
        await _read(session, socket, receive)
        if session.closing is not None:
            # let the requested close frame, with its code, leave
            await asyncio.wait({writing}, timeout=CLOSING)
    except ConnectionError:
        session.abort()
    finally:
        writing.cancel()
        transport.ended()
        end_session(hub, session, request)


async def _read(session: Session, socket: GuardedWebSocket, receive: Receive) -> None:
    under_way: set[asyncio.Task[None]] = set()
    taken = 0
    try:
        async for message in socket:
            taken += 1
            if message.type is WSMsgType.TEXT:
                task = asyncio.ensure_future(receive(session, message.data))
                under_way.add(task)
                task.add_done_callback(partial(_received, session, under_way))
                if len(under_way) >= MAX_UNDER_WAY:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            elif message.type is WSMsgType.PING:
                session.answer_ping(partial(socket.pong, message.data))
            elif message.type is WSMsgType.BINARY:
                session.close(CloseCode.POLICY, "text messages only")
                return
            if taken % TURN == 0:  # buffered messages are read without a pause otherwise
                await asyncio.sleep(0)
    finally:
        for task in under_way:
            task.cancel()


def _received(session: Session, under_way: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    under_way.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("websocket_message_failed", exc_info=error)
        session.abort()


class SessionGuard:
    """The `FrameGuard` of a session: charges its user and account."""

    __slots__ = ("_counts", "_session", "_transport")

    def __init__(self, counts: StreamCounts, session: Session, transport: WebSocketTransport) -> None:
        self._counts = counts
        self._session = session
        self._transport = transport

    @property
    def rate(self) -> Rate:
        return self._counts.frame_rate

    def left(self) -> float:
        return self._counts.frames_left(self._session.principal)

    def spend(self, cost: float) -> str | None:
        return self._counts.spend_frames(self._session.principal, cost)

    def refuse(self, code: int, reason: str) -> None:
        principal = self._session.principal
        if self._counts.is_news(principal):
            account_id, user_id = principal.account_id, principal.user_id
            log.info("websocket_refused", reason=reason, account_id=account_id, user_id=user_id)
        self._transport.socket.read_no_more()
        self._session.close(code, reason)


def _written(session: Session, task: asyncio.Task[None]) -> None:
    """The write loop has ended: by a requested close, or because the connection broke."""
    if not task.cancelled() and task.exception() is not None:
        session.abort()
