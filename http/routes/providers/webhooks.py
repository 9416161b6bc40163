"""`/v1/webhooks/{channel_type}/{channel_id}`: calls of the providers, authenticated by their own signatures.

Everything is committed before the 200. Events that can never be processed are stored as failures (`inbound_failures.py`) and
answered 200 as well, or the provider would repeat them for ever; events that may succeed later are answered 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog
from aiohttp import web

from ....core.accounts.records import Channel, ChannelType
from ....core.channels.messages import ChannelEvent, WebhookAnswer, WebhookCall
from ....core.errors import Internal, NotFound, Overloaded, StorageUnavailable, TooLarge, Unauthenticated
from ....core.ids import is_uuid
from ....core.ports.channels import ChannelKind
from ....core.ports.inbound import Fault, NewInboundFailure
from ...actions.inbound import ProcessedEvents, process
from ...actions.mailboxes import settings_for
from ...actions.webhook_parsing import PARSER
from ...auth.webhook_gate import GATE, WebhookGate
from ...framework import body_reading
from ...framework.endpoint import Call, Route
from ...framework.services import Services

log = structlog.get_logger(__name__)

TAG = "webhooks"
BY_HEADERS: Final[frozenset[ChannelType]] = frozenset({"telegram", "email"})
"""Channel types whose signature is in the headers alone: it is verified before a byte of the body is read."""
LARGE: Final[frozenset[ChannelType]] = frozenset({"email"})
"""Channel types whose calls carry files, up to `max_webhook_body`. A subset of BY_HEADERS: only a verified caller may send that
much."""
MOST: Final[dict[ChannelType, int]] = {"whatsapp": 3 * 1024 * 1024, "messenger": 3 * 1024 * 1024}
"""Largest body, in bytes, that a provider documents, where that exceeds the usual `max_body`."""
LEAST: Final[dict[ChannelType, int]] = {"sms": 128 * 1024}
"""A tighter bound, in bytes, where the signature covers the parsed fields, so that unverified bodies are parsed."""
WITHOUT: Final[frozenset[ChannelType]] = frozenset({"webchat"})
"""Channel types without a provider."""
KEPT_HEADERS: Final = ("content-type",)
"""Headers that a replay needs. No secret is among them."""


class WebhookDeadlines(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    body: float = 30.0
    """To read the body."""
    store: float = 25.0
    """To process all events of a call; then 503."""


DEADLINES: Final = web.AppKey("webhook_deadlines", WebhookDeadlines)


async def _found(call: Call[None], gate: WebhookGate, *, charged: bool) -> tuple[Channel, ChannelKind]:
    services, channel_id = call.services, call.path["channel_id"].lower()
    channel = await services.stores.channels.find(channel_id) if is_uuid(channel_id) else None
    if (
        channel is None
        or channel.type not in services.kinds
        or channel.type in WITHOUT
        or channel.type != call.path["channel_type"]
        or not channel.is_active
    ):
        request = call.request
        await gate.refuse(request.remote, charged=charged)
        raise NotFound("no such channel")
    return channel, services.kinds[channel.type]


def _call(call: Call[None], body: bytes) -> WebhookCall:
    """The call in the form that its provider signed."""
    request = call.request
    base = call.services.settings.public_url or f"{request.scheme}://{request.host}"
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = base.rstrip("/") + request.raw_path
    return WebhookCall(request.method, url, dict(request.query), headers, body)


async def _body(call: Call[None], most: int) -> bytes:
    """The raw body. Raises TooLarge, HTTPRequestTimeout."""
    pace = body_reading.Pace(deadline=call.app[DEADLINES].body)
    try:
        parts = [part async for part in body_reading.pieces(call.request, most, pace)]
    except TooLarge:
        raise TooLarge(f"the body of a call is at most {most} bytes") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _verified(call: Call[None]) -> tuple[Channel, ChannelKind, WebhookCall]:
    """The channel and the verified call. Raises NotFound, Unauthenticated, RateLimited, TooLarge."""
    request = call.request
    gate, address = call.app[GATE], request.remote
    charged = await gate.enter(call.path["channel_id"].lower(), address)
    channel, kind = await _found(call, gate, charged=charged)
    credentials = gate.credentials(channel)
    settings = call.services.settings
    proved = channel.type in BY_HEADERS
    if proved and not kind.verify(_call(call, b""), credentials):
        raise await _unproved(gate, address, charged=charged)
    usual = LEAST.get(channel.type) or max(settings.max_body, MOST.get(channel.type, 0))
    most = settings.max_webhook_body if channel.type in LARGE else usual
    received = _call(call, await _body(call, most))
    if not proved and not kind.verify(received, credentials):
        raise await _unproved(gate, address, charged=charged)
    await gate.prove(channel)
    return channel, kind, received


async def _unproved(gate: WebhookGate, address: str | None, *, charged: bool) -> Unauthenticated:
    await gate.refuse(address, charged=charged)
    return Unauthenticated("webhook signature verification failed")


async def process_events(
    call: Call[None], channel: Channel, events: list[ChannelEvent], faults: list[Fault]
) -> ProcessedEvents:
    """Process and commit all events of a call. Raises StorageUnavailable or Overloaded if the provider should repeat it."""
    try:
        async with asyncio.timeout(call.app[DEADLINES].store):
            processed = await process(call.services, channel, events)
    except TimeoutError:
        raise Overloaded("the call could not be stored in time: try again", retry_after=2) from None
    except StorageUnavailable:
        raise
    except (Internal, Overloaded) as error:
        log.warning("webhook_not_stored", channel=channel.id, error=error.detail)
        retry_after = error.retry_after or 1
        raise Overloaded(f"the call could not be stored: {error.detail}", retry_after=retry_after) from error
    processed.faults += faults
    return processed


async def receive(call: Call[None]) -> web.Response:
    channel, kind, received = await _verified(call)
    settings = await settings_for(call.services.stores.channels, channel, call.app[GATE].credentials)
    events, faults = await call.app[PARSER].parse(kind, received, settings)
    processed = await process_events(call, channel, events, faults)
    if processed.faults:
        await _set_aside(call.services, channel, received, processed.faults)
    return _answer(kind.answer())


async def _set_aside(
    services: Services, channel: Channel, received: WebhookCall, faults: list[Fault]
) -> None:
    kept: Mapping[str, str] = {n: received.headers[n] for n in KEPT_HEADERS if n in received.headers}
    failure_id = await services.stores.inbound.set_aside(
        NewInboundFailure(channel.account_id, channel.id, tuple(faults[:100]), dict(kept), received.body)
    )
    log.warning(
        "webhook_set_aside",
        channel=channel.id,
        failure=failure_id,
        faults=len(faults),  # the reasons may quote the sender; they are kept with the failure
    )


async def challenge(call: Call[None]) -> web.Response:
    request = call.request
    gate, address = call.app[GATE], request.remote
    charged = await gate.enter(call.path["channel_id"].lower(), address)
    channel, kind = await _found(call, gate, charged=charged)
    answer = kind.challenge(_call(call, b""), gate.credentials(channel))
    if answer is None:
        raise await _unproved(gate, address, charged=charged)
    return _answer(answer)


def _answer(answer: WebhookAnswer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)


PATH = "/v1/webhooks/{channel_type}/{channel_id}"
ROUTES = [
    Route("POST", PATH, receive, None, {200: str}, "receiveProviderCall", "A provider's webhook call, with the provider's own signature", tag=TAG, own_limits=True,
          upload=("application/json", "application/x-www-form-urlencoded"), refuses=(401, 413),
          cross_origin=False, media="text/plain, text/xml"),
    Route("GET", PATH, challenge, None, {200: str}, "verifyProviderWebhook", "A provider verifies the webhook address", tag=TAG,
          own_limits=True, refuses=(401,), cross_origin=False, media="text/plain"),
]  # fmt: skip
