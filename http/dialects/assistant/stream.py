"""`/assistant/api/v1/ws/conversations/{id}`: acknowledgements and answers as they arrive. A client may send `{"type": "cancel"}`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from ....actors.assistant.runs import FRAME, topic_of
from ...connection.websocket_guard import GuardedWebSocket
from ...framework.endpoint import Call, Route
from ...routes.streams.opening import opened
from ...routes.streams.websocket import CLOSING, MAX_MESSAGE, SessionGuard
from ...streams.session import CloseCode, Frame
from ...streams.transports import WebSocketTransport
from .conversations import own
from .gate import SOCKET_GATE
from .shapes import BASE, TAG

_encode = msgspec.json.Encoder().encode


class AssistantSocketQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str | None = None


class _Request(msgspec.Struct, frozen=True):
    type: str


class AssistantTransport(WebSocketTransport):
    """Sends the frames of the runtime's document, and nothing of other events."""

    __slots__ = ()

    async def send(self, frames: list[Frame]) -> None:
        for frame in frames:
            event = msgspec.json.decode(frame.json)
            if event["type"] == "ready":
                said = {"type": "connected"}
            elif event["type"] == FRAME:
                said = event["data"]["frame"]
            else:
                continue
            await self.socket.send_frame(_encode(said), WSMsgType.TEXT)


async def websocket(call: Call[None]) -> web.StreamResponse:
    c = await own(call)
    services, transport = call.services, AssistantTransport(call.request)
    async with opened(call, transport) as session:
        socket = transport.socket = GuardedWebSocket(
            SessionGuard(services.hub.counts, session, transport), heartbeat=services.settings.heartbeat,
            max_msg_size=MAX_MESSAGE, compress=False, autoping=False, timeout=CLOSING,
        )  # fmt: skip
        await socket.prepare(call.request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        try:
            await services.hub.join(session, [topic_of(c.id)], None, greet=True)
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    session.close(CloseCode.POLICY, "text messages only")
                    break
                if message.type is WSMsgType.PING:
                    session.answer_ping(partial(socket.pong, message.data))
                elif message.type is WSMsgType.TEXT and _is_cancel(message.data):
                    await services.assistant.cancel(c.account_id, c.id)
            if session.closing is not None:
                await asyncio.wait({writing}, timeout=CLOSING)
        except ConnectionError:
            session.abort()
        finally:
            writing.cancel()
    return socket


def _is_cancel(text: Any) -> bool:
    try:
        return msgspec.json.decode(text, type=_Request).type == "cancel"
    except (msgspec.DecodeError, RecursionError):
        return False


ROUTES = [
    Route("GET", BASE + "/ws/conversations/{id}", websocket, "conversation.read", {101: None}, "assistantStream",
          "A conversation's acknowledgements and answers over WebSocket", query=AssistantSocketQuery, tag=TAG, stream=True,
          gate=SOCKET_GATE, refuses=(404,)),
]  # fmt: skip
