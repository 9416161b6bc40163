"""`/v1/channels`: the account's inboxes. Credentials are write-only; new ones replace all earlier ones.

A channel's type never changes. A channel with conversations is deactivated (`is_active`), not deleted, so that they keep its name.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.accounts import webchat_settings
from ....core.accounts.records import Channel, ChannelType
from ....core.errors import Internal, Invalid, NotFound
from ....core.text.fields import NextCursor, about
from ....core.views.resources import ChannelView, channel_view
from ...auth import origins
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, check_size, cursor, given, place

TAG = "channels"
MAX_CREDENTIAL = 4096
MAX_URL = 2048
MAX_ORIGINS = 50
"""Origins of one web chat channel."""

_NO_ORIGIN = (
    "must be an origin: http(s)://host or http(s)://host:port, the host in its ASCII form, without a path"
)

CREDENTIAL_FIELDS: dict[ChannelType, frozenset[str]] = {
    "whatsapp": frozenset({"app_secret", "verify_token", "access_token", "phone_number_id"}),
    "messenger": frozenset({"app_secret", "verify_token", "page_access_token", "page_id"}),
    "telegram": frozenset({"bot_token", "secret_token"}),
    "sms": frozenset({"account_sid", "auth_token", "from_number"}),
    "email": frozenset({"server_token", "from_address", "webhook_user", "webhook_password"}),
    "webchat": frozenset({"identity_secret"}),
}
"""Credentials that each channel type accepts. None is required: a channel may be set up in steps."""

ChannelName = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Config = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description="Free-form: `base_url` replaces the provider's. `allowed_origins` of a web chat: the origins (`https://shop.example`)"
        " whose pages may use and show it; `require_identity`: whether only known customers get a session; `session_hours` (24): how long a"
        " session lasts; `widget`: its `title`, `greeting`, `color`, `attachments`, `prechat_form`, `offline_form`."
        " The rest is the channel's own"
    ),
]
Credentials = Annotated[
    dict[str, str],
    msgspec.Meta(description="Write-only; field names depend on the type. They replace all earlier ones"),
]


class NewChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Annotated[ChannelType, about("The type of the channel", "webchat")]
    name: Annotated[ChannelName, about("The channel's name", "Shop")]
    config: Annotated[
        Config,
        about(
            "Free-form: settings of the channel's provider; `base_url` replaces the provider's address", {}
        ),
    ] = {}
    credentials: Annotated[
        Credentials, about("Write-only; the names of its fields depend on the type", {})
    ] = {}
    is_active: Annotated[bool, about("Whether the channel receives and sends messages")] = True


class ChannelPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[ChannelName | msgspec.UnsetType, about("The channel's name", "Shop")] = msgspec.UNSET
    config: Annotated[
        Config | msgspec.UnsetType,
        about("Free-form: settings of the channel's provider, replaced as a whole", {}),
    ] = msgspec.UNSET
    credentials: Annotated[
        Credentials | msgspec.UnsetType, about("Write-only; replaces all earlier credentials", {})
    ] = msgspec.UNSET
    is_active: Annotated[
        bool | msgspec.UnsetType, about("Whether the channel receives and sends messages")
    ] = msgspec.UNSET


class ChannelsPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ChannelView], about("The channels")]
    next_cursor: NextCursor


def check_credentials(type: ChannelType, credentials: dict[str, str]) -> None:
    """Raises Invalid, naming each field that is unknown to the type, empty or too long."""
    known = CREDENTIAL_FIELDS[type]
    errors: list[tuple[str, str]] = []
    for name, value in credentials.items():
        path = f"credentials.{name[:100]}"
        if name not in known:
            errors.append((path, f"unknown field; {type} has {', '.join(sorted(known))}"))
        elif not 0 < len(value) <= MAX_CREDENTIAL:
            errors.append((path, f"1 to {MAX_CREDENTIAL} characters"))
    if errors:
        raise Invalid("the credentials are not valid", errors=tuple(errors))


def checked_config(call: Call[Any], type: ChannelType, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as it is stored: origins as browsers write them, each once.

    Raises Invalid if it is too large, an origin of a web chat is none, or its `base_url` is malformed or not allowed for the account.
    """
    check_size(config, "config")
    _check_base_url(call, config)
    if type == "webchat":
        webchat_settings.check(config)
        if "allowed_origins" in config:
            return config | {"allowed_origins": _origins(config["allowed_origins"])}
    return config


