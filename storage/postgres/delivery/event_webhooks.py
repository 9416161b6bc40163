"""An account's event webhooks and the log of their deliveries, as admins see them, on Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....core.accounts.records import Page, Place
from ....core.conversation.entries import Actor
from ....core.errors import Conflict, NotFound
from ....core.webhooks.records import DeliveryState, EventDelivery, EventWebhook, NewEventWebhook
from ..accounts.audit import record
from ..database import Database
from ..pages import bounds, page_of
from ..queries import sql

MAX_WEBHOOKS = 50
"""Event webhooks of one account; one more is a conflict."""
_COLUMNS = sql("event_webhook_columns")
_DELIVERY = sql("event_delivery_columns")


def webhook_from_row(row: Sequence[Any]) -> EventWebhook:
    """A row of the query `event_webhook_columns`, whose order is that of the struct's fields."""
    f = list(row)
    f[4] = tuple(f[4])
    return EventWebhook(*f)


def without_query(url: str) -> str:
    """A URL for the audit log, without the query, which often contains a key."""
    return url.partition("?")[0]


def _delivery(row: Sequence[Any]) -> EventDelivery:
    return EventDelivery(*row)


class PostgresEventWebhooks:
    """`core.ports.event_webhooks.EventWebhookStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, webhook: NewEventWebhook, by: Actor) -> EventWebhook:
        async with self._database.account(webhook.account_id) as connection, connection.transaction():
            if await connection.fetchval(sql("account_lock"), webhook.account_id) is None:
                raise NotFound("no such account")
            if await connection.fetchval(sql("event_webhooks_count")) >= MAX_WEBHOOKS:
                raise Conflict(f"an account can have at most {MAX_WEBHOOKS} event webhooks")
            row = await connection.fetchrow(
                sql("event_webhook_create", columns=_COLUMNS),
                webhook.id,
                webhook.account_id,
                webhook.url,
                webhook.description,
                webhook.event_types,
                webhook.is_active,
                webhook.secret,
            )
            if row is None:
                raise NotFound("no such account")
            target, details = ("event_webhook", webhook.id), {"url": without_query(webhook.url)}
            await record(connection, webhook.account_id, by, "event_webhook.created", target, details)
        return webhook_from_row(row)

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[EventWebhook]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("event_webhooks_page", columns=_COLUMNS), *bounds(after, limit))
        return page_of(rows, webhook_from_row, limit)

    async def get(self, account_id: str, webhook_id: str) -> EventWebhook | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("event_webhook_get", columns=_COLUMNS), webhook_id)
        return webhook_from_row(row) if row is not None else None

    async def update(
        self, account_id: str, webhook_id: str, changes: dict[str, Any], by: Actor
    ) -> EventWebhook | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(
                sql("event_webhook_update", columns=_COLUMNS),
                webhook_id,
                changes.get("url"),
                "description" in changes,
                changes.get("description"),
                changes.get("event_types"),
                changes.get("is_active"),
            )
            if row is None:
                return None
            details: dict[str, Any] = {"fields": sorted(changes)}
            if "url" in changes:
                details["url"] = without_query(changes["url"])
            if "is_active" in changes:
                details["is_active"] = changes["is_active"]
            target = ("event_webhook", webhook_id)
            await record(connection, account_id, by, "event_webhook.updated", target, details)
        return webhook_from_row(row)

    async def rotate(
        self, account_id: str, webhook_id: str, before: bytes, secret: bytes, previous_until: int, by: Actor
    ) -> EventWebhook | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            query = sql("event_webhook_rotate", columns=_COLUMNS)
            row = await connection.fetchrow(query, webhook_id, before, secret, previous_until)
            if row is None:
                if await connection.fetchrow(sql("event_webhook_get", columns=_COLUMNS), webhook_id) is None:
                    return None
                raise Conflict("the secret was rotated in the meantime: try again")
            target = ("event_webhook", webhook_id)
            await record(connection, account_id, by, "event_webhook.secret_rotated", target)
        return webhook_from_row(row)

    async def delete(self, account_id: str, webhook_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            url = await connection.fetchval(sql("event_webhook_delete"), webhook_id)
            if url is None:
                return False
            target = ("event_webhook", webhook_id)
            await record(
                connection, account_id, by, "event_webhook.deleted", target, {"url": without_query(url)}
            )
        return True

    async def deliveries(
        self, account_id: str, webhook_id: str, status: DeliveryState | None, after: Place | None, limit: int
    ) -> Page[EventDelivery]:
        query = sql("event_deliveries_page", columns=_DELIVERY)
        session = self._database.account if status is None else self._database.expensive
        async with session(account_id) as connection:
            rows = await connection.fetch(query, webhook_id, status, *bounds(after, limit))
        return page_of(rows, _delivery, limit)

    async def delivery(
        self, account_id: str, webhook_id: str, delivery_id: str
    ) -> tuple[EventDelivery, bytes] | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(
                sql("event_delivery_get", columns=_DELIVERY), webhook_id, delivery_id
            )
        return (_delivery(row[1:]), row[0]) if row is not None else None

    async def replay(self, account_id: str, webhook_id: str, delivery_id: str) -> EventDelivery | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(
                sql("event_delivery_replay", columns=_DELIVERY), webhook_id, delivery_id
            )
        if row is not None:
            return _delivery(row)
        if await self.delivery(account_id, webhook_id, delivery_id) is None:
            return None
        raise Conflict("the delivery is in progress")

    async def replay_failed(self, account_id: str, webhook_id: str, since: int) -> int:
        async with self._database.account(account_id) as connection:
            return await connection.fetchval(sql("event_deliveries_replay"), webhook_id, since)
