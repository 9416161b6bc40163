"""The outbox on Postgres, as dispatchers use it. Outside row-level security, since a dispatcher serves all accounts.

A claim is one statement, fence included, and so is the record of each outcome. Due times are by the database's clock alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ....core.channels.messages import Sender
from ....core.channels.records import Delivery
from ....core.conversation.entries import Message
from ....core.ports.journal import StaleEpoch
from ....core.ports.outbox import DueChannel, ToSend
from ..database import Database
from ..queries import sql
from ..rows import decode_data
from .deliveries import clean, delivery_from_row, error_json
from .senders import PostgresSenders

LOOK_AT = 200
"""Due messages that one claim looks at to find those it may take."""


class PostgresOutbox:
    """`core.ports.outbox.Outbox` on Postgres."""

    def __init__(self, database: Database, *, look_at: int = LOOK_AT) -> None:
        self._database = database
        self._look_at = look_at
        self._senders = PostgresSenders(database)

    async def register(self, shard: int, shards: int, incarnation: str) -> int:
        async with self._database.system() as connection, connection.transaction():
            await connection.execute(sql("outbox_register_shard"), shard, incarnation)
            await connection.execute(sql("outbox_drop_shards"), shards)
            # A separate statement, so that it sees what claims wrote for which the first one waited.
            done = await connection.execute(sql("outbox_orphans"))
        return int(done.split()[-1])

    async def due(self) -> list[DueChannel]:
        async with self._database.system() as connection:
            return [DueChannel(*row) for row in await connection.fetch(sql("outbox_due"))]

    async def claim(self, shard: int, incarnation: str, channel_id: str, limit: int) -> list[ToSend]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                sql("outbox_claim"), shard, incarnation, channel_id, limit, max(self._look_at, limit)
            )
        if not rows:
            raise StaleEpoch(f"another dispatcher has taken over shard {shard}")
        items = [_to_send(row) for row in rows if row[0] is not None]
        return sorted(items, key=lambda item: item.key)

    async def part_sent(self, incarnation: str, item: ToSend, part: int, provider_id: str | None) -> bool:
        async with self._database.system() as connection:
            held = await connection.fetchval(
                sql("outbox_part_sent"), incarnation, *item.key, part, _id(provider_id)
            )
        return held is not None

    async def sent(
        self, incarnation: str, item: ToSend, part: int, provider_id: str | None, left_at: int
    ) -> Delivery | None:
        query = sql("outbox_sent", columns=sql("delivery_columns"))
        async with self._database.system() as connection:
            row = await connection.fetchrow(query, incarnation, *item.key, part, _id(provider_id), left_at)
        if row is None:
            return None
        delivery = delivery_from_row(row)
        # A statement does not see the row that its own function has inserted.
        return replace(delivery, provider_id=delivery.provider_id or _id(provider_id))

    async def learn(self, item: ToSend, recipients: Sequence[str]) -> None:
        sender = Sender(item.recipient, aliases=tuple(recipients))
        await self._senders.resolve(item.account_id, item.channel_type, sender)  # pyright: ignore[reportArgumentType]

    async def again(
        self, incarnation: str, item: ToSend, delay: float, error: dict[str, Any], *, unknown: bool
    ) -> bool:
        async with self._database.system() as connection:
            held = await connection.fetchval(
                sql("outbox_again"), incarnation, *item.key, delay, error_json(error), unknown
            )
        return held is not None

    async def failed(
        self, incarnation: str, item: ToSend, error: dict[str, Any], *, unknown: bool
    ) -> Delivery | None:
        query = sql("outbox_failed", columns=sql("delivery_columns"))
        async with self._database.system() as connection:
            row = await connection.fetchrow(query, incarnation, *item.key, error_json(error), unknown)
        return None if row is None else delivery_from_row(row)

    async def held(self, incarnation: str) -> list[tuple[str, int, int]]:
        async with self._database.system() as connection:
            return [tuple(row) for row in await connection.fetch(sql("outbox_held"), incarnation)]

    async def release(self, incarnation: str, keys: Sequence[tuple[str, int]]) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("outbox_release"), incarnation, [k[0] for k in keys], [k[1] for k in keys]
            )

    async def depths(self) -> dict[str, tuple[str, int]]:
        async with self._database.system() as connection:
            return {row[0]: (row[1], row[2]) for row in await connection.fetch(sql("outbox_depths"))}

    async def tidy(self) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("outbox_tidy"))


def _to_send(row: Sequence[Any]) -> ToSend:
    """A row of the query `outbox_claim`, whose order is that of the struct's fields."""
    data, recipient, channel_type, subject, reply_to, references, told, about, before, answered = row[10:]
    message = decode_data(data)
    assert isinstance(message, Message)
    fields: list[Any] = [*row[:10], message, recipient or "", channel_type, subject, reply_to]
    metadata = msgspec.json.decode(about) if about else {}
    return ToSend(
        *fields,
        references=tuple(references or ()),
        told=told,
        recipient_metadata=metadata,
        automatic_before=before,
        answered=msgspec.json.decode(answered) if answered else {},
    )


def _id(provider_id: str | None) -> str | None:
    return None if provider_id is None else clean(provider_id)
