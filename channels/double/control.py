"""The control API under `/double`: channels, customers, sent messages, faults, receipts. Errors are problem+json."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from .calling import Caller
from .model import (
    MAX_NUMBERS,
    Channel,
    CustomerMessage,
    Fault,
    Numbers,
    Play,
    Receipt,
    ReceiptPlan,
    Registration,
    Sent,
    State,
    Type,
    WebhookFaults,
)
from .provider import Provider, json_response

T = TypeVar("T")

STATE: Final = web.AppKey("state", State)
PROVIDERS: Final = web.AppKey("providers", dict[Type, Provider])
CALLER: Final = web.AppKey("caller", Caller)
PAGE: Final = 1_000
TITLES: Final = {400: "Malformed request", 404: "Not found", 409: "Conflict", 422: "Invalid request"}
_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_FIELD: Final = re.compile(r"Object (?:contains unknown|missing required) field `(?P<field>[^`]*)`")


class Problem(Exception):
    """An error of the control API."""

    def __init__(self, status: int, detail: str, path: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.path = status, detail, path

    def response(self) -> web.Response:
        errors = [] if self.path is None else [{"path": self.path, "message": self.detail}]
        body = {"type": "about:blank", "title": TITLES[self.status], "status": self.status}
        whole = body | {"detail": self.detail, "errors": errors}
        return web.Response(
            body=msgspec.json.encode(whole), status=self.status, content_type="application/problem+json"
        )


async def body_of(request: web.Request, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=type_)
    except msgspec.ValidationError as error:
        text = str(error)
        at, field = _AT.search(text), _FIELD.match(text)
        path = ".".join(filter(None, (at["path"] if at else "", field["field"] if field else "")))
        raise Problem(422, text[: at.start()] if at else text, path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from None


def channel_of(request: web.Request) -> Channel:
    channel = request.app[STATE].channels.get(request.match_info["channel"])
    if channel is None:
        raise Problem(404, "no such channel: register it with POST /double/channels")
    return channel


def shown(channel: Channel) -> dict[str, Any]:
    """A channel without its secrets."""
    fault = channel.fault
    return {
        "id": channel.id,
        "type": channel.type,
        "webhook_url": channel.webhook_url,
        "sent": channel.total_sent,
        "forgotten": channel.total_sent - len(channel.sent),
        "faults": {"kind": fault.kind, "left": channel.faults_left}
        if fault and channel.faults_left
        else None,
        "webhooks": channel.webhooks,
        "receipts": channel.receipts,
    }


async def overview(request: web.Request) -> web.Response:
    channels = [shown(channel) for channel in request.app[STATE].channels.values()]
    return json_response({"channels": channels, "receipts_dropped": request.app[CALLER].receipts_dropped})


async def register(request: web.Request) -> web.Response:
    wanted = await body_of(request, Registration)
    needs = request.app[PROVIDERS][wanted.type].NEEDS
    for name in needs:
        if not wanted.credentials.get(name):
            raise Problem(422, f"{wanted.type} needs {', '.join(needs)}", f"credentials.{name}")
    try:
        channel = request.app[STATE].register(wanted)
    except OverflowError:
        raise Problem(409, "there are too many channels: delete some") from None
    return json_response(shown(channel), 201)


async def one(request: web.Request) -> web.Response:
    return json_response(shown(channel_of(request)))


async def forget(request: web.Request) -> web.Response:
    del request.app[STATE].channels[channel_of(request).id]
    return web.Response(status=204)


async def play(request: web.Request) -> web.Response:
    """Write one message as a customer, or several in `messages`."""
    channel, whole = channel_of(request), await body_of(request, dict[str, Any])
    given = await body_of(request, Play if "messages" in whole else CustomerMessage)
    provider, origin = request.app[PROVIDERS][channel.type], str(request.url.origin())
    try:
        messages = given.messages if isinstance(given, Play) else [given]
        webhooks = [
            w for one in messages for w in provider.webhooks_of(request.app[STATE], channel, one, origin)
        ]
    except ValueError as error:
        raise Problem(422, str(error), _named(given)) from None
    return json_response({"answers": await request.app[CALLER].deliver(channel, webhooks)})


def _named(given: Play | CustomerMessage) -> str:
    """Which of a message's fields its provider has nothing for."""
    several = given.messages if isinstance(given, Play) else [given]
    fields = ("edit", "react", "press")
    return next((name for one in several for name in fields if getattr(one, name) is not None), "reply_to")


