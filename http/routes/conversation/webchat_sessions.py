"""Web chat: what a page needs to know about a channel, and sessions for its customers."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.accounts import webchat_settings
from ....core.accounts.account_settings import known_settings
from ....core.accounts.business_hours import Schedule
from ....core.accounts.principal import Principal, Role
from ....core.accounts.records import Channel
from ....core.accounts.webchat_settings import FormField
from ....core.errors import Conflict, Forbidden, NotFound
from ....core.text.fields import ChannelId, Count, Timestamp, about
from ....core.times import rfc3339, rfc3339_or_none
from ...actions import conversations, names
from ...auth import customer_identity
from ...auth.customer_identity import Proved
from ...auth.tokens import credential
from ...framework.endpoint import Call, Route, answer, authenticate

TAG = "web chat"
UNPROVED: Final = (
    "a known customer needs an identity_hash or an identity_token made with the channel's identity_secret"
)


class WebchatView(msgspec.Struct, frozen=True):
    """The widget's content before a customer has a session."""

    channel_id: ChannelId
    title: Annotated[str, about("The title in its header", "Café Tertulia")]
    greeting: Annotated[str | None, about("The greeting that a visitor reads first", "How can we help?")]
    color: Annotated[str | None, about("The colour of its button and header", "#7a3e2e")]
    is_open: Annotated[bool, about("Whether the account is within its business hours")]
    opens_at: Annotated[Timestamp | None, about("When the account opens next, if it is closed")]
    require_identity: Annotated[bool, about("Whether only known customers get a session")]
    form: Annotated[tuple[FormField, ...], about("The form shown before the first message", [])]
    attachments: Annotated[bool, about("Whether customers may send files")]
    max_attachment: Annotated[Count, about("Largest file, in bytes", 26214400)]
    articles: Annotated[bool, about("Whether there are public articles to search")]


class NewWebchatSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contact_name: Annotated[conversations.Name | None, about("The customer's name", "Marta")] = None
    contact_identifier: Annotated[
        conversations.Identifier | None,
        about("The identifier of a known customer; needs a proof", "customer-1042"),
    ] = None
    identity_hash: Annotated[
        Annotated[str, msgspec.Meta(max_length=128)] | None,
        about(
            "A proof: the hex HMAC-SHA256 of the identifier with the channel's `identity_secret`",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
    ] = None
    identity_token: Annotated[
        Annotated[str, msgspec.Meta(max_length=customer_identity.MAX_TOKEN_CHARS)] | None,
        about(
            "A proof that expires: a JWT signed with the channel's `identity_secret` (HS256), with the identifier as `sub`, with `exp`,"
            " and optionally the customer's `name`",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjdXN0b21lci0xMDQyIn0.c2ln",
        ),
    ] = None


class WebchatSessionView(msgspec.Struct, frozen=True):
    token: Annotated[str, about("The customer's token, a JWT", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    contact_identifier: Annotated[str, about("The customer's address on this channel", "visitor-7f3a")]
    expires_at: Annotated[Timestamp, about("When the token expires")]


async def webchat_channel(call: Call[Any], channel_id: str) -> Channel:
    """The channel, if it is an active web chat. Raises NotFound, Conflict."""
    channel = await call.services.stores.channels.find(channel_id)
    if channel is None or channel.type != "webchat":
        raise NotFound("no such web chat channel")
    if not channel.is_active:
        raise Conflict("the channel is switched off")
    return channel


async def read_channel(call: Call[None]) -> web.Response:
    channel = await webchat_channel(call, call.id("channel_id"))
    account = await call.services.stores.accounts.get(channel.account_id)
    if account is None:
        raise NotFound("no such web chat channel")
    known, settings = webchat_settings.known(channel.config), known_settings(account.settings)
    hours, now = Schedule(settings.business_hours.schedule, settings.timezone), now_ms()
    widget, is_open = known.widget, hours.is_open(now)
    offline = webchat_settings.DEFAULT_OFFLINE if widget.offline_form is None else widget.offline_form
    view = WebchatView(
        channel.id,
        widget.title or channel.name,
        widget.greeting,
        widget.color,
        is_open,
        None if is_open else rfc3339_or_none(hours.next_change(now)),
        known.require_identity,
        widget.prechat_form if is_open else offline,
        widget.attachments,
        call.services.settings.max_attachment,
        await call.services.stores.articles.has_public(channel.account_id),
    )
    return answer(view)


async def create_session(call: Call[NewWebchatSession]) -> web.Response:
    channel = await webchat_channel(call, call.id("channel_id"))
    settings = webchat_settings.known(channel.config)
    who = await _known(call, channel, settings.require_identity)
    if who is None:
        if settings.require_identity:
            raise Forbidden(f"this channel is for known customers: {UNPROVED}")
        who = Proved(f"visitor-{fresh_id()}")
    else:
        name = who.name or call.body.contact_name
        await names.fill(call.services, channel.account_id, channel.type, who.identifier, name)
    life = settings.session_hours * 3600
    token = call.services.signer.issue(
        f"customer:{who.identifier}"[:255],
        {channel.account_id: Role.CUSTOMER},
        lifetime=life,
        channel_id=channel.id,
        contact_identifier=who.identifier,
        contact_name=who.name or call.body.contact_name,
    )
    expires = rfc3339((now_ms() // 1000 + life) * 1000)
    return answer(WebchatSessionView(token, who.identifier, expires), 201)


async def _known(call: Call[NewWebchatSession], channel: Channel, needs_proof: bool) -> Proved | None:
    """The customer, if the caller proves the identity, is a service, or renews a session; None for a visitor. Raises Forbidden."""
    body, principal = call.body, await _caller(call, channel)
    if principal is not None and principal.may("webchat.vouch"):
        return None if body.contact_identifier is None else Proved(body.contact_identifier)
    if body.identity_token is not None:
        return _of_token(call, channel, body.identity_token)
    if body.contact_identifier is not None and body.identity_hash is not None:
        secret = call.services.vault.open(channel).get("identity_secret")
        if customer_identity.is_hash(secret, body.contact_identifier, body.identity_hash):
            return Proved(body.contact_identifier)
    elif principal is not None and not needs_proof:
        own = principal.contact_identifier
        assert own is not None
        if body.contact_identifier in (None, own):
            return Proved(own, body.contact_name or principal.contact_name)
    elif body.contact_identifier is None:
        return None
    raise Forbidden(UNPROVED)


def _of_token(call: Call[NewWebchatSession], channel: Channel, token: str) -> Proved:
    secret, signer = call.services.vault.open(channel).get("identity_secret"), call.services.signer
    leeway = call.services.settings.jwt_leeway
    who = customer_identity.of_token(secret, token, channel.id, signer.clock(), leeway)
    if call.body.contact_identifier not in (None, who.identifier):
        raise Forbidden("the identity token is another customer's")
    return who


async def _caller(call: Call[NewWebchatSession], channel: Channel) -> Principal | None:
    """The service of the channel's account that calls, or the channel's customer. Anybody else is a visitor, unless they name a
    customer: NotFound, Forbidden."""
    if credential(call.request) is None:
        return None
    principal = await authenticate(call.request, call.services)
    own = principal.account_id == channel.account_id
    if own and (principal.may("webchat.vouch") or principal.channel_id == channel.id):
        return principal
    if call.body.contact_identifier is None:
        return None
    if not own:
        raise NotFound("no such web chat channel")
    raise Forbidden("only a service may open a session for a known customer")


BASE = "/v1/webchat/{channel_id}"
ROUTES = [
    Route("GET", BASE, read_channel, None, {200: WebchatView}, "getWebchat", "What a page needs to know about the channel: texts, hours and form",
          tag=TAG, refuses=(404, 409)),
    Route("POST", f"{BASE}/sessions", create_session, None, {201: WebchatSessionView}, "createWebchatSession",
          "Open a session for a customer: a new visitor, a known customer with proof, or the caller's own session renewed", body=NewWebchatSession,
          body_optional=True, tag=TAG, refuses=(401, 403), example={"contact_name": "Marta"}),
]  # fmt: skip
