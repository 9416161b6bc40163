"""Event webhooks and their deliveries as admins see them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ..text.fields import AccountId, Count, CreatedAt, Id, Timestamp, UpdatedAt, about
from ..times import rfc3339, rfc3339_or_none
from ..views.stream_events import EventView
from .delivery import Attempt, judge
from .events import EventType
from .records import DeliveryState, DisabledReason, EventDelivery, EventWebhook


class EventWebhookBody(msgspec.Struct, frozen=True):
    """The body that an event webhook receives."""

    type: Annotated[str, about("What happened", "conversation:message")]
    timestamp: Annotated[Timestamp, about("When it happened")]
    data: Annotated[Any, about("The event, as on the streams", shown_as=EventView)]


class EventWebhookView(msgspec.Struct, frozen=True):
    """`event_types` empty: all except `notification:*`. `failing_since`: no delivery has succeeded since. `disabled_reason`: `gone`
    (its receiver answered 410) or `failing` (for days); when reactivated (`is_active`), it starts with new events.
    `previous_secret_until`: until then the secret before the last rotation signs as well.
    """

    id: Id
    account_id: AccountId
    url: Annotated[str, about("Where events are sent", "https://example.com/tertulia")]
    description: Annotated[str | None, about("Its purpose", "CRM")]
    event_types: Annotated[
        tuple[EventType, ...],
        about("Event types to send; empty for all but `notification:*`", ["conversation:message"]),
    ]
    is_active: Annotated[bool, about("Whether events are sent")]
    previous_secret_until: Annotated[
        Timestamp | None, about("Until when the secret before the last rotation signs as well")
    ]
    failing_since: Annotated[Timestamp | None, about("Since when no delivery has succeeded")]
    disabled_at: Annotated[Timestamp | None, about("When the server switched it off")]
    disabled_reason: Annotated[
        DisabledReason | None,
        about("Why: its receiver answered 410 (`gone`), or failed for days (`failing`)"),
    ]
    created_at: CreatedAt
    updated_at: UpdatedAt


class EventWebhookWithSecret(EventWebhookView, frozen=True):
    """Returned only by creation and rotation, as no other response contains the secret."""

    secret: Annotated[
        str, about("The secret that signs, shown this once", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    ]


class EventDeliveryView(msgspec.Struct, frozen=True):
    """`event_id` is sent as `webhook-id` at every attempt. Response, error and duration are of the newest attempt; a `pending`
    delivery is attempted at `next_attempt_at`."""

    id: Id
    webhook_id: Annotated[Id, about("The event webhook")]
    event_id: Annotated[str, about("The event, sent as `webhook-id` at every attempt", "evt_1f_42_0")]
    event_type: Annotated[EventType, about("What happened")]
    status: Annotated[DeliveryState, about("The delivery status")]
    attempts: Annotated[Count, about("Attempts so far")]
    next_attempt_at: Annotated[Timestamp | None, about("When it is attempted again")]
    response_status: Annotated[int | None, about("The receiver's status at the newest attempt", 200)]
    response_excerpt: Annotated[str | None, about("The beginning of the receiver's answer", "ok")]
    error: Annotated[str | None, about("Why there was no answer", "connection refused")]
    duration_ms: Annotated[int | None, about("How long the newest attempt took", 84)]
    created_at: CreatedAt
    delivered_at: Annotated[Timestamp | None, about("When the receiver took it")]


class EventDeliveryDetail(EventDeliveryView, frozen=True):
    """A delivery with the body that is sent."""

    payload: Annotated[msgspec.Raw, about("The body that is sent", shown_as=EventWebhookBody)]


class EventWebhookTestView(msgspec.Struct, frozen=True):
    """A receiver's response to a `ping`; `error` if there was none."""

    delivered: Annotated[bool, about("Whether the receiver took it")]
    event_id: Annotated[str, about("The `webhook-id` it was sent with", "evt_ping_0190a5f07c1e")]
    response_status: Annotated[int | None, about("The receiver's status; null without an answer", 200)]
    response_excerpt: Annotated[str | None, about("The beginning of the receiver's answer", "ok")]
    error: Annotated[str | None, about("Why there was no answer", "connection refused")]
    duration_ms: Annotated[Count, about("How long it took", 84)]


def webhook_view(w: EventWebhook, now: int) -> EventWebhookView:
    previous = w.previous_until if w.previous_until is not None and w.previous_until > now else None
    return EventWebhookView(
        w.id,
        w.account_id,
        w.url,
        w.description,
        w.event_types,  # pyright: ignore[reportArgumentType]
        w.is_active,
        rfc3339_or_none(previous),
        rfc3339_or_none(w.failing_since),
        rfc3339_or_none(w.disabled_at),
        w.disabled_reason,
        rfc3339(w.created_at),
        rfc3339(w.updated_at),
    )


def new_webhook_view(w: EventWebhook, secret: str, now: int) -> EventWebhookWithSecret:
    return EventWebhookWithSecret(**msgspec.structs.asdict(webhook_view(w, now)), secret=secret)


def delivery_view(d: EventDelivery) -> EventDeliveryView:
    return EventDeliveryView(
        d.id,
        d.webhook_id,
        d.event_id,
        d.event_type,  # pyright: ignore[reportArgumentType]
        d.status,
        d.attempts,
        rfc3339_or_none(d.next_attempt_at),
        d.response_status,
        d.response_excerpt,
        d.error,
        d.duration_ms,
        rfc3339(d.created_at),
        rfc3339_or_none(d.delivered_at),
    )


def delivery_detail(d: EventDelivery, payload: bytes) -> EventDeliveryDetail:
    return EventDeliveryDetail(**msgspec.structs.asdict(delivery_view(d)), payload=msgspec.Raw(payload))


def answer_view(event_id: str, answer: Attempt) -> EventWebhookTestView:
    return EventWebhookTestView(
        judge(answer) == "delivered",
        event_id,
        answer.status,
        answer.excerpt or None,
        answer.error,
        answer.duration_ms,
    )
