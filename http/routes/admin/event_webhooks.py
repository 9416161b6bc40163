"""`/v1/event-webhooks`: where an account's events are sent, and the log of deliveries.

A secret is shown once, when it is created. Deliveries happen in the background; only a test is sent while its caller waits.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.errors import Conflict, NotFound
from ....core.text.fields import Count, NextCursor, about
from ....core.webhooks.delivery import OLD_SECRET_SIGNS, SECRET_BYTES, new_secret
from ....core.webhooks.events import EventType, check_url, ping_body
from ....core.webhooks.records import DeliveryState, EventWebhook
from ....core.webhooks.records import NewEventWebhook as StoredWebhook
from ....core.webhooks.views import (
    EventDeliveryDetail,
    EventDeliveryView,
    EventWebhookTestView,
    EventWebhookView,
    EventWebhookWithSecret,
    answer_view,
    delivery_detail,
    delivery_view,
    new_webhook_view,
    webhook_view,
)
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, cursor, given, place

TAG = "event webhooks"
NO_STORE = {"Cache-Control": "no-store"}

Url = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        description="https; no address of a private network, and no port but 443",
        extra_json_schema={"format": "uri", "pattern": "^https?://"},
    ),
]
Description = Annotated[str, msgspec.Meta(max_length=255)]
EventTypes = Annotated[
    list[EventType],
    msgspec.Meta(max_length=50, description="Which events; empty: all but `notification:*`"),
]


class NewEventWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: Annotated[
        Url,
        about(
            "Where to send events: https on port 443, at a public address",
            "https://example.com/tertulia",
        ),
    ]
    description: Annotated[Description | None, about("Its purpose", "CRM")] = None
    event_types: Annotated[
        EventTypes, about("Event types to send; empty for all but `notification:*`", ["conversation:message"])
    ] = []
    is_active: Annotated[bool, about("Whether events are sent")] = True


class EventWebhookPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: Annotated[Url | msgspec.UnsetType, about("Where to send events", "https://example.com/tertulia")] = (
        msgspec.UNSET
    )
    description: Annotated[Description | msgspec.UnsetType | None, about("Its purpose", "CRM")] = (
        msgspec.UNSET
    )
    event_types: Annotated[
        EventTypes | msgspec.UnsetType,
        about("Event types to send; empty for all but `notification:*`", ["conversation:message"]),
    ] = msgspec.UNSET
    is_active: Annotated[bool | msgspec.UnsetType, about("Whether events are sent")] = msgspec.UNSET


class EventDeliveriesQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    status: Annotated[DeliveryState | None, about("Only deliveries with this status")] = None


class EventReplayRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Annotated[
        datetime,
        msgspec.Meta(tz=True),
        about("Deliveries of events from this time on", "2026-03-02T09:30:00Z"),
    ]


class EventReplayView(msgspec.Struct, frozen=True):
    """The number of deliveries queued again."""

    replayed: Annotated[Count, about("How many deliveries are being resent")]


class EventWebhooksPage(msgspec.Struct, frozen=True):
    items: Annotated[list[EventWebhookView], about("The event webhooks")]
    next_cursor: NextCursor


class EventDeliveriesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[EventDeliveryView], about("The deliveries")]
    next_cursor: NextCursor


async def _found(call: Call[Any]) -> EventWebhook:
    webhook = await call.services.stores.event_webhooks.get(call.account_id, call.id())
    if webhook is None:
        raise NotFound("no such event webhook")
    return webhook


def _check(call: Call[Any], url: str) -> None:
    settings = call.services.settings
    check_url(url, private=settings.webhooks_allow_private, networks=settings.networks())


async def create(call: Call[NewEventWebhook]) -> web.Response:
    body, webhook_id, secret = call.body, fresh_id(), new_secret(secrets.token_bytes(SECRET_BYTES))
    _check(call, body.url)
    sealed = call.services.webhook_secrets.seal_secrets(call.account_id, webhook_id, [secret])
    types = tuple(dict.fromkeys(body.event_types))
    wanted = StoredWebhook(
        webhook_id, call.account_id, body.url, body.description, types, body.is_active, sealed
    )
    made = await call.services.stores.event_webhooks.create(wanted, author(call))
    return created(new_webhook_view(made, secret, now_ms()), BASE, NO_STORE)


async def index(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    page = await call.services.stores.event_webhooks.page(call.account_id, place(query.cursor), query.limit)
    now = now_ms()
    return answer(EventWebhooksPage([webhook_view(w, now) for w in page.items], cursor(page.next)))


async def read(call: Call[None]) -> web.Response:
    return answer(webhook_view(await _found(call), now_ms()))


async def patch(call: Call[EventWebhookPatch]) -> web.Response:
    changes = given(call.body)
    if "url" in changes:
        _check(call, changes["url"])
    if "event_types" in changes:
        changes["event_types"] = tuple(dict.fromkeys(changes["event_types"]))
    webhook = await call.services.stores.event_webhooks.update(
        call.account_id, call.id(), changes, author(call)
    )
    if webhook is None:
        raise NotFound("no such event webhook")
    return answer(webhook_view(webhook, now_ms()))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.event_webhooks.delete(call.account_id, call.id(), author(call)):
        raise NotFound("no such event webhook")
    return no_content()


async def rotate(call: Call[None]) -> web.Response:
    before, now = await _found(call), now_ms()
    vault, secret = call.services.webhook_secrets, new_secret(secrets.token_bytes(SECRET_BYTES))
    present = vault.open_secrets(call.account_id, before.id, before.secret)[0]
    sealed = vault.seal_secrets(call.account_id, before.id, [secret, present])
    until = now + OLD_SECRET_SIGNS * 1000
    rotated = await call.services.stores.event_webhooks.rotate(
        call.account_id, before.id, before.secret, sealed, until, author(call)
    )
    if rotated is None:
        raise NotFound("no such event webhook")
    return answer(new_webhook_view(rotated, secret, now), headers=NO_STORE)


async def test(call: Call[None]) -> web.Response:
    webhook = await _found(call)
    event_id = "evt_ping_" + fresh_id().replace("-", "")
    body = ping_body(webhook.id, now_ms())
    return answer(answer_view(event_id, await call.services.webhook_caller.call(webhook, event_id, body)))


async def deliveries(call: Call[None]) -> web.Response:
    query: EventDeliveriesQuery = call.query
    webhook = await _found(call)
    page = await call.services.stores.event_webhooks.deliveries(
        call.account_id, webhook.id, query.status, place(query.cursor), query.limit
    )
    return answer(EventDeliveriesPage([delivery_view(d) for d in page.items], cursor(page.next)))


async def delivery(call: Call[None]) -> web.Response:
    found = await call.services.stores.event_webhooks.delivery(
        call.account_id, call.id(), call.id("delivery_id")
    )
    if found is None:
        raise NotFound("no such delivery")
    return answer(delivery_detail(*found))


async def _active(call: Call[Any]) -> EventWebhook:
    webhook = await _found(call)
    if not webhook.is_active:
        raise Conflict("the webhook is inactive: activate it first (is_active: true)")
    return webhook


async def replay(call: Call[None]) -> web.Response:
    webhook = await _active(call)
    found = await call.services.stores.event_webhooks.replay(
        call.account_id, webhook.id, call.id("delivery_id")
    )
    if found is None:
        raise NotFound("no such delivery")
    return answer(delivery_view(found))


async def replay_failed(call: Call[EventReplayRequest]) -> web.Response:
    webhook, since = await _active(call), int(call.body.since.timestamp() * 1000)
    count = await call.services.stores.event_webhooks.replay_failed(call.account_id, webhook.id, since)
    return answer(EventReplayView(count))


BASE = "/v1/event-webhooks"
ONE = BASE + "/{id}"
DELIVERY = ONE + "/deliveries/{delivery_id}"
MANAGE = "event_webhooks.manage"
ROUTES = [
    Route("GET", BASE, index, MANAGE, {200: EventWebhooksPage}, "listEventWebhooks", "Event webhooks, oldest first", query=PageQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: EventWebhookWithSecret}, "createEventWebhook", "Have events sent to a URL; the secret is shown once",
          body=NewEventWebhook, tag=TAG, locates=True),
    Route("GET", ONE, read, MANAGE, {200: EventWebhookView}, "getEventWebhook", "One event webhook", tag=TAG),
    Route("PATCH", ONE, patch, MANAGE, {200: EventWebhookView}, "updateEventWebhook", "Change an event webhook, switch it on or off",
          body=EventWebhookPatch, tag=TAG),
    Route("DELETE", ONE, delete, MANAGE, {204: None}, "deleteEventWebhook", "Delete an event webhook and its log", tag=TAG),
    Route("POST", ONE + "/rotate-secret", rotate, MANAGE, {200: EventWebhookWithSecret},
          "rotateEventWebhookSecret", "Create a new secret, shown once; the old one also signs for 24 hours", tag=TAG),
    Route("POST", ONE + "/test", test, MANAGE, {200: EventWebhookTestView}, "testEventWebhook", "Send a ping now, and return the response", tag=TAG),
    Route("GET", ONE + "/deliveries", deliveries, MANAGE, {200: EventDeliveriesPage}, "listEventDeliveries", "Deliveries, newest first",
          query=EventDeliveriesQuery, tag=TAG, expensive=lambda query: query.status is not None),
    Route("GET", DELIVERY, delivery, MANAGE, {200: EventDeliveryDetail}, "getEventDelivery", "One delivery, with its payload", tag=TAG),
    Route("POST", DELIVERY + "/replay", replay, MANAGE, {200: EventDeliveryView}, "replayEventDelivery", "Send an event again", tag=TAG),
    Route("POST", ONE + "/replay", replay_failed, MANAGE, {200: EventReplayView}, "replayFailedEventDeliveries", "Resend deliveries that failed since a time",
          body=EventReplayRequest, tag=TAG),
]  # fmt: skip
