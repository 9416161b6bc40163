"""Channels on Postgres, with a short-lived cache: every web chat message and webhook call needs its channel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from ....core.accounts.records import Channel, ChannelType, Page, Place
from ....core.conversation.entries import Actor
from ....core.errors import Conflict, NotFound
from ....core.ports.resources import MAX_OF_TYPE
from ..database import Database
from ..pages import bounds, page_of
from ..queries import sql
from ..rows import json_or_none, json_text
from .audit import record

CACHED_FOR = 5.0
"""Seconds a channel is cached: how late this process may see another one's change."""
MAX_CACHED = 10_000
"""Channels in the cache, and origins; when full, it is emptied."""
_COLUMNS = sql("channel_columns")


def _channel(row: Sequence[Any]) -> Channel:
    i, account, kind, name, config, *rest = row
    return Channel(i, account, kind, name, msgspec.json.decode(config), *rest)


class PostgresChannels:
    """`core.ports.resources.ChannelStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[str, tuple[float, Channel | None]] = {}
        self._origins: dict[str, tuple[float, bool]] = {}
        self._first: dict[tuple[str, str], tuple[float, str]] = {}
        self._changes = 0

    def known(self, channel_id: str) -> Channel | None:
        cached = self._cache.get(channel_id)
        return cached[1] if cached is not None and time.monotonic() - cached[0] < CACHED_FOR else None

    async def find(self, channel_id: str) -> Channel | None:
        """A channel by its id alone, across accounts."""
        cached = self._cache.get(channel_id)
        if cached is not None and time.monotonic() - cached[0] < CACHED_FOR:
            return cached[1]
        changes = self._changes
        async with self._database.system() as connection:
            row = await connection.fetchrow(sql("channel_find", columns=_COLUMNS), channel_id)
        channel = _channel(row) if row is not None else None
        if changes == self._changes:  # otherwise the row may be older than a change made here meanwhile
            self._keep(channel_id, channel)
        return channel

    async def allows_origin(self, origin: str) -> bool:
        """Whether an active web chat channel of any account allows pages of this origin."""
        cached = self._origins.get(origin)
        if cached is not None and time.monotonic() - cached[0] < CACHED_FOR:
            return cached[1]
        changes = self._changes
        async with self._database.system() as connection:
            allowed = bool(await connection.fetchval(sql("channel_origin_allowed"), origin))
        if changes == self._changes:
            if len(self._origins) >= MAX_CACHED:
                self._origins.clear()
            self._origins[origin] = (time.monotonic(), allowed)
        return allowed

    def _keep(self, channel_id: str, channel: Channel | None) -> None:
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        self._cache[channel_id] = (time.monotonic(), channel)

    def _changed(self, channel_id: str, channel: Channel | None) -> None:
        self._changes += 1
        self._origins.clear()
        self._keep(channel_id, channel)

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[Channel]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("channels_page", columns=_COLUMNS), *bounds(after, limit))
        return page_of(rows, _channel, limit)

    async def get(self, account_id: str, channel_id: str) -> Channel | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("channel_find", columns=_COLUMNS), channel_id)
        return _channel(row) if row is not None else None

    async def first(self, account_id: str, type: ChannelType) -> Channel | None:
        cached = self._first.get((account_id, type))
        if cached is not None and time.monotonic() - cached[0] < CACHED_FOR:
            channel = await self.find(cached[1])
            if channel is not None and channel.is_active:
                return channel
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("channel_first", columns=_COLUMNS), account_id, type)
        if row is None:
            return None
        channel = _channel(row)
        if len(self._first) >= MAX_CACHED:
            self._first.clear()
        self._first[account_id, type] = (time.monotonic(), channel.id)
        return channel

    async def of_type(self, account_id: str, type: ChannelType) -> tuple[Channel, ...]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("channels_of_type", columns=_COLUMNS), account_id, type, MAX_OF_TYPE
            )
        return tuple(map(_channel, rows))

    async def ensure(self, channel: Channel, by: Actor) -> Channel:
        try:
            return await self.create(channel, by)
        except asyncpg.UniqueViolationError:
            found = await self.get(channel.account_id, channel.id)
            assert found is not None, "the id belongs to another account"
            return found
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("no such account") from None

    async def create(self, channel: Channel, by: Actor) -> Channel:
        async with self._database.account(channel.account_id) as connection, connection.transaction():
            row = await connection.fetchrow(
                sql("channel_create", columns=_COLUMNS),
                channel.id,
                channel.account_id,
                channel.type,
                channel.name,
                json_text(channel.config),
                channel.credentials,
                channel.is_active,
            )
            details = {"type": channel.type, "name": channel.name}
            target = ("channel", channel.id)
            await record(connection, channel.account_id, by, "channel.created", target, details)
        assert row is not None
        made = _channel(row)
        self._changed(made.id, made)
        return made

    async def update(
        self, account_id: str, channel_id: str, changes: dict[str, Any], by: Actor
    ) -> Channel | None:
        config = changes.get("config")
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(
                sql("channel_update", columns=_COLUMNS),
                channel_id,
                changes.get("name"),
                json_or_none(config),
                "credentials" in changes,
                changes.get("credentials"),
                changes.get("is_active"),
            )
            if row is None:
                return None
            details: dict[str, Any] = {"fields": sorted(changes)}
            if "is_active" in changes:
                details["is_active"] = changes["is_active"]
            await record(connection, account_id, by, "channel.updated", ("channel", channel_id), details)
        channel = _channel(row)
        self._changed(channel_id, channel)
        return channel

    async def delete(self, account_id: str, channel_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(sql("channel_delete"), channel_id)
            assert row is not None
            existed, gone = row
            if existed and not gone:
                raise Conflict("the channel has conversations: deactivate it instead (is_active: false)")
            if gone:
                await record(connection, account_id, by, "channel.deleted", ("channel", channel_id))
        if gone:
            self._changed(channel_id, None)
        return existed
