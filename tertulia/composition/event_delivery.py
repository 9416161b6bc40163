"""The composition of event delivery: the loops behind event webhooks, the Redis stream of events, and RabbitMQ.

They do not belong to requests. Any number of processes with a database may run `EventParts.main_loop`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .. import __version__
from ..actors.webhooks.event_delivery import EventPump, EventSender, WebhookCaller
from ..actors.webhooks.event_streamer import EventStreamer
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


def event_sinks(settings: Settings) -> dict[str, str]:
    """What all accounts' events are copied to: `event_stream`, `rabbitmq` → the name under which its positions are kept."""
    found = {"event_stream": settings.event_stream} if settings.event_stream is not None else {}
    return found | ({"rabbitmq": f"{EXCHANGE}{settings.rabbitmq_exchange}"} if settings.rabbitmq_url else {})


class EventSinkStates:
    """Whether events can be written where they are copied to, as the processes that copy them have noted."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._sinks = event_sinks(settings)
        self._log = PostgresEventLog(database)

    async def faults(self) -> dict[str, str | None]:
        """Each sink's fault. Raises StorageUnavailable."""
        found = await self._log.faults(list(self._sinks.values())) if self._sinks else {}
        return {sink: found.get(stream) for sink, stream in self._sinks.items()}


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
        self.streamers: dict[str, EventStreamer] = {}
        sinks, log = event_sinks(settings), PostgresEventLog(database)
        if settings.event_stream is not None:
            sink = ValkeyEventStream(self._valkey, settings.event_stream, settings.event_stream_maxlen)
            self.streamers["event_stream"] = EventStreamer(log, sink, sinks["event_stream"])
        if settings.rabbitmq_url is not None:
            from ..storage.rabbitmq.event_exchange import RabbitExchange  # an extra

            name = settings.rabbitmq_exchange
            self._exchange = RabbitExchange(settings.rabbitmq_url, name, deadline=STREAM_DEADLINE)
            self.streamers["rabbitmq"] = EventStreamer(log, self._exchange, sinks["rabbitmq"])

    async def main_loop(self) -> None:
        """Deliver events until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pump.main_loop())
            group.create_task(self.sender.main_loop())
            for streamer in self.streamers.values():
                group.create_task(streamer.main_loop())

    def faults(self) -> dict[str, str | None]:
        """Of this process's own copying, by sink."""
        return {sink: streamer.fault for sink, streamer in self.streamers.items()}

    async def close(self) -> None:
        await self._poster.close()
        await self._valkey.aclose()
        if self._exchange is not None:
            await self._exchange.close()
