"""`GET /v1/ws`: WebSocket (RFC 6455). Events out; commands in, each answered under its `ref`."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

from ..api import Call
from .messages import respond
from .opening import StreamQuery, opened, subscribe
from .session import CloseCode, Frame, Session
from .transports import WebSocketTransport

MAX_MESSAGE = 512 * 1024
"""Bytes of one message of a client; larger ones close with 1009."""
MAX_UNDER_WAY = 64
"""Commands of one socket under way at once. While they are, nothing more is read from it."""

CLOSING = 5.0
"""Seconds a close of ours may take to be written."""


async def websocket(call: Call[None]) -> web.StreamResponse:
    """Serve one reader and writer until it closes, its token ends, or the gateway drains."""
    request, services = call.request, call.services
    query: StreamQuery = call.query
    socket = web.WebSocketResponse(
        heartbeat=services.settings.heartbeat, max_msg_size=MAX_MESSAGE, compress=False
    )
    async with opened(call, WebSocketTransport(request, socket)) as session:
        topics = await subscribe(call, session, query.topics)
        await socket.prepare(request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        writing.add_done_callback(lambda task: _written(task, session))
        try:
            await services.hub.join(session, topics, query.since, greet=True)
            await _read(call, session, socket)
            if session.closing is not None:
                await asyncio.wait({writing}, timeout=CLOSING)  # the close we asked for carries its own code
        except ConnectionError:
            session.abort()
        finally:
            writing.cancel()
    return socket


async def _read(call: Call[None], session: Session, socket: web.WebSocketResponse) -> None:
    under_way: set[asyncio.Task[None]] = set()
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                session.close(CloseCode.POLICY, "text messages only")
                return
            if message.type is not WSMsgType.TEXT:
                continue
            task = asyncio.ensure_future(_answer(call, session, message.data))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if len(under_way) >= MAX_UNDER_WAY:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in under_way:
            task.cancel()


async def _answer(call: Call[None], session: Session, text: str) -> None:
    reply = await respond(call, session, text.encode())
    if reply is not None:
        session.push(Frame("ack", reply, None))


def _written(task: asyncio.Task[None], session: Session) -> None:
    """The write loop has ended: by the close it was asked for, or because the connection broke."""
    if not task.cancelled() and task.exception() is not None:
        session.abort()
