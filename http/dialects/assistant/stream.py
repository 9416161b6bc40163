"""`/assistant/api/v1/ws/conversations/{id}`: acknowledgements and answers as they arrive. A client may send `{"type": "cancel"}`."""

from __future__ import annotations

import msgspec
from aiohttp import WSMsgType, web

from ....actors.assistant.runs import FRAME, topic_of
from ...framework.endpoint import Call, Route
from ...routes.streams.websocket_session import serve
from ...streams.session import Frame, Session
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
                message = {"type": "connected"}
            elif event["type"] == FRAME:
                message = event["data"]["frame"]
            else:
                continue
            await self.socket.send_frame(_encode(message), WSMsgType.TEXT)


async def websocket(call: Call[None]) -> web.StreamResponse:
    c, services = await own(call), call.services

    async def topics(session: Session) -> list[str]:
        return [topic_of(c.id)]

    async def receive(session: Session, text: str) -> None:
        if _is_cancel(text):
            await services.assistant.cancel(c.account_id, c.id)

    return await serve(call, AssistantTransport(call.request), topics, None, receive)


def _is_cancel(text: str) -> bool:
    try:
        return msgspec.json.decode(text, type=_Request).type == "cancel"
    except (msgspec.DecodeError, RecursionError):
        return False


ROUTES = [
    Route("GET", BASE + "/ws/conversations/{id}", websocket, "conversation.read", {101: None}, "assistantStream",
          "A conversation's acknowledgements and answers over WebSocket", query=AssistantSocketQuery, tag=TAG, stream=True,
          gate=SOCKET_GATE, refuses=(404,)),
]  # fmt: skip
