"""Actions on conversations, one function each, shared by the REST routes and the WebSocket.

Each takes the typed call, sends the command, and returns core structs. Shared input types are here as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
import structlog
from msgspec.structs import replace
from multidict import istr

from ...core.accounts.identifiers import email_address
from ...core.accounts.principal import CUSTOMER, SERVICE, Principal, Role
from ...core.accounts.user_ids import NAME_PATTERN, USER_ID_RULE, is_user_id
from ...core.channels.recipients import MAX_RECIPIENTS
from ...core.conversation.commands import (
    Assign,
    Command,
    Done,
    EndOffer,
    MarkRead,
    Opening,
    Post,
    Receive,
    ThreadKey,
)
from ...core.conversation.entries import Attachment, Entry, Priority, SenderType
from ...core.conversation.state import Conversation, State
from ...core.conversation.status import Status
from ...core.errors import Forbidden, Invalid, NotFound, TertuliaError
from ...core.ids import is_uuid
from ...core.text.fields import about
from ...core.turn.context import Turn
from ...core.turn.decide import decide
from ...core.views import customers
from ...core.views.conversations import ConversationView, MessageView, conversation_view, message_view
from ...core.views.stream_events import account_topic, conversation_topic
from ..framework.bodies import MAX_METADATA
from ..framework.endpoint import Call
from ..streams.topics import may_see
from ..streams.typists import TYPING
from . import attachments as attaching
from .mentions import with_mentions

log = structlog.get_logger(__name__)

Content = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Name = Annotated[str, msgspec.Meta(max_length=255, pattern=NAME_PATTERN)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Subject = Annotated[str, msgspec.Meta(max_length=998)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Labels = Annotated[list[Label], msgspec.Meta(max_length=50)]
Uuid = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        max_length=36,  # because `$` also matches before a final newline
    ),
]

_KEY: Final = istr("Idempotency-Key")
DEFAULT_SENDER: dict[Role, SenderType] = {CUSTOMER: "contact", SERVICE: "bot"}


Address = Annotated[Identifier, msgspec.Meta(extra_json_schema={"format": "email"})]
Addresses = Annotated[list[Address], msgspec.Meta(max_length=MAX_RECIPIENTS)]


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST …/messages`. `to`, `cc` and `bcc` are for e-mail alone; without them an answer goes to all whom the mail it
    answers came from and went to."""

    content: Annotated[Content, about("The text", "Where is my refund?")]
    sender_type: Annotated[
        SenderType | None, about("The sender that a service writes as; its bot by default", "agent")
    ] = None
    is_private: Annotated[bool, about("Whether it is a private note, which the customer does not see")] = (
        False
    )
    content_type: Annotated[
        str, msgspec.Meta(min_length=1, max_length=100), about("`text`, or a kind that clients agree on")
    ] = "text"
    attachments: Annotated[
        list[Attachment], msgspec.Meta(max_length=30), about("Files: uploaded ones, or public addresses", [])
    ] = []
    reply_to: Annotated[
        Uuid | None,
        about("The message it answers, of the same conversation", "0190a5f1-0b2c-7e11-8a40-5d0b3f1c9e22"),
    ] = None
    client_message_id: Annotated[
        Key | None, about("An idempotency key: a repetition returns the first message", "m-1")
    ] = None
    metadata: Annotated[
        dict[str, Any], about("Free-form: kept with the message, at most 16,384 bytes as JSON", {})
    ] = {}
    to: Annotated[Addresses | None, about("E-mail only: recipients", ["marta@example.com"])] = None
    cc: Annotated[Addresses | None, about("E-mail only: recipients of a copy", [])] = None
    bcc: Annotated[Addresses | None, about("E-mail only: recipients of a blind copy", [])] = None


class NewConversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/conversations` and `…/find-or-create`."""

    channel_id: Annotated[
        Uuid, about("The channel through which the customer writes", "00000000-0000-0000-0000-000000000011")
    ]
    contact_identifier: Annotated[Identifier, about("The customer's address on this channel", "visitor-7f3a")]
    contact_name: Annotated[Name | None, about("The customer's name", "Marta")] = None
    subject: Annotated[Subject | None, about("The subject", "Refund for order A-1042")] = None
    priority: Annotated[Priority, about("How urgent it is")] = "normal"
    labels: Annotated[Labels, about("Labels", ["refund"])] = []
    metadata: Annotated[
        dict[str, Any],
        about("Free-form: kept with the conversation, at most 16,384 bytes as JSON", {"order": "A-1042"}),
    ] = {}
    outlet_id: Annotated[
        Uuid | None, about("The outlet that the customer wrote to", "00000000-0000-0000-0000-000000000012")
    ] = None


TypingState = Literal["start", "stop"]


def conversation_id(text: str) -> str:
    """A conversation's id from a client. Raises NotFound if it is not a UUID."""
    text = text.lower()
    if not is_uuid(text):
        raise NotFound("no such conversation")
    return text


def conversation_of(call: Call[Any], done: Done) -> ConversationView:
    """The conversation after a command, as the caller may see it."""
    assert done.conversation is not None
    view = conversation_view(done.conversation)
    return customers.conversation_view(view) if call.principal.role is CUSTOMER else view


def message_of(call: Call[Any], entry: Entry) -> MessageView:
    """An entry's message, as the caller may see it."""
    view = message_view(entry)
    return customers.message_view(view) if call.principal.role is CUSTOMER else view


def check_metadata(metadata: dict[str, Any] | None) -> None:
    """Raises Invalid if metadata is too large to be kept in memory with the conversation."""
    if metadata and len(msgspec.json.encode(metadata)) > MAX_METADATA:
        raise Invalid(
            "metadata is too large", errors=(("metadata", f"at most {MAX_METADATA} bytes as JSON"),)
        )


def sender(principal: Principal, wanted: SenderType | None) -> SenderType:
    """The sender type of a message. Services may choose any; all others write as themselves. Raises Forbidden."""
    role = principal.role
    own = DEFAULT_SENDER.get(role, "agent")
    if wanted is not None and wanted != own and role is not SERVICE:
        raise Forbidden(f"a token with role {role} may not write as {wanted}")
    return wanted or own


def to_post(
    principal: Principal,
    headers: Mapping[str, str],
    message: NewMessage,
    *,
    external_id: str | None = None,
    recalls: bool = False,
) -> Post:
    """The command for a message. Its key is the body's, else the `Idempotency-Key` header. Raises Invalid, Forbidden."""
    if message.metadata:
        check_metadata(message.metadata)
    key = message.client_message_id or headers.get(_KEY)
    if key is not None and not (0 < len(key) <= 255 and key.isprintable()):
        raise Invalid("the key is not usable", errors=(("client_message_id", "1–255 printable characters"),))
    post = Post(
        sender_type=sender(principal, message.sender_type),
        content=message.content,
        content_type=message.content_type,
        attachments=tuple(message.attachments),
        is_private=message.is_private,
        reply_to=message.reply_to,
        key=key,
        external_id=external_id,
        metadata=message.metadata,
        recalls=recalls,
    )
    if message.to is None and message.cc is None and message.bcc is None:
        return post
    return replace(post, **_recipients(message))


def _recipients(message: NewMessage) -> dict[str, tuple[str, ...]]:
    """The recipients that a message names, as addresses. Raises Invalid."""
    given = {name: value for name in ("to", "cc", "bcc") if (value := getattr(message, name)) is not None}
    if sum(map(len, given.values())) > MAX_RECIPIENTS:
        rule = f"a mail has at most {MAX_RECIPIENTS} recipients in all"
        raise Invalid("too many recipients", errors=((next(iter(given)), rule),))
    if given.get("to") == []:
        raise Invalid("a mail needs a recipient", errors=(("to", "must name an address, or be left out"),))
    return {
        name: tuple(dict.fromkeys(email_address(one, f"{name}[{n}]") for n, one in enumerate(addresses)))
        for name, addresses in given.items()
    }


def needs_lookup(message: NewMessage) -> bool:
    """Whether mentions or attachments must be looked up before `to_post`."""
    return message.is_private or bool(message.attachments)


async def post(call: Call[Any], conversation_id: str, message: NewMessage) -> Done:
    """Write a message into a conversation; returns after the commit."""
    if call.principal.role is not CUSTOMER:
        call.principal.require("message.write")
    if message.is_private:
        check_metadata(message.metadata)
        metadata = await with_mentions(call, message.content, message.metadata)
        message = msgspec.structs.replace(message, metadata=metadata)
    attachments: list[str] = []
    if message.attachments:
        message, attachments = await _described(call, message)
    done = await call.ask(
        to_post(call.principal, call.request.headers, message), conversation=conversation_id
    )
    if attachments:
        await _link(call, done.entries[0], attachments)
    return done


def to_receive(
    p: Principal, headers: Mapping[str, str], opening: Opening, message: NewMessage
) -> tuple[ThreadKey, Receive]:
    """The thread and the command for a customer's message. Raises Invalid."""
    assert p.channel_id is not None and p.contact_identifier is not None
    thread = ThreadKey(p.account_id, p.channel_id, p.contact_identifier)
    return thread, Receive(opening, to_post(p, headers, message), opening.contact_name)


async def receive(call: Call[Any], opening: Opening, message: NewMessage) -> Done:
    """Write a customer's message into their live conversation, or a new one."""
    message, attachments = await _described(call, message)
    thread, command = to_receive(call.principal, call.request.headers, opening, message)
    done = await call.ask(command, thread=thread)
    if attachments:
        await _link(call, done.entries[0], attachments)
    return done


async def assign(call: Call[Any], conversation_id: str, agent_id: str, reason: str = "manual") -> Done:
    """Assign a conversation to an agent, who must be available and have capacity."""
    return await ask_for_agent(call, Assign(agent_id, reason), conversation_id, agent_id, "agent_id")


async def ask_for_agent(
    call: Call[Any], command: Command, conversation_id: str, agent_id: str, path: str
) -> Done:
    """Send the supervisor a command that assigns a conversation to `agent_id`; `path` is the field for errors.

    People may name only agents known to the account. Services may name any agent, who is known from then on. Raises Invalid.
    """
    principal, agents = call.principal, call.services.stores.agents
    if agent_id != principal.user_id or not principal.is_staff:
        if not is_user_id(agent_id):
            raise Invalid("the user id is not valid", errors=((path, USER_ID_RULE),))
        if principal.role is not SERVICE and await agents.get(call.account_id, agent_id) is None:
            await _check_allowed(call, command, conversation_id)
            raise Invalid("there is no such agent", errors=((path, "is not a user that this account knows"),))
    done = await call.ask_supervisor(command, conversation_id)
    if principal.role is SERVICE:
        await agents.ensure(call.account_id, agent_id)
    return done


async def _check_allowed(call: Call[Any], command: Command, conversation_id: str) -> None:
    """Raises the error with which the conversation would refuse the command, regardless of the agent."""
    c = await call.services.stores.conversations.get(call.account_id, conversation_id)
    if c is None:
        raise NotFound("no such conversation")
    decide(State(c), call.by(), command, Turn(c.updated_at, lambda: c.id))


async def answer_offer(
    call: Call[Any], conversation_id: str, outcome: Literal["accepted", "declined"]
) -> Done:
    """The caller's answer to the open offer of a conversation."""
    call.principal.require("conversation.claim")
    return await call.ask_supervisor(EndOffer(None, outcome), conversation_id)


async def with_positions(call: Call[Any], found: list[Conversation]) -> list[ConversationView]:
    """Conversations as the caller may see them, with queue positions of waiting ones where known."""
    waiting = [c.id for c in found if c.status is Status.OPEN]
    places = await call.services.supervision.positions(call.account_id, waiting) if waiting else {}
    views = [conversation_view(c, place.position if (place := places.get(c.id)) else None) for c in found]
    return list(map(customers.conversation_view, views)) if call.principal.role is CUSTOMER else views


async def refresh_routing(call: Call[Any]) -> None:
    """Make routing reload what was changed. If it is down, it reloads when it starts."""
    with contextlib.suppress(TertuliaError):
        await call.services.supervision.refresh(call.account_id)


async def refresh_rules(call: Call[Any]) -> None:
    """Make conversations reload settings, bot rules, and the texts and teams that rules name."""
    await call.services.gateway.refresh_rules(call.account_id)


async def _described(call: Call[Any], message: NewMessage) -> tuple[NewMessage, list[str]]:
    """The message with its attachments as stored, and the ids of those on this server. Raises Invalid."""
    if not message.attachments:
        return message, []
    found, ids = await attaching.described(call, message.attachments)
    return replace(message, attachments=list(found)), ids


async def _link(call: Call[Any], entry: Entry, attachments: list[str]) -> None:
    """Link attachments to their conversation. The message is committed, so a failure here is only logged."""
    try:
        await call.services.stores.attachments.link(call.account_id, entry.conversation_id, attachments)
    except TertuliaError as error:
        log.warning("attachments_not_linked", conversation_id=entry.conversation_id, error=error.detail)


async def mark_read(call: Call[Any], conversation_id: str, command: MarkRead) -> Conversation:
    """Move the read marker and tell the account's readers."""
    done = await call.ask(command, conversation=conversation_id)
    assert done.conversation is not None
    unread = {"conversation_id": conversation_id, "unread_count": done.conversation.unread_count}
    topics = [account_topic(call.account_id), conversation_topic(conversation_id)]
    await call.services.hints.send(call.account_id, "conversation:updated", unread, topics, conversation_id)
    return done.conversation


async def typing(call: Call[Any], conversation_id: str, state: TypingState) -> None:
    """Show the conversation's readers who is typing. A hint: not stored, and harmless if lost."""
    user_id = call.principal.contact_identifier or call.principal.user_id
    typist = call.account_id, conversation_id, f"{call.principal.channel_id or ''}/{user_id}"
    typists = call.services.typists
    if not typists.is_news(typist, state):
        return
    c = await call.services.stores.conversations.get(call.account_id, conversation_id)
    if c is None or not may_see(call.principal, c):
        raise NotFound("no such conversation")
    data = {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "name": c.contact_name if call.principal.role is CUSTOMER else call.principal.name,
        "state": state,
    }
    typists.passed_on(typist, state)
    topics = [conversation_topic(conversation_id)]
    await call.services.hints.send(call.account_id, TYPING, data, topics, conversation_id)


async def check_team(call: Call[Any], team_id: str | None) -> None:
    """Raises Invalid if the account has no such team."""
    if team_id is not None and await call.services.stores.teams.get(call.account_id, team_id) is None:
        raise Invalid("there is no such team", errors=(("team_id", "is not a team of this account"),))
