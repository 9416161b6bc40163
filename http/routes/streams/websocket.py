"""`GET /v1/ws`: WebSocket (RFC 6455). Sends events; receives commands and answers each under its `ref`."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from aiohttp import WSMsgType, web

from ...connection.websocket_guard import GuardedWebSocket
from ...framework.endpoint import Call
from ...streams.session import CloseCode, Frame, Session
from ...streams.stream_limits import StreamCounts
from ...streams.token_bucket import Rate
from ...streams.transports import WebSocketTransport
from .messages import respond
from .opening import StreamQuery, opened, subscribe

log = structlog.get_logger(__name__)

MAX_MESSAGE = 512 * 1024
"""Bytes of one client message; larger ones close the socket with 1009."""
MAX_UNDER_WAY = 64
"""Commands of one socket in flight at once; beyond them nothing more is read from it."""
TURN = 16
"""Messages read before other tasks get a turn of the event loop."""
CLOSING = 5.0
"""Seconds for the server's close frame to be written, and for the client's to arrive."""


async def websocket(call: Call[None]) -> web.StreamResponse:
    """Serve one client until it closes, its token expires, or the gateway drains."""
    request, services = call.request, call.services
    query: StreamQuery = call.query
    transport = WebSocketTransport(request)
    async with opened(call, transport) as session:
        socket = transport.socket = GuardedWebSocket(
            SessionGuard(services.hub.counts, session, transport),
            heartbeat=services.settings.heartbeat,
            max_msg_size=MAX_MESSAGE,
            compress=False,
            autoping=False,
            timeout=CLOSING,
        )
        topics = await subscribe(call, session, query.topics)
        await socket.prepare(request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        writing.add_done_callback(lambda task: _written(task, session))
        try:
            await services.hub.join(session, topics, query.since, greet=True)
            await _read(call, session, socket)
            if session.closing is not None:
                await asyncio.wait(
                    {writing}, timeout=CLOSING
                )  # let the requested close frame, with its code, leave
        except ConnectionError:
            session.abort()
        finally:
            writing.cancel()
    return socket


async def _read(call: Call[None], session: Session, socket: GuardedWebSocket) -> None:
    under_way: set[asyncio.Task[None]] = set()
    taken = 0
    try:
        async for message in socket:
            taken += 1
            if message.type is WSMsgType.TEXT:
                task = asyncio.ensure_future(_answer(call, session, message.data))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
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


async def _answer(call: Call[None], session: Session, text: str) -> None:
    reply = await respond(call, session, text.encode())
    if reply is not None:
        session.push(Frame("ack", reply, None))


def _written(task: asyncio.Task[None], session: Session) -> None:
    """The write loop has ended: by a requested close, or because the connection broke."""
    if not task.cancelled() and task.exception() is not None:
        session.abort()
