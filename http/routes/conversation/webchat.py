"""Web chat: customers write and read messages with their session's token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from aiohttp import web

from ....core.accounts import webchat_settings
from ....core.accounts.principal import Principal, Role
from ....core.accounts.records import Channel
from ....core.accounts.user_ids import NAME_PATTERN
from ....core.accounts.webchat_settings import MAX_FIELDS, MAX_VALUE
from ....core.conversation.commands import Command, Done, Opening, ThreadKey
from ....core.conversation.entries import Attachment
from ....core.conversation.status import Status
from ....core.errors import Conflict, Forbidden, Unauthenticated
from ....core.text.fields import about
from ....core.views import customers
from ....core.views.conversations import ConversationView, MessageView, conversation_view
from ...actions import conversations, names
from ...framework.endpoint import Call, Route, ThreadHandler, answer
from ...framework.services import Services
from .messages import MessagesPage, MessagesQuery, answered, page

TAG = "web chat"
FORM = "form"
"""The key of a conversation's metadata that holds what the customer wrote into the form."""

FormName = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
FormValue = Annotated[str, msgspec.Meta(max_length=MAX_VALUE, pattern=NAME_PATTERN)]


class NewWebchatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    content: Annotated[conversations.Content, about("The text", "Where is my refund?")]
    client_message_id: Annotated[
        conversations.Key | None, about("An idempotency key: a repetition returns the first message", "m-1")
    ] = None
    attachments: Annotated[
        list[Attachment], msgspec.Meta(max_length=30), about("Files: uploaded ones", [])
    ] = []
    form: Annotated[
        dict[FormName, FormValue],
        msgspec.Meta(max_length=MAX_FIELDS),
        about(
            "The customer's answers to the channel's form, stored in the metadata of the conversation that the message opens",
            {"email": "marta@example.com"},
        ),
    ] = {}


class WebchatConversation(msgspec.Struct, frozen=True):
    """The state of a customer's newest conversation. `can_rate`: they were asked for a score, and have given none."""

    conversation: Annotated[ConversationView | None, about("The conversation; null before the first message")]
    agent_name: Annotated[str | None, about("The name of the agent who holds it", "Abeba")]
    estimated_wait_s: Annotated[
        int | None,
        about("Estimated remaining wait in seconds; null until enough conversations have been served", 90),
    ]
    can_rate: Annotated[bool, about("Whether the customer is asked for a score")]


def _channel_of(principal: Principal) -> str:
    """The channel of a customer's session. Raises Forbidden for others."""
    if principal.role is not Role.CUSTOMER or principal.channel_id is None:
        raise Forbidden("only a customer's session token writes here")
    return principal.channel_id


def _opening(p: Principal, channel: Channel | None, body: NewWebchatMessage) -> Opening:
    """The initial values of the session's conversation. Raises Unauthenticated, Conflict, Invalid."""
    if channel is None or channel.account_id != p.account_id:
        raise Unauthenticated("the session's channel is gone")
    if not channel.is_active:
        raise Conflict("the channel is switched off")
    form: dict[str, str] = {}
    if body.form:
        form = webchat_settings.filled(body.form, webchat_settings.known(channel.config).widget)
    return Opening(channel.type, p.contact_name or form.get("name"), metadata={FORM: form} if form else {})


def _message(body: NewWebchatMessage) -> conversations.NewMessage:
    return conversations.NewMessage(
        body.content, client_message_id=body.client_message_id, attachments=body.attachments
    )


def _receive(
    services: Services, principal: Principal, headers: Mapping[str, str], body: NewWebchatMessage
) -> tuple[ThreadKey, Command] | None:
    channel = services.stores.channels.known(_channel_of(principal))
    if channel is None or body.attachments or body.form:
        return None
    return conversations.to_receive(principal, headers, _opening(principal, channel, body), _message(body))


async def _ask(call: Call[NewWebchatMessage]) -> Done:
    channel = await call.services.stores.channels.find(_channel_of(call.principal))
    opening = _opening(call.principal, channel, call.body)
    own = call.principal.contact_identifier
    if call.body.form and own is not None:  # the session's own name was given when it began
        await names.fill(call.services, call.account_id, "webchat", own, opening.contact_name)
    return await conversations.receive(call, opening, _message(call.body))


send = ThreadHandler(_receive, answered, _ask)


async def read(call: Call[None]) -> web.Response:
    return answer(await page(call, (await _own(call))[:1], call.query))


async def _own(call: Call[None]) -> list[str]:
    """The customer's conversations, newest first. Raises Forbidden."""
    p = call.principal
    if p.channel_id is None or p.contact_identifier is None:
        raise Forbidden("only a customer's session token reads here")
    return await call.services.stores.conversations.of_thread(
        p.account_id, p.channel_id, p.contact_identifier
    )


async def state(call: Call[None]) -> web.Response:
    own, stores = await _own(call), call.services.stores
    c = await stores.conversations.get(call.account_id, own[0]) if own else None
    if c is None:
        return answer(WebchatConversation(None, None, None, False))
    place = None
    if c.status is Status.OPEN:
        place = (await call.services.supervision.positions(call.account_id, [c.id])).get(c.id)
    agent = await stores.agents.get(call.account_id, c.assignee_id) if c.assignee_id is not None else None
    view = customers.conversation_view(conversation_view(c, None if place is None else place.position))
    can_rate = c.status is Status.RESOLVED and c.csat_due and c.fired.csat_asked
    wait = None if place is None else place.estimated_wait_s
    return answer(WebchatConversation(view, None if agent is None else agent.name, wait, can_rate))


ROUTES = [
    Route("POST", "/v1/webchat/messages", send, "webchat.write", {201: MessageView, 200: MessageView}, "createWebchatMessage",
          "Write a message as the customer", body=NewWebchatMessage, tag=TAG, refuses=(404,), reads=("Idempotency-Key",),
          example={"content": "Where is my refund?", "client_message_id": "m-1"}),
    Route("GET", "/v1/webchat/messages", read, "webchat.read", {200: MessagesPage}, "listWebchatMessages",
          "The customer's newest conversation, oldest message first", query=MessagesQuery, tag=TAG),
    Route("GET", "/v1/webchat/conversation", state, "webchat.read", {200: WebchatConversation}, "getWebchatConversation",
          "The state of the customer's newest conversation", tag=TAG),
]  # fmt: skip
