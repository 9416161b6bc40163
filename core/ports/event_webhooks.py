"""The ports of what integrators are told: webhooks, the queue and log of their deliveries, the Redis stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..accounts.records import Page, Place
from ..conversation.entries import Actor
from ..webhooks.delivery import Answer, Judgement
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
    """Webhooks of an account and the log of their deliveries."""

    async def create(self, webhook: NewEventWebhook, by: Actor) -> EventWebhook:
        """It begins where the account's feed stands now. Raises NotFound for an account that is not there, Conflict
        where it has MAX_WEBHOOKS already."""
        ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[EventWebhook]:
        """Oldest first."""
        ...

    async def get(self, account_id: str, webhook_id: str) -> EventWebhook | None: ...

    async def update(
        self, account_id: str, webhook_id: str, changes: dict[str, Any], by: Actor
    ) -> EventWebhook | None:
        """`url`, `description`, `event_types`, `is_active`. Switched on again it begins where the feed stands now."""
        ...

    async def rotate(
        self, account_id: str, webhook_id: str, before: bytes, secret: bytes, previous_until: int, by: Actor
    ) -> EventWebhook | None:
        """Replace the secret. Raises Conflict where it is not `before` any more."""
        ...

    async def delete(self, account_id: str, webhook_id: str, by: Actor) -> bool:
        """With its deliveries."""
        ...

    async def deliveries(
        self, account_id: str, webhook_id: str, status: DeliveryState | None, after: Place | None, limit: int
    ) -> Page[EventDelivery]:
        """Newest first."""
        ...

    async def delivery(
        self, account_id: str, webhook_id: str, delivery_id: str
    ) -> tuple[EventDelivery, bytes] | None:
        """With its payload."""
        ...

    async def replay(self, account_id: str, webhook_id: str, delivery_id: str) -> EventDelivery | None:
        """Queue a delivery again, whatever became of it, with all its attempts. Raises Conflict while it is under way."""
        ...

    async def replay_failed(self, account_id: str, webhook_id: str, since: int) -> int:
        """Queue again what failed of the events since a time (ms); returns how many."""
        ...


class EventQueue(Protocol):
    """From the feeds to deliveries, and from deliveries to receivers. Across accounts; any number of processes."""

    async def pump(self) -> int:
        """Turn a page of the feeds of some webhooks into deliveries and move their positions, in one transaction.
        Returns how many webhooks moved; 0 where all are up to date, full, or in other hands."""
        ...

    async def claim(self, most: int) -> list[Claimed]:
        """Take up to `most` due deliveries, in feed order, and those whose claim was lost."""
        ...

    async def finish(
        self, claimed: Claimed, answer: Answer, judgement: Judgement, wait: float | None, disable_after: float
    ) -> DisabledReason | None:
        """Write down what came of an attempt; nothing where the claim is not held any more.

        `wait`: seconds to the next attempt, None where there is none. Returns why the webhook was switched off, if it
        was: it is gone, or nothing has succeeded for `disable_after` seconds.
        """
        ...

    async def trim(self) -> int:
        """Delete what the log need not keep; returns how many."""
        ...


class Poster(Protocol):
    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send it, follow no redirect; refused where the host is not a public address. Every failure is an Answer."""
        ...


class WebhookSecrets(Protocol):
    """Webhooks' secrets at rest."""

    def seal_secrets(self, account_id: str, webhook_id: str, secrets: Sequence[str]) -> bytes:
        """Newest first. Ciphertext, bound to this account's webhook."""
        ...

    def open_secrets(self, account_id: str, webhook_id: str, sealed: bytes) -> list[str]:
        """Raises Internal where the present keys do not open it."""
        ...


class EventLog(Protocol):
    """Where the Redis stream stands, account by account."""

    async def start(self, stream: str) -> None:
        """Make a stream known. The first time, it begins where the feeds of all accounts stand now."""
        ...

    async def pump(self, stream: str, sink: EventSink) -> int:
        """Give the sink a page of some accounts' events, in order, then move their positions. Returns how many accounts
        moved. A failure in between means that events come again."""
        ...


class EventSink(Protocol):
    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        """Raises StorageUnavailable; then any number of them may have been appended."""
        ...
