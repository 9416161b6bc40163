"""The WebSocket messages of clients: one table from `type` to shape, handler, answer and errors.

Each message with a `ref` is answered once under it: by `ack` with data, or by `error` with a code of `core/errors.py`.
docs/websocket.md is generated from the table.
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
from ....core.text.fields import Seq, about
from ....core.views.conversations import ConversationView, MessageView
from ....core.views.stream_events import conversation_topic
from ...actions import conversations
from ...documents.openapi import FieldError
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
"""Names a message in its answer. It is repeated to the client, so it must be short."""


class _FromClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[str, about("The type of the message", "ping")]
    ref: Annotated[Ref, about("Repeated in the answer; without it only errors are answered", "1")] = None


class Subscribe(_FromClient, frozen=True):
    topics: Annotated[TopicNames, about("Topics: `account`, `user`, `conversation:<id>`", ["account"])]
    since: Annotated[str | None, about("An event id: the events after it are replayed first", "1f.42.0")] = (
        None
    )


class Unsubscribe(_FromClient, frozen=True):
    topics: Annotated[TopicNames, about("Topics: `account`, `user`, `conversation:<id>`", ["account"])]


class OfConversation(_FromClient, frozen=True):
    conversation_id: Annotated[str, about("The conversation", "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07")]


class Send(OfConversation, frozen=True):
    content: Annotated[conversations.Content, about("The text", "Where is my refund?")]
    is_private: Annotated[bool, about("Whether it is a private note, which the customer does not see")] = (
        False
    )
    client_message_id: Annotated[
        conversations.Key | None, about("An idempotency key: a repetition returns the first message", "m-1")
    ] = None


class Read(OfConversation, frozen=True):
    seq: Annotated[conversations.Seq, about("The number up to which everything has been read", 7)]


class SetStatus(_FromClient, frozen=True):
    status: Annotated[PresenceStatus, about("One's presence")]


class Bare(_FromClient, frozen=True):
    pass


class TopicsAnswer(msgspec.Struct, frozen=True):
    """All topics of the stream afterwards."""

    topics: Annotated[
        list[str],
        about("All topics that the stream now has", ["account:00000000-0000-0000-0000-000000000001"]),
    ]


class ConversationIdAnswer(msgspec.Struct, frozen=True):
    conversation_id: Annotated[str, about("The conversation", "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07")]


class ReadAnswer(ConversationIdAnswer, frozen=True):
    seq: Annotated[Seq, about("The number up to which everything has been read")]


class TypingAnswer(ConversationIdAnswer, frozen=True):
    state: Annotated[conversations.TypingState, about("Whether the user starts or stops typing")]


class StatusAnswer(msgspec.Struct, frozen=True):
    status: Annotated[PresenceStatus, about("One's presence")]


class Nothing(msgspec.Struct, frozen=True):
    pass


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a message was refused."""

    code: Annotated[str, about("The error code, for programs", "not_found")]
    detail: Annotated[str, about("What went wrong, for people", "no such conversation")]
    errors: Annotated[list[FieldError], about("Wrong fields of the message", [])] = []
    current: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about(
            "Free-form: the current state of the object, which the conflict is about", {"status": "closed"}
        ),
    ] = msgspec.UNSET
    retry_after: Annotated[float | msgspec.UnsetType, about("Seconds to wait before sending it again", 1)] = (
        msgspec.UNSET
    )


class _Head(msgspec.Struct, frozen=True):
    type: str
    ref: Ref = None


class _Ref(msgspec.Struct, frozen=True):
    ref: Ref = None


async def _subscribe(call: Call[Any], session: Session, message: Subscribe) -> TopicsAnswer:
    await admit_topics(call, len(message.topics))
    topics = await topic_rules.resolve(call.principal, message.topics, call.services.stores.conversations)
    await call.services.hub.join(session, topics, message.since)
    return TopicsAnswer(sorted(session.topics))


async def _unsubscribe(call: Call[Any], session: Session, message: Unsubscribe) -> TopicsAnswer:
    await admit_topics(call, len(message.topics))
    topics = await topic_rules.resolve(call.principal, message.topics, call.services.stores.conversations)
    call.services.hub.part(session, topics)
    return TopicsAnswer(sorted(session.topics))


async def _join(call: Call[Any], session: Session, message: OfConversation) -> ConversationIdAnswer:
    topic = f"conversation:{message.conversation_id}"
    topics = await topic_rules.resolve(call.principal, [topic], call.services.stores.conversations)
    await call.services.hub.join(session, topics, None)
    return ConversationIdAnswer(message.conversation_id)


async def _leave(call: Call[Any], session: Session, message: OfConversation) -> ConversationIdAnswer:
    call.services.hub.part(session, [conversation_topic(message.conversation_id.lower())])
    return ConversationIdAnswer(message.conversation_id)


async def _send(call: Call[Any], session: Session, message: Send) -> Any:
    new = conversations.NewMessage(
        content=message.content, is_private=message.is_private, client_message_id=message.client_message_id
    )
    done = await conversations.post(call, conversations.conversation_id(message.conversation_id), new)
    return conversations.message_of(call, done.entries[0])


async def _read(call: Call[Any], session: Session, message: Read) -> ReadAnswer:
    _staff(call)
    conversation_id = conversations.conversation_id(message.conversation_id)
    await conversations.mark_read(call, conversation_id, MarkRead(message.seq))
    return ReadAnswer(conversation_id, message.seq)


async def _takeover(call: Call[Any], session: Session, message: OfConversation) -> Any:
    call.principal.require("conversation.claim")
    conversation_id = conversations.conversation_id(message.conversation_id)
    done = await conversations.assign(call, conversation_id, call.principal.user_id, "takeover")
    return conversations.conversation_of(call, done)


