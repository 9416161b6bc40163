"""Event webhooks and their deliveries as admins see them."""

from __future__ import annotations

import msgspec

from ..times import rfc3339, rfc3339_or_none
from .delivery import Answer, judge
from .records import DeliveryState, DisabledReason, EventDelivery, EventWebhook


class EventWebhookView(msgspec.Struct, frozen=True):
    """`event_types` empty: all except `notification:*`. `failing_since`: no delivery has succeeded since. `disabled_reason`: `gone`
    (its receiver answered 410) or `failing` (for days); when reactivated (`is_active`), it starts with new events.
    `previous_secret_until`: until then the secret before the last rotation signs as well.
    """

    id: str
    account_id: str
    url: str
    description: str | None
    event_types: tuple[str, ...]
    is_active: bool
    previous_secret_until: str | None
    failing_since: str | None
    disabled_at: str | None
    disabled_reason: DisabledReason | None
    created_at: str
    updated_at: str


class EventWebhookWithSecret(EventWebhookView, frozen=True):
    """Returned only by creation and rotation, as no other response contains the secret."""

    secret: str


class EventDeliveryView(msgspec.Struct, frozen=True):
    """`event_id` is sent as `webhook-id` at every attempt. Response, error and duration are of the newest attempt; a `pending`
    delivery is attempted at `next_attempt_at`."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: DeliveryState
    attempts: int
    next_attempt_at: str | None
    response_status: int | None
    response_excerpt: str | None
    error: str | None
    duration_ms: int | None
    created_at: str
    delivered_at: str | None


class EventDeliveryDetail(EventDeliveryView, frozen=True):
    """A delivery with the body that is sent."""

    payload: msgspec.Raw


class EventWebhookTestView(msgspec.Struct, frozen=True):
    """A receiver's response to a `ping`; `error` if there was none."""

    delivered: bool
    event_id: str
    response_status: int | None
    response_excerpt: str | None
    error: str | None
    duration_ms: int


def webhook_view(w: EventWebhook, now: int) -> EventWebhookView:
    previous = w.previous_until if w.previous_until is not None and w.previous_until > now else None
    return EventWebhookView(
        w.id,
        w.account_id,
        w.url,
        w.description,
        w.event_types,
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
        d.event_type,
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


def answer_view(event_id: str, answer: Answer) -> EventWebhookTestView:
    return EventWebhookTestView(
        judge(answer) == "delivered",
        event_id,
        answer.status,
        answer.excerpt or None,
        answer.error,
        answer.duration_ms,
    )
