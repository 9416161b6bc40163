"""Deliveries on Postgres, as clients and providers' receipts see them. Bound to one account by row-level security.

The SQL function `delivery_rank` says which status overrules which, whatever the order of receipts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec

from ....core.accounts.records import Page, Place
from ....core.channels.messages import Receipt
from ....core.channels.records import Delivery
from ....core.conversation.entries import DeliveryStatus
from ....core.errors import Conflict
from ....core.ids import is_uuid
from ..database import Database
from ..pages import bounds
from ..queries import sql

MAX_DETAIL = 1000
"""Characters kept of an error's detail."""
_COLUMNS = sql("delivery_columns")
_STORED = {s: [s] for s in get_args(DeliveryStatus)} | {"queued": ["queued", "sending"]}
_ALL = [stored for some in _STORED.values() for stored in some]


def delivery_from_row(row: Sequence[Any]) -> Delivery:
    """A row of the query `delivery_columns`."""
    _, *fields = row
    fields[8] = None if fields[8] is None else msgspec.json.decode(fields[8])
    return Delivery(*fields)


class PostgresDeliveries:
    """`core.ports.deliveries.DeliveryStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, account_id: str, channel_id: str, receipts: Sequence[Receipt]) -> list[Delivery]:
        rows = [row for receipt in receipts for row in _rows(receipt)]
        if not rows:
            return []
        query = sql("receipts_receive", columns=_COLUMNS)
        columns = [list(column) for column in zip(*rows, strict=True)]
        async with self._database.account(account_id) as connection:
            found = await connection.fetch(query, account_id, channel_id, *columns)
            if clicked := [r for r in receipts if r.clicked]:
                await connection.execute(sql("deliveries_clicked"), channel_id, *_named(clicked))
        return [delivery_from_row(row) for row in found]

    async def get(self, account_id: str, message_id: str) -> Delivery | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("delivery_get", columns=_COLUMNS), message_id)
        return None if row is None else delivery_from_row(row)

    async def page(
        self,
        account_id: str,
        status: DeliveryStatus | None,
        channel_id: str | None,
        after: Place | None,
        limit: int,
    ) -> Page[Delivery]:
        stored = _ALL if status is None else _STORED[status]
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("deliveries_page", columns=_COLUMNS),
                account_id,
                stored,
                channel_id,
                *bounds(after, limit),
            )
        items = [delivery_from_row(row) for row in rows[:limit]]
        place = Place(rows[limit - 1][0], items[-1].message_id) if len(rows) > limit else None
        return Page(items, place)

    async def retry(self, account_id: str, message_id: str) -> Delivery | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            queued = await connection.fetchval(sql("delivery_retry"), message_id)
            row = await connection.fetchrow(sql("delivery_get", columns=_COLUMNS), message_id)
        if row is None:
            return None
        delivery = delivery_from_row(row)
        if queued is None:
            raise Conflict(
                f"only a failed delivery can be retried: this one is {delivery.status}",
                current={"status": delivery.status},
            )
        return delivery


def _rows(receipt: Receipt) -> Iterator[tuple[Any, ...]]:
    """A receipt as rows for `receive_receipts`. Ids that Postgres cannot store are not ours, and are skipped."""
    error = None if receipt.error is None else error_json(receipt.error)
    message_id = receipt.message_id if receipt.message_id and is_uuid(receipt.message_id) else None
    ids = [i for i in receipt.provider_ids if "\0" not in i]
    for provider_id in ids:
        yield receipt.status, provider_id, message_id if len(ids) == 1 else None, None, None, error
    # By our own id as well: if the provider's response was lost, we do not know its id.
    if message_id is not None and (not ids or receipt.status != "failed"):
        yield receipt.status, None, message_id, None, None, error
    if receipt.recipient is not None and receipt.watermark is not None and "\0" not in receipt.recipient:
        yield receipt.status, None, None, receipt.recipient, receipt.watermark, error


def _named(receipts: Sequence[Receipt]) -> tuple[list[str], list[str]]:
    """Our own ids of messages, and providers' ids, that receipts name."""
    own = [r.message_id for r in receipts if r.message_id and is_uuid(r.message_id)]
    return own, [i for r in receipts for i in r.provider_ids if "\0" not in i]


def clean(text: str) -> str:
    """Text from a provider, made storable in Postgres."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def error_json(error: Mapping[str, Any]) -> str:
    """An error as it is stored: `{code, detail}`, of bounded length."""
    code, detail = str(error.get("code", "failed"))[:100], str(error.get("detail", ""))[:MAX_DETAIL]
    return msgspec.json.encode({"code": clean(code), "detail": clean(detail)}).decode()