def _offer(
    outcome: Literal["accepted", "declined"],
) -> Callable[[Call[Any], Session, OfConversation], Awaitable[Any]]:
    async def answer(call: Call[Any], session: Session, message: OfConversation) -> Any:
        conversation_id = conversations.conversation_id(message.conversation_id)
        return conversations.conversation_of(
            call, await conversations.answer_offer(call, conversation_id, outcome)
        )

    return answer


async def _status(call: Call[Any], session: Session, message: SetStatus) -> StatusAnswer:
    call.principal.require("me")
    await call.services.presence.say(call.principal, message.status, session)
    return StatusAnswer(message.status)


def _typing(
    state: conversations.TypingState,
) -> Callable[[Call[Any], Session, OfConversation], Awaitable[TypingAnswer]]:
    async def typing(call: Call[Any], session: Session, message: OfConversation) -> TypingAnswer:
        conversation_id = conversations.conversation_id(message.conversation_id)
        await conversations.typing(call, conversation_id, state)
        return TypingAnswer(conversation_id, state)

    return typing


async def _ping(call: Call[Any], session: Session, message: Bare) -> Nothing:
    return Nothing()


def _in_order(handler: Handler) -> Handler:
    """Run a handler after those that began before it, so that changes of topics take effect in the order sent."""

    async def ordered(call: Call[Any], session: Session, message: Any) -> Any:
        if session.order is None:
            session.order = asyncio.Lock()
        async with session.order:
            return await handler(call, session, message)

    return ordered


def _staff(call: Call[Any]) -> None:
    if call.principal.role is Role.CUSTOMER:
        raise Forbidden("customers may not do this")


class ClientMessage(msgspec.Struct, frozen=True):
    """A kind of message. `answer`: the data of its `ack`; `errors`: codes besides `ANY_ERRORS`."""

    shape: type[Any]
    handler: Handler
    answer: type[Any]
    summary: str
    errors: tuple[str, ...] = ()


ANY_ERRORS = ("malformed", "invalid", "rate_limited", "overloaded", "storage_unavailable", "internal")
"""Codes with which any message may be refused; one of an unknown type is refused with `not_found`."""
_DECIDED = ("forbidden", "not_found", "conflict")

MESSAGES: dict[str, ClientMessage] = {
    "subscribe": ClientMessage(
        Subscribe, _in_order(_subscribe), TopicsAnswer,
        "Subscribe to topics; with `since`, an event id, what came after it is replayed first", _DECIDED,
    ),
    "unsubscribe": ClientMessage(
        Unsubscribe, _in_order(_unsubscribe), TopicsAnswer, "Unsubscribe from topics", ("forbidden", "not_found")
    ),
    "conversation:join": ClientMessage(
        OfConversation, _in_order(_join), ConversationIdAnswer, "Subscribe to a conversation", ("not_found", "conflict")
    ),
    "conversation:leave": ClientMessage(
        OfConversation, _in_order(_leave), ConversationIdAnswer, "Unsubscribe from a conversation"
    ),
    "conversation:typing:start": ClientMessage(
        OfConversation, _typing("start"), TypingAnswer, "Show that the user is typing", ("not_found",)
    ),
    "conversation:typing:stop": ClientMessage(
        OfConversation, _typing("stop"), TypingAnswer, "Show that the user has stopped typing", ("not_found",)
    ),
    "conversation:read": ClientMessage(
        Read, _read, ReadAnswer, "Move the read marker; not for customers", _DECIDED
    ),
    "message:send": ClientMessage(
        Send, _send, MessageView, "Send a message or a note; acknowledged once it is committed", _DECIDED
    ),
    "agent:takeover": ClientMessage(
        OfConversation, _takeover, ConversationView, "Assign a conversation to oneself", _DECIDED
    ),
    "agent:status": ClientMessage(SetStatus, _status, StatusAnswer, "Set one's presence", ("forbidden",)),
    "offer:accept": ClientMessage(
        OfConversation, _offer("accepted"), ConversationView, "Accept an offered conversation", _DECIDED
    ),
    "offer:decline": ClientMessage(
        OfConversation, _offer("declined"), ConversationView, "Decline an offered conversation", _DECIDED
    ),
    "ping": ClientMessage(Bare, _ping, Nothing, "Ask for a sign of life"),
}  # fmt: skip

_encode = msgspec.json.Encoder().encode


async def respond(call: Call[Any], session: Session, text: bytes) -> bytes | None:
    """Process a client's message. Returns the answer; None for a success without a `ref`."""
    ref: Ref = None
    try:
        head = bodies.decode_head(text, _Head)
        ref = head.ref
        row = MESSAGES.get(head.type)
        if row is None:
            raise NotFound(f"unknown message type {head.type[:80]!r}")
        message = bodies.decode(text, row.shape)
        await call.services.limits.admit(call.principal)
        data = await row.handler(call, session, message)
    except TertuliaError as error:
        return _error(_ref_of(text) if ref is None else ref, error)
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("websocket_message_failed")
        return _error(ref, Internal("the server failed"))
    return None if ref is None else _encode({"type": "ack", "ref": ref, "data": data})


def _ref_of(text: bytes) -> str | int | None:
    """The `ref` of a message that was refused as a whole, for a NUL in it, say, if it can be read."""
    try:
        return msgspec.json.decode(text, type=_Ref).ref
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _error(ref: str | int | None, error: TertuliaError) -> bytes:
    refusal = Refusal(
        error.code,
        error.detail,
        [FieldError(path, message) for path, message in error.errors],
        msgspec.UNSET if error.current is None else error.current,
        msgspec.UNSET if error.retry_after is None else error.retry_after,
    )
    return _encode({"type": "error", "ref": ref, "error": refusal})
