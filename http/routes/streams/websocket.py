"""`GET /v1/ws`: sends events; receives commands and answers each under its `ref`."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from ...framework.endpoint import Call
from ...streams.session import Frame, Session
from ...streams.transports import WebSocketTransport
from .messages import respond
from .opening import StreamQuery, subscribe
from .websocket_session import serve


async def websocket(call: Call[None]) -> web.StreamResponse:
    query: StreamQuery = call.query

    async def topics(session: Session) -> list[str]:
        return await subscribe(call, session, query.topics)

    return await serve(call, WebSocketTransport(call.request), topics, query.since, partial(_answer, call))


async def _answer(call: Call[None], session: Session, text: str) -> None:
    reply = await respond(call, session, text.encode())
    if reply is not None:
        session.push(Frame("ack", reply, None))
