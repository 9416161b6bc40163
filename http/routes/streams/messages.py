"""What a client may say on a WebSocket: one table from `type` to the shape and the handler.

Every message with a `ref` is answered once under it: `ack` with data, or `error` with a code of `core.errors`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
import structlog

from ....core.accounts.principal import Role
from ....core.conversation.commands import MarkRead
from ....core.errors import Forbidden, Internal, NotFound, TertuliaError
from ....core.routing.facts import PresenceStatus
from ....core.views.stream_events import conversation_topic
from ...actions import conversations
from ...framework import bodies
from ...framework.endpoint import Call
from ...streams import topics as topic_rules
from ...streams.session import Session
from .opening import admit_topics

log = structlog.get_logger(__name__)

Handler = Callable[[Call[Any], Session, Any], Awaitable[Any]]

TopicNames = Annotated[list[str], msgspec.Meta(max_length=topic_rules.MAX_TOPICS)]


Ref = (
    Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | Annotated[str, msgspec.Meta(max_length=255)]
    | None
)
"""What a client's message is answered under; it is repeated to the client, so it is short."""


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: str
    ref: Ref = None


class Subscribe(_Said, frozen=True):
    topics: TopicNames
    since: str | None = None


class Unsubscribe(_Said, frozen=True):
    topics: TopicNames


class OfConversation(_Said, frozen=True):
    conversation_id: str


class Send(OfConversation, frozen=True):
    content: conversations.Content
    is_private: bool = False
    client_message_id: conversations.Key | None = None


class Read(OfConversation, frozen=True):
    seq: conversations.Seq


class Status(_Said, frozen=True):
    status: PresenceStatus


class Bare(_Said, frozen=True):
    pass


class _Head(msgspec.Struct, frozen=True):
    type: str
    ref: Ref = None


class _Ref(msgspec.Struct, frozen=True):
    ref: Ref = None


async def _subscribe(call: Call[Any], session: Session, said: Subscribe) -> dict[str, Any]:
    await admit_topics(call, len(said.topics))
    topics = await topic_rules.resolve(call.principal, said.topics, call.services.stores.conversations)
    await call.services.hub.join(session, topics, said.since)
    return {"topics": sorted(session.topics)}


async def _unsubscribe(call: Call[Any], session: Session, said: Unsubscribe) -> dict[str, Any]:
    await admit_topics(call, len(said.topics))
    topics = await topic_rules.resolve(call.principal, said.topics, call.services.stores.conversations)
    call.services.hub.part(session, topics)
    return {"topics": sorted(session.topics)}


async def _join(call: Call[Any], session: Session, said: OfConversation) -> dict[str, Any]:
    topic = f"conversation:{said.conversation_id}"
    topics = await topic_rules.resolve(call.principal, [topic], call.services.stores.conversations)
    await call.services.hub.join(session, topics, None)
    return {"conversation_id": said.conversation_id}


async def _leave(call: Call[Any], session: Session, said: OfConversation) -> dict[str, Any]:
    call.services.hub.part(session, [conversation_topic(said.conversation_id.lower())])
    return {"conversation_id": said.conversation_id}


async def _send(call: Call[Any], session: Session, said: Send) -> Any:
    message = conversations.NewMessage(
        content=said.content, is_private=said.is_private, client_message_id=said.client_message_id
    )
    done = await conversations.post(call, conversations.conversation_id(said.conversation_id), message)
    return conversations.message_of(call, done.entries[0])


async def _read(call: Call[Any], session: Session, said: Read) -> dict[str, Any]:
    _staff(call)
    conversation_id = conversations.conversation_id(said.conversation_id)
    await conversations.mark_read(call, conversation_id, MarkRead(said.seq))
    return {"conversation_id": conversation_id, "seq": said.seq}


async def _takeover(call: Call[Any], session: Session, said: OfConversation) -> Any:
    call.principal.require("conversation.claim")
    conversation_id = conversations.conversation_id(said.conversation_id)
    done = await conversations.assign(call, conversation_id, call.principal.user_id, "takeover")
    return conversations.conversation_of(call, done)


