"""Channels, with a short memory of them: every web chat message and webhook needs its channel."""

from __future__ import annotations

import time

import msgspec

from ..core.records import Channel
from .postgres import Database
from .queries import sql

REMEMBERED = 5.0
"""Seconds a channel is remembered: how late another gateway's change may be seen here."""
MAX_REMEMBERED = 10_000


class PostgresChannels:
    """`core.ports_http.ChannelStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Channel | None]] = {}

    async def find(self, channel_id: str) -> Channel | None:
        """A channel by its id alone, across accounts."""
        known = self._known.get(channel_id)
        if known is not None and time.monotonic() - known[0] < REMEMBERED:
            return known[1]
        async with self._database.system() as connection:
            row = await connection.fetchrow(sql("channel_find"), channel_id)
        channel = None
        if row is not None:
            i, account, kind, name, config, *rest = row
            channel = Channel(i, account, kind, name, msgspec.json.decode(config), *rest)
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[channel_id] = (time.monotonic(), channel)
        return channel