def _origins(given: Any) -> list[str]:
    path = "config.allowed_origins"
    if not isinstance(given, list) or len(given) > MAX_ORIGINS:
        raise Invalid(
            "the body is not valid", errors=((path, f"must be a list of at most {MAX_ORIGINS} origins"),)
        )
    found = [
        origins.parse(o.removesuffix("/")) if isinstance(o, str) and len(o) <= origins.MAX_ORIGIN else None
        for o in given
    ]
    wrong = tuple((f"{path}[{i}]", _NO_ORIGIN) for i, origin in enumerate(found) if origin is None)
    if wrong:
        raise Invalid("the body is not valid", errors=wrong)
    return list(dict.fromkeys(map(str, found)))


def _check_base_url(call: Call[Any], config: dict[str, Any]) -> None:
    if "base_url" not in config:
        return
    url, fault = config["base_url"], "must be an http or https URL without user, query or fragment"
    if _is_base_url(url):
        fault = call.services.settings.provider_access().fault(call.account_id, url)
    if fault is not None:
        raise Invalid("the body is not valid", errors=(("config.base_url", fault),))


def _is_base_url(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > MAX_URL or not value.isprintable() or " " in value:
        return False
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        return False
    clean = not (url.query or url.fragment) and url.username is None and "?" not in value and "#" not in value
    return url.scheme in ("http", "https") and bool(url.hostname) and clean


def shown(call: Call[Any], channel: Channel) -> ChannelView:
    """A channel as clients see it."""
    try:
        return channel_view(channel, sorted(call.services.vault.open(channel)))
    except (
        Internal
    ):  # encrypted with a key that is no longer configured: show the rest, so that new ones can be set
        return channel_view(channel, None)


def _sealed(call: Call[Any], channel_id: str, credentials: dict[str, str]) -> bytes | None:
    return call.services.vault.seal(call.account_id, channel_id, credentials) if credentials else None


async def create(call: Call[NewChannel]) -> web.Response:
    body, channel_id, now = call.body, fresh_id(), now_ms()
    config = checked_config(call, body.type, body.config)
    check_credentials(body.type, body.credentials)
    wanted = Channel(
        channel_id,
        call.account_id,
        body.type,
        body.name,
        config,
        _sealed(call, channel_id, body.credentials),
        body.is_active,
        now,
        now,
    )
    return created(shown(call, await call.services.stores.channels.create(wanted, author(call))), BASE)


async def index(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    page = await call.services.stores.channels.page(call.account_id, place(query.cursor), query.limit)
    return answer(ChannelsPage([shown(call, c) for c in page.items], cursor(page.next)))


async def _found(call: Call[Any]) -> Channel:
    channel = await call.services.stores.channels.get(call.account_id, call.id())
    if channel is None:
        raise NotFound("no such channel")
    return channel


async def read(call: Call[None]) -> web.Response:
    return answer(shown(call, await _found(call)))


async def patch(call: Call[ChannelPatch]) -> web.Response:
    changes, before = given(call.body), await _found(call)
    if "config" in changes:
        changes["config"] = checked_config(call, before.type, changes["config"])
    if "credentials" in changes:
        check_credentials(before.type, changes["credentials"])
        changes["credentials"] = _sealed(call, before.id, changes["credentials"])
    channel = await call.services.stores.channels.update(call.account_id, before.id, changes, author(call))
    if channel is None:
        raise NotFound("no such channel")
    return answer(shown(call, channel))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.channels.delete(call.account_id, call.id(), author(call)):
        raise NotFound("no such channel")
    return no_content()


BASE = "/v1/channels"
ONE = {200: ChannelView}
MANAGE = "channels.manage"
ROUTES = [
    Route("GET", BASE, index, MANAGE, {200: ChannelsPage}, "listChannels", "Channels, oldest first", query=PageQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: ChannelView}, "createChannel", "Connect a channel", body=NewChannel, tag=TAG, locates=True),
    Route("GET", BASE + "/{id}", read, MANAGE, ONE, "getChannel", "One channel", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, MANAGE, ONE, "updateChannel", "Change a channel, switch it on or off", body=ChannelPatch,
          tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, MANAGE, {204: None}, "deleteChannel", "Delete a channel without conversations", tag=TAG),
]  # fmt: skip