async def subscribe(request: web.Request) -> web.Response:
    """Verify a webhook as Meta does before it calls it: the receiver must echo the challenge."""
    channel = channel_of(request)
    token = channel.credentials.get("verify_token")
    if channel.type not in ("whatsapp", "messenger") or token is None:
        raise Problem(422, f"{channel.type} does not verify webhooks", "channel")
    challenge = str(secrets.randbelow(10**10))
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token}
    status, body = await request.app[CALLER].ask(channel, query)
    return json_response({"status": status, "body": body, "confirmed": status == 200 and body == challenge})


async def sent(request: web.Request) -> web.Response:
    """The sent messages in order. `after` skips that many of all that were ever sent."""
    channel = channel_of(request)
    try:
        after = int(request.query.get("after", "0"))
    except ValueError:
        raise Problem(422, "a whole number", "after") from None
    first = channel.total_sent - len(channel.sent)
    items: list[Sent] = list(channel.sent)[max(0, after - first) :][:PAGE]
    return json_response({"items": items, "total": channel.total_sent, "forgotten": first})


async def set_fault(request: web.Request) -> web.Response:
    channel = channel_of(request)
    channel.set_fault(await body_of(request, Fault))
    return json_response(shown(channel))


async def clear_fault(request: web.Request) -> web.Response:
    channel_of(request).set_fault(None)
    return web.Response(status=204)


async def set_webhooks(request: web.Request) -> web.Response:
    channel = channel_of(request)
    channel.webhooks = await body_of(request, WebhookFaults)
    return json_response(shown(channel))


async def set_numbers(request: web.Request) -> web.Response:
    """Say by which digits WhatsApp knows telephone numbers that are written otherwise; all others keep their own."""
    channel, numbers = channel_of(request), await body_of(request, Numbers)
    if channel.type != "whatsapp":
        raise Problem(422, f"{channel.type} takes numbers as they are", "channel")
    if len(numbers) > MAX_NUMBERS:
        raise Problem(422, f"at most {MAX_NUMBERS} numbers", "")
    channel.numbers = numbers
    return json_response(shown(channel))


async def set_receipts(request: web.Request) -> web.Response:
    channel = channel_of(request)
    channel.receipts = await body_of(request, ReceiptPlan)
    return json_response(shown(channel))


async def give_receipt(request: web.Request) -> web.Response:
    """Send one receipt, and return the webhook's response."""
    channel, wanted = channel_of(request), await body_of(request, Receipt)
    message = channel.find(wanted.provider_id)
    if message is None:
        raise Problem(404, "no message was sent under this provider_id")
    webhook = request.app[PROVIDERS][channel.type].receipt(channel, message, wanted)
    if webhook is None:
        raise Problem(422, f"{channel.type} sends no receipt for this", "status")
    channel.statuses[message.provider_id] = wanted.status
    return json_response({"answers": await request.app[CALLER].deliver(channel, [webhook])})


@web.middleware
async def problems(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()


ONE: Final = "/double/{channel:[A-Za-z0-9_.-]+}"
ROUTES: Final[Mapping[tuple[str, str], Any]] = {
    ("GET", "/double"): overview,
    ("GET", "/double/channels"): overview,
    ("POST", "/double/channels"): register,
    ("GET", ONE): one,
    ("DELETE", ONE): forget,
    ("POST", ONE + "/messages"): play,
    ("POST", ONE + "/subscription"): subscribe,
    ("GET", ONE + "/sent"): sent,
    ("PUT", ONE + "/faults"): set_fault,
    ("DELETE", ONE + "/faults"): clear_fault,
    ("PUT", ONE + "/webhooks"): set_webhooks,
    ("PUT", ONE + "/numbers"): set_numbers,
    ("PUT", ONE + "/receipts"): set_receipts,
    ("POST", ONE + "/receipts"): give_receipt,
}


def install(app: web.Application) -> None:
    app.middlewares.append(problems)
    for (method, path), handler in ROUTES.items():
        app.router.add_route(method, path, handler)
