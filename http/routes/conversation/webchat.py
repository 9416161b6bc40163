"""Web chat: sessions for customers, and their messages."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.accounts.principal import Role
from ....core.accounts.records import Channel
from ....core.conversation.commands import Opening
from ....core.conversation.entries import Attachment
from ....core.errors import Conflict, Forbidden, NotFound, Unauthenticated
from ....core.text.fields import Timestamp, about
from ....core.times import rfc3339
from ....core.views.conversations import MessageView
from ...actions import conversations
from ...auth.tokens import credential
from ...framework.endpoint import Call, Route, answer, authenticate
from .messages import MessagesPage, MessagesQuery, page

TAG = "web chat"
SESSION_LIFE = 24 * 3600
"""Lifetime of a session's token in seconds."""


class NewWebchatSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contact_name: Annotated[conversations.Name | None, about("The customer's name", "Marta")] = None
    contact_identifier: Annotated[
        conversations.Identifier | None, about("A known customer: needs proof", "customer-1042")
    ] = None
    identity_hash: Annotated[
        Annotated[str, msgspec.Meta(max_length=128)] | None,
        about(
            "The proof: hex HMAC-SHA256 of the identifier with the channel's `identity_secret`",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
    ] = None


class WebchatSessionView(msgspec.Struct, frozen=True):
    token: Annotated[str, about("The customer's token, a JWT", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    contact_identifier: Annotated[str, about("The customer's address on this channel", "visitor-7f3a")]
    expires_at: Annotated[Timestamp, about("Until when the token is valid")]


class NewWebchatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    content: Annotated[conversations.Content, about("The text", "Where is my refund?")]
    client_message_id: Annotated[
        conversations.Key | None, about("An idempotency key: a repetition returns the first message", "m-1")
    ] = None
    attachments: Annotated[
        list[Attachment], msgspec.Meta(max_length=30), about("Files: uploaded ones", [])
    ] = []


async def webchat_channel(call: Call[Any], channel_id: str) -> Channel:
    """The channel, if it is an active web chat. Raises NotFound, Conflict."""
    channel = await call.services.stores.channels.find(channel_id)
    if channel is None or channel.type != "webchat":
        raise NotFound("no such web chat channel")
    if not channel.is_active:
        raise Conflict("the channel is switched off")
    return channel


async def create_session(call: Call[NewWebchatSession]) -> web.Response:
    channel = await webchat_channel(call, call.id("channel_id"))
    body = call.body
    identifier = body.contact_identifier
    if identifier is None:
        identifier = f"visitor-{fresh_id()}"
    elif not await _vouched(call, channel) and not _proved(call, channel, identifier, body.identity_hash):
        raise Forbidden("a known customer needs an identity_hash made with the channel's identity_secret")
    token = call.services.signer.issue(
        f"customer:{identifier}"[:255],
        {channel.account_id: Role.CUSTOMER},
        lifetime=SESSION_LIFE,
        channel_id=channel.id,
        contact_identifier=identifier,
        contact_name=body.contact_name,
    )
    expires = rfc3339((now_ms() // 1000 + SESSION_LIFE) * 1000)
    return answer(WebchatSessionView(token, identifier, expires), 201)


async def _vouched(call: Call[NewWebchatSession], channel: Channel) -> bool:
    """Whether the caller is a service of the channel's account."""
    if credential(call.request) is None:
        return False
    principal = await authenticate(call.request, call.services)
    if principal.account_id != channel.account_id:
        raise NotFound("no such web chat channel")
    if not principal.may("webchat.vouch"):
        raise Forbidden("only a service may open a session for a known customer")
    return True


def _proved(
    call: Call[NewWebchatSession], channel: Channel, identifier: str, identity_hash: str | None
) -> bool:
    secret = call.services.vault.open(channel).get("identity_secret")
    if identity_hash is None or not secret:
        return False
    expected = hmac.new(secret.encode(), identifier.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), identity_hash.lower().encode())


async def send(call: Call[NewWebchatMessage]) -> web.Response:
    p = call.principal
    if p.role is not Role.CUSTOMER or p.channel_id is None:
        raise Forbidden("only a customer's session token writes here")
    channel = await call.services.stores.channels.find(p.channel_id)
    if channel is None or channel.account_id != p.account_id:
        raise Unauthenticated("the session's channel is gone")
    if not channel.is_active:
        raise Conflict("the channel is switched off")
    message = conversations.NewMessage(
        call.body.content,
        client_message_id=call.body.client_message_id,
        attachments=call.body.attachments,
    )
    entry, repeated = await conversations.receive(call, Opening(channel.type, p.contact_name), message)
    return answer(conversations.message_of(call, entry), 200 if repeated else 201)


async def read(call: Call[None]) -> web.Response:
    p = call.principal
    if p.channel_id is None or p.contact_identifier is None:
        raise Forbidden("only a customer's session token reads here")
    own = await call.services.stores.conversations.of_thread(p.account_id, p.channel_id, p.contact_identifier)
    return answer(await page(call, own[:1], call.query))


ROUTES = [
    Route(
        "POST",
        "/v1/webchat/{channel_id}/sessions",
        create_session,
        None,
        {201: WebchatSessionView},
        "createWebchatSession",
        "A session for a customer: a new one, or a known one with proof",
        body=NewWebchatSession,
        body_optional=True,
        tag=TAG,
        refuses=(401, 403),
        example={"contact_name": "Marta"},
    ),
    Route(
        "POST",
        "/v1/webchat/messages",
        send,
        "webchat.write",
        {201: MessageView, 200: MessageView},
        "createWebchatMessage",
        "Write a message as the customer",
        body=NewWebchatMessage,
        tag=TAG,
        refuses=(404,),
        reads=("Idempotency-Key",),
        example={"content": "Where is my refund?", "client_message_id": "m-1"},
    ),
    Route(
        "GET",
        "/v1/webchat/messages",
        read,
        "webchat.read",
        {200: MessagesPage},
        "listWebchatMessages",
        "The customer's newest conversation, oldest message first",
        query=MessagesQuery,
        tag=TAG,
    ),
]