def _offer(
    outcome: Literal["accepted", "declined"],
) -> Callable[[Call[Any], Session, OfConversation], Awaitable[Any]]:
    async def answer(call: Call[Any], session: Session, said: OfConversation) -> Any:
        conversation_id = conversations.conversation_id(said.conversation_id)
        return conversations.conversation_of(
            call, await conversations.answer_offer(call, conversation_id, outcome)
        )

    return answer


async def _status(call: Call[Any], session: Session, said: Status) -> dict[str, Any]:
    call.principal.require("me")
    await call.services.presence.say(call.principal, said.status, session)
    return {"status": said.status}


def _typing(state: str) -> Callable[[Call[Any], Session, OfConversation], Awaitable[dict[str, Any]]]:
    async def typing(call: Call[Any], session: Session, said: OfConversation) -> dict[str, Any]:
        conversation_id = conversations.conversation_id(said.conversation_id)
        await conversations.typing(call, conversation_id, state)
        return {"conversation_id": conversation_id, "state": state}

    return typing


async def _ping(call: Call[Any], session: Session, said: Bare) -> dict[str, Any]:
    return {}


def _in_order(handler: Handler) -> Handler:
    """What a client says of its topics takes effect in the order it was said, whatever each has to wait for."""

    async def ordered(call: Call[Any], session: Session, said: Any) -> Any:
        if session.order is None:
            session.order = asyncio.Lock()
        async with session.order:
            return await handler(call, session, said)

    return ordered


def _staff(call: Call[Any]) -> None:
    if call.principal.role is Role.CUSTOMER:
        raise Forbidden("customers may not do this")


MESSAGES: dict[str, tuple[type[Any], Handler]] = {
    "subscribe": (Subscribe, _in_order(_subscribe)),
    "unsubscribe": (Unsubscribe, _in_order(_unsubscribe)),
    "conversation:join": (OfConversation, _in_order(_join)),
    "conversation:leave": (OfConversation, _in_order(_leave)),
    "conversation:typing:start": (OfConversation, _typing("start")),
    "conversation:typing:stop": (OfConversation, _typing("stop")),
    "conversation:read": (Read, _read),
    "message:send": (Send, _send),
    "agent:takeover": (OfConversation, _takeover),
    "agent:status": (Status, _status),
    "offer:accept": (OfConversation, _offer("accepted")),
    "offer:decline": (OfConversation, _offer("declined")),
    "ping": (Bare, _ping),
}

_encode = msgspec.json.Encoder().encode


async def respond(call: Call[Any], session: Session, text: bytes) -> bytes | None:
    """Do what the client said; the answer, or None where it gave no `ref` and nothing went wrong."""
    ref: Ref = None
    try:
        head = bodies.decode_head(text, _Head)
        ref = head.ref
        row = MESSAGES.get(head.type)
        if row is None:
            raise NotFound(f"unknown message type {head.type[:80]!r}")
        shape, handler = row
        said = bodies.decode(text, shape)
        await call.services.limits.admit(call.principal)
        data = await handler(call, session, said)
    except TertuliaError as error:
        return _error(_ref_of(text) if ref is None else ref, error)
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("websocket_message_failed")
        return _error(ref, Internal("the server failed"))
    return None if ref is None else _encode({"type": "ack", "ref": ref, "data": data})


def _ref_of(text: bytes) -> str | int | None:
    """The `ref` of a message that was refused as a whole (a NUL in it, say), if it can be read at all."""
    try:
        return msgspec.json.decode(text, type=_Ref).ref
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _error(ref: str | int | None, error: TertuliaError) -> bytes:
    body: dict[str, Any] = {"code": error.code, "detail": error.detail}
    if error.errors:
        body["errors"] = [{"path": path, "message": message} for path, message in error.errors]
    if error.current is not None:
        body["current"] = error.current
    if error.retry_after is not None:
        body["retry_after"] = error.retry_after
    return _encode({"type": "error", "ref": ref, "error": body})
