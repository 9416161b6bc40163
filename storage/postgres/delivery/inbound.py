"""Inbound calls of providers, on Postgres: messages by provider id, and payloads that were set aside."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from ....core.accounts.records import Page, Place
from ....core.ports.inbound import (
    MAX_FAILURES,
    MAX_PAYLOAD,
    Fault,
    InboundFailure,
    NewInboundFailure,
    Original,
)
from ..database import Database
from ..pages import bounds, page_of
from ..queries import sql
from ..rows import json_text

_FAULTS = msgspec.json.Decoder(tuple[Fault, ...])
_STRINGS = msgspec.json.Decoder(dict[str, str])
_WITH = sql("failure_columns", payload="f.payload")
_WITHOUT = sql("failure_columns", payload="''::bytea")


def _failure(row: Sequence[Any]) -> InboundFailure:
    i, account, channel, at, faults, headers, size, payload, replayed = row
    return InboundFailure(
        i,
        account,
        channel,
        at,
        _FAULTS.decode(faults),
        _STRINGS.decode(headers),
        size,
        payload,
        replayed,
    )


class PostgresInbound:
    """`core.ports.inbound.InboundStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def originals(
        self, account_id: str, channel_id: str, provider_ids: Sequence[str]
    ) -> dict[str, Original]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("originals"), account_id, channel_id, list(set(provider_ids)))
        return {row[0]: Original(*row) for row in rows}

    async def mails(
        self, account_id: str, channel_id: str, identifier: str, message_ids: Sequence[str]
    ) -> dict[str, Original]:
        async with self._database.system() as connection:
            rows = await connection.fetch(
                sql("mails"), account_id, channel_id, identifier, list(set(message_ids))
            )
        return {row[0]: Original(*row) for row in rows}

    async def set_aside(self, failure: NewInboundFailure) -> str:
        digest = hashlib.sha256(failure.body).hexdigest()
        failure_id = str(uuid.uuid5(uuid.UUID(failure.channel_id), digest))
        async with self._database.account(failure.account_id) as connection:
            await connection.execute(
                sql("failure_add"),
                failure_id,
                failure.account_id,
                failure.channel_id,
                json_text(failure.faults),
                json_text(failure.headers),
                len(failure.body),
                failure.body[:MAX_PAYLOAD],
                MAX_FAILURES - 1,
            )
        return failure_id

    async def failures(
        self, account_id: str, channel_id: str | None, after: Place | None, limit: int
    ) -> Page[InboundFailure]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("failures_page", columns=_WITHOUT), channel_id, *bounds(after, limit)
            )
        return page_of(rows, _failure, limit)

    async def failure(self, account_id: str, failure_id: str) -> InboundFailure | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("failure_get", columns=_WITH), failure_id)
        return _failure(row) if row is not None else None

    async def replayed(
        self, account_id: str, failure_id: str, faults: Sequence[Fault]
    ) -> InboundFailure | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(
                sql("failure_replayed", columns=_WITHOUT), failure_id, json_text(faults), not faults
            )
        return _failure(row) if row is not None else None
