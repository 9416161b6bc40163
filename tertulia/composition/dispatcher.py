"""The composition of a dispatcher, called inside its Ray actor: the implementations behind the ports of `actors/dispatcher/dispatcher.py`."""

from __future__ import annotations

import asyncio
import time
import uuid

from ..actors.cluster.process_beat import ProcessBeat
from ..actors.dispatcher.dispatcher import Dispatcher
from ..actors.dispatcher.message_sender import MessageSender
from ..actors.dispatcher.provider_client import ProviderClient
from ..actors.transport.host_subscription import HostSubscription
from ..actors.transport.ray_calls import DISPATCHER_NAME
from ..channels import CHANNELS
from ..core.channels.signed_urls import LinkSigner
from ..core.views.metrics import Sample
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.postgres.accounts.channels import PostgresChannels
from ..storage.postgres.conversations.ownership import PostgresOwnership
from ..storage.postgres.conversations.poison import PostgresPoisonList
from ..storage.postgres.database import Database
from ..storage.postgres.delivery.outbox import PostgresOutbox
from ..storage.valkey import client
from ..storage.valkey.hints import ValkeyHints
from .actor_settings import ActorSettings, begin_process
from .attachments import attachments, guard, media_fetcher
from .database import connect
from .event_delivery import EventParts
from .metrics.process_samples import dispatcher_samples, event_sink_samples
from .models import draft_loop, model_calls
from .process_beat import process_beat

CONNECTIONS = 12
PROVIDER_CONNECTIONS = 512
"""More than the sends at once, so that none waits for a free connection."""


class DispatcherParts:
    """A dispatcher with its loops, as `actors.actor_processes.DispatcherParts`. Needs a running loop."""

    beat: ProcessBeat

    def __init__(self, settings: Settings, shard: int, database: Database) -> None:
        assert settings.redis_url is not None and settings.jwt_secret is not None
        assert settings.credentials_keys is not None
        self._settings = settings
        self._database = database
        self._valkey = client.connect(settings.redis_url)
        self._providers = guard(settings, connections=PROVIDER_CONNECTIONS)
        links = LinkSigner(settings.jwt_secret, settings.base_url())
        sender = MessageSender(
            CHANNELS,
            PostgresChannels(database),
            FernetVault(settings.credentials_keys),
            ProviderClient(self._providers).send,
            public_url=settings.base_url(),
            urls=settings.provider_access(),
            link=lambda url: links.for_provider(url, time.time()),
            attachments=attachments(settings, database),
        )
        hints = ValkeyHints(self._valkey, lambda hint: None)  # a dispatcher has no streams
        self.dispatcher = Dispatcher(
            PostgresOutbox(database), sender, hints, shard=shard, shards=settings.dispatchers
        )
        self._guard = guard(settings)
        self._media = media_fetcher(settings, database, self._guard)
        self.events = EventParts(settings, database)
        self._models = model_calls(settings, database)
        self._hosts = HostSubscription(
            f"dispatcher:{shard}:{uuid.uuid4()}",
            PostgresOwnership(database),
            lambda entries: None,
            _no_subscription,
            secret=settings.jwt_secret,
            link_ca=settings.link_ca,
            poison=PostgresPoisonList(database),
            deadline=settings.command_deadline,
            max_waiting=settings.max_waiting,
        )
        self._drafts = draft_loop(
            database, self.dispatcher.incarnation, self._models, hints, self._hosts.router.ask
        )

    async def main_loop(self) -> None:
        """Work until superseded."""
        work = (
            self.dispatcher.main_loop(),
            self._media.main_loop(),
            self.events.main_loop(),
            self._hosts.main_loop(),
            self._drafts.main_loop(),
        )
        loops = [asyncio.ensure_future(loop) for loop in work]
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for loop in done:
                loop.result()  # only the dispatcher's may end, when it is superseded
        finally:
            for loop in loops:
                loop.cancel()

    async def drain(self) -> None:
        self._drafts.stop()
        await self.dispatcher.drain(self._settings.drain)
        await self._drafts.release()
        await self._providers.close()
        await self.events.close()
        await self._models.close()
        await self._guard.close()
        await self._valkey.aclose()
        await self._database.close()


async def _no_subscription(hosts: HostSubscription) -> None:
    """A dispatcher sends commands to hosts and follows no entries there."""


async def dispatcher(given: ActorSettings, shard: int) -> DispatcherParts:
    """Connect a dispatcher's parts, without registering it."""
    settings = begin_process(given)
    parts = DispatcherParts(settings, shard, await connect(settings, system=CONNECTIONS, app=4))
    name = DISPATCHER_NAME.format(shard)

    async def samples() -> list[Sample]:
        sinks = event_sink_samples(parts.events.faults(), {"dispatcher": name})
        return dispatcher_samples(name, await parts.dispatcher.statistics()) + sinks

    parts.beat = await process_beat(
        settings, given, "dispatcher", name, samples, incarnation=parts.dispatcher.incarnation
    )
    return parts
