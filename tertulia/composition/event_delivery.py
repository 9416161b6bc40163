"""The composition of event delivery: the loops behind event webhooks, the Redis stream of events, and RabbitMQ.

They do not belong to requests. Any number of processes with a database may run `EventParts.main_loop`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .. import __version__
from ..actors.webhooks.event_delivery import EventPump, EventSender, EventStreamer, WebhookCaller
from ..channels.outgoing.event_posts import GuardedPoster
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.postgres.database import Database
from ..storage.postgres.delivery.event_log import PostgresEventLog
from ..storage.postgres.delivery.event_queue import PostgresEventQueue
from ..storage.valkey import client
from ..storage.valkey.event_stream import ValkeyEventStream
from .attachments import guard

if TYPE_CHECKING:
    from ..storage.rabbitmq.event_exchange import RabbitExchange

STREAM_DEADLINE = 5.0
"""Seconds to write a page of events to the Redis stream, or to RabbitMQ."""
EXCHANGE = "\x1fexchange "
"""Begins the name under which an exchange's positions are kept; no Redis stream is called so."""


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
        self._exchange: RabbitExchange | None = None
        self.streamers: list[EventStreamer] = []
        log = PostgresEventLog(database)
        if settings.event_stream is not None:
            sink = ValkeyEventStream(self._valkey, settings.event_stream, settings.event_stream_maxlen)
            self.streamers.append(EventStreamer(log, sink, settings.event_stream))
        if settings.rabbitmq_url is not None:
            from ..storage.rabbitmq.event_exchange import RabbitExchange  # an extra

            name = settings.rabbitmq_exchange
            self._exchange = RabbitExchange(settings.rabbitmq_url, name, deadline=STREAM_DEADLINE)
            self.streamers.append(EventStreamer(log, self._exchange, f"{EXCHANGE}{name}"))

    async def main_loop(self) -> None:
        """Deliver events until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pump.main_loop())
            group.create_task(self.sender.main_loop())
            for streamer in self.streamers:
                group.create_task(streamer.main_loop())

    async def close(self) -> None:
        await self._poster.close()
        await self._valkey.aclose()
        if self._exchange is not None:
            await self._exchange.close()
