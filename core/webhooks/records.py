"""Event webhooks and their deliveries as they are stored. Frozen records with times in ms."""

from __future__ import annotations

from typing import Literal

import msgspec

DeliveryState = Literal["pending", "delivering", "delivered", "failed"]


DisabledReason = Literal["gone", "failing"]


class EventWebhook(msgspec.Struct, frozen=True):
    """`secret` is ciphertext. `event_types` empty: all except those on request. The account's feed has become deliveries up to
    `position`. `failing_since`: no delivery has succeeded since. Times in ms."""

    id: str
    account_id: str
    url: str
    description: str | None
    event_types: tuple[str, ...]
    is_active: bool
    secret: bytes
    previous_until: int | None
    generation: str
    position: int
    failing_since: int | None
    disabled_at: int | None
    disabled_reason: DisabledReason | None
    created_at: int
    updated_at: int


class EventDelivery(msgspec.Struct, frozen=True):
    """The delivery of an event to a webhook, with the response of the newest attempt."""

    id: str
    account_id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: DeliveryState
    attempts: int
    next_attempt_at: int | None
    response_status: int | None
    response_excerpt: str | None
    error: str | None
    duration_ms: int | None
    created_at: int
    delivered_at: int | None


class NewEventWebhook(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    url: str
    description: str | None
    event_types: tuple[str, ...]
    is_active: bool
    secret: bytes


class Claimed(msgspec.Struct, frozen=True):
    """A delivery that this process alone may send until the claim ends. `attempts` includes this one."""

    id: str
    webhook: EventWebhook
    event_id: str
    payload: bytes
    attempts: int
