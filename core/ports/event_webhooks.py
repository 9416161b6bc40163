"""The ports of events for integrators: webhooks, the queue and log of their deliveries, what they are copied to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..accounts.records import Page, Place
from ..conversation.entries import Actor
from ..webhooks.delivery import Attempt, Judgement
from ..webhooks.events import OutgoingEvent
from ..webhooks.records import (
    Claimed,
    DeliveryState,
    DisabledReason,
    EventDelivery,
    EventWebhook,
    NewEventWebhook,
)


class EventWebhookStore(Protocol):
    """An account's webhooks and the log of their deliveries."""

    async def create(self, webhook: NewEventWebhook, by: Actor) -> EventWebhook:
        """It starts at the current position of the account's feed. Raises NotFound for a missing account, Conflict if it has
        MAX_WEBHOOKS already."""
        ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[EventWebhook]:
        """Oldest first."""
        ...

    async def get(self, account_id: str, webhook_id: str) -> EventWebhook | None: ...

    async def update(
        self, account_id: str, webhook_id: str, changes: dict[str, Any], by: Actor
    ) -> EventWebhook | None:
        """`url`, `description`, `event_types`, `is_active`. When reactivated, it starts at the current position of the feed."""
        ...

    async def rotate(
        self, account_id: str, webhook_id: str, before: bytes, secret: bytes, previous_until: int, by: Actor
    ) -> EventWebhook | None:
        """Replace the secret. Raises Conflict if it is no longer `before`."""
        ...

    async def delete(self, account_id: str, webhook_id: str, by: Actor) -> bool:
        """Delete it with its deliveries."""
        ...

    async def deliveries(
        self, account_id: str, webhook_id: str, status: DeliveryState | None, after: Place | None, limit: int
    ) -> Page[EventDelivery]:
        """Newest first."""
        ...

    async def delivery(
        self, account_id: str, webhook_id: str, delivery_id: str
    ) -> tuple[EventDelivery, bytes] | None:
        """A delivery with its payload."""
        ...

    async def replay(self, account_id: str, webhook_id: str, delivery_id: str) -> EventDelivery | None:
        """Queue a delivery again, whatever its status, with a fresh set of attempts. Raises Conflict while it is being sent."""
        ...

    async def replay_failed(self, account_id: str, webhook_id: str, since: int) -> int:
        """Queue again the failed deliveries of events since a time (ms); returns how many."""
        ...


class EventQueue(Protocol):
    """Turns feeds into deliveries, and hands deliveries to senders. Across accounts; any number of processes may call it."""

    async def pump(self) -> int:
        """Turn a page of the feeds of some webhooks into deliveries and advance their positions, in one transaction.
        Returns how many webhooks advanced; 0 if all are up to date, full, or locked by others."""
        ...

    async def claim(self, most: int) -> list[Claimed]:
        """Claim up to `most` due deliveries, in feed order, including those whose claim was lost."""
        ...

    async def finish(
        self,
        claimed: Claimed,
        attempt: Attempt,
        judgement: Judgement,
        wait: float | None,
        disable_after: float,
    ) -> DisabledReason | None:
        """Record the result of an attempt; no effect if the claim was lost.

        `wait`: seconds to the next attempt, None for none. Returns why the webhook was disabled, if it was: its receiver is gone,
        or nothing has succeeded for `disable_after` seconds.
        """
        ...

    async def trim(self) -> int:
        """Delete deliveries beyond the log's retention; returns how many."""
        ...


class Poster(Protocol):
    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Attempt:
        """Send a request without following redirects; refused unless the host is a public address. Every failure is an Attempt."""
        ...


class WebhookSecrets(Protocol):
    """Encryption of webhook secrets at rest."""

    def seal_secrets(self, account_id: str, webhook_id: str, secrets: Sequence[str]) -> bytes:
        """Encrypt secrets, newest first; the ciphertext is bound to this account's webhook."""
        ...

    def open_secrets(self, account_id: str, webhook_id: str, sealed: bytes) -> list[str]:
        """Decrypt. Raises Internal if the server's keys do not fit."""
        ...


class EventLog(Protocol):
    """The positions up to which each account's events have been copied into the Redis stream or an exchange."""

    async def start(self, stream: str) -> None:
        """Register a stream. A new one starts at the current positions of all feeds."""
        ...

    async def note(self, stream: str, fault: str | None) -> None:
        """Note why nothing can be written to a stream at the moment, or that it can."""
        ...

    async def faults(self, streams: Sequence[str]) -> dict[str, str]:
        """Those of the streams to which nothing can be written, by any process, and why. What was noted minutes ago counts no more."""
        ...

    async def pump(self, stream: str, sink: EventSink) -> int:
        """Give the sink a page of some accounts' events, in order, then advance their positions. Returns how many accounts
        advanced. After a failure in between, events are repeated."""
        ...


class EventSink(Protocol):
    async def open(self) -> None:
        """Make sure that it can be written to. Raises StorageUnavailable."""
        ...

    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        """Append events. Raises StorageUnavailable; then any number of them may have been appended."""
        ...
