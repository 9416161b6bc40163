"""The composition of event delivery: the loops behind event webhooks and the Redis stream of events.

They do not belong to requests. Any number of processes with a database may run `EventParts.main_loop`.
"""

from __future__ import annotations

import asyncio

from .. import __version__
from ..actors.webhooks.event_delivery import EventPump, EventSender, EventStreamer, WebhookCaller
from ..channels.outgoing.event_posts import GuardedPoster
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.postgres.database import Database
from ..storage.postgres.delivery.event_queue import PostgresEventQueue
from ..storage.valkey import client
from ..storage.valkey.event_stream import PostgresEventLog, ValkeyEventStream
from .attachments import guard

STREAM_DEADLINE = 5.0
"""Seconds to write a page of events to the Redis stream."""


def make_poster(settings: Settings) -> GuardedPoster:
    """The client that posts to webhooks. Needs a running loop; the caller closes it."""
    agent = f"Tertulia/{__version__}"
    return GuardedPoster(guard(settings), private=settings.webhooks_allow_private, agent=agent)


class EventParts:
    """The loops and their connections. The owner closes it, and the database separately."""

    def __init__(self, settings: Settings, database: Database) -> None:
        assert settings.redis_url is not None and settings.credentials_keys is not None
        queue = PostgresEventQueue(database)
        self._poster = make_poster(settings)
        caller = WebhookCaller(self._poster, FernetVault(settings.credentials_keys))
        self.sender = EventSender(queue, caller, disable_after=settings.webhooks_disable_after)
        self.pump = EventPump(queue, self.sender.wake)
        self._valkey = client.connect(settings.redis_url, deadline=STREAM_DEADLINE, connections=2)
        self.streamer = None
        if settings.event_stream is not None:
            sink = ValkeyEventStream(self._valkey, settings.event_stream, settings.event_stream_maxlen)
            self.streamer = EventStreamer(PostgresEventLog(database), sink, settings.event_stream)

    async def main_loop(self) -> None:
        """Deliver events until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pump.main_loop())
            group.create_task(self.sender.main_loop())
            if self.streamer is not None:
                group.create_task(self.streamer.main_loop())

    async def close(self) -> None:
        await self._poster.close()
        await self._valkey.aclose()
