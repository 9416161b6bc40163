"""`/desk/ws`: the reply desk's events, made from the account's own. Clients only listen."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from ....actors.clock import now_ms
from ....core.times import rfc3339
from ....core.views.stream_events import account_topic
from ...framework.endpoint import Call, Route
from ...routes.streams.websocket_session import serve
from ...streams.session import Frame, Session
from ...streams.transports import WebSocketTransport
from .shapes import TAG

WATCHED: Final = 256
"""Outbound mails that one socket follows at once; beyond these, it gets no events."""
WATCH: Final = 60.0
LOOK: Final = 0.25
_encode = msgspec.json.Encoder().encode


class DeskSocketQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: str | None = None
    ticket: str | None = None


class DeskTransport(WebSocketTransport):
    """Sends the reply desk's form of each event, and nothing for events that it does not know."""

    __slots__ = ("_call", "_session", "_watching")

    def __init__(self, call: Call[Any]) -> None:
        super().__init__(call.request)
        self._call = call
        self._watching: set[asyncio.Task[None]] = set()
        self._session: Session | None = None

    def begin(self, session: Session) -> None:
        self._session = session

    def ended(self) -> None:
        for task in self._watching:
            task.cancel()

    async def send(self, frames: list[Frame]) -> None:
        for frame in frames:
            shaped = await self._shaped(msgspec.json.decode(frame.json))
            if shaped is not None:
                await self.socket.send_frame(shaped, WSMsgType.TEXT)

    async def _shaped(self, event: dict[str, Any]) -> bytes | None:
        kind, data, conversation_id = event["type"], event.get("data") or {}, event.get("conversation_id")
        if kind.startswith("desk:"):  # made here
            return _event(kind.removeprefix("desk:"), conversation_id, event["at"], data)
        if kind in ("ready", "reset"):
            return _encode({"type": kind, **data})
        drafted = kind == "conversation:suggestion" and data["status"] == "pending"
        written = kind == "conversation:message" and not data["is_private"]
        if conversation_id is None or not (drafted or written) or not await self._is_mail(conversation_id):
            return None
        if drafted:
            ready = {"suggestion_id": data["suggestion_id"], "confidence": data["confidence"]}
            return _event("conversation:ai_ready", conversation_id, event["at"], ready)
        if data["direction"] == "inbound":
            new = {"message_id": data["id"], "sender": data["sender_id"]}
            return _event("conversation:new_reply", conversation_id, event["at"], new)
        self._watch(conversation_id, data["id"])
        return None

    async def _is_mail(self, conversation_id: str) -> bool:
        c = await self._call.services.stores.conversations.get(self._call.account_id, conversation_id)
        return c is not None and c.channel_type == "email"

    def _watch(self, conversation_id: str, message_id: str) -> None:
        if len(self._watching) < WATCHED:
            task = asyncio.ensure_future(self._sent(conversation_id, message_id))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

    async def _sent(self, conversation_id: str, message_id: str) -> None:
        """Report whether a mail was sent, once that is known."""
        call = self._call
        for _ in range(int(WATCH / LOOK)):
            delivery = await call.services.stores.deliveries.get(call.account_id, message_id)
            if delivery is None:
                return
            if delivery.status == "failed":
                why = (delivery.error or {}).get("detail") or "the provider refused it"
                error = {"error": f"Failed to send email: {why}"}
                self._push("conversation:error", conversation_id, error)
                return
            if delivery.status != "queued":
                self._push("conversation:sent", conversation_id, {"message_id": message_id})
                return
            await asyncio.sleep(LOOK)

    def _push(self, kind: str, conversation_id: str, data: dict[str, Any]) -> None:
        if self._session is not None:
            event = {
                "type": f"desk:{kind}",
                "conversation_id": conversation_id,
                "at": rfc3339(now_ms()),
                "data": data,
            }
            self._session.push(Frame(kind, _encode(event), None))


def _event(kind: str, conversation_id: str | None, at: str, fields: dict[str, Any]) -> bytes:
    body = {"conversation_id": conversation_id, **fields, "timestamp": at}
    return _encode({"type": kind, **body, "data": body})


async def websocket(call: Call[None]) -> web.StreamResponse:
    transport = DeskTransport(call)

    async def topics(session: Session) -> list[str]:
        transport.begin(session)
        return [account_topic(call.account_id)]

    return await serve(call, transport, topics, call.query.since, _ignored)


async def _ignored(session: Session, text: str) -> None:
    """Clients' messages are ignored."""


ROUTES = [
    Route("GET", "/desk/ws", websocket, "inbox.read", {101: None}, "deskStream", "The reply desk's events over WebSocket",
          query=DeskSocketQuery, tag=TAG, stream=True),
]  # fmt: skip
