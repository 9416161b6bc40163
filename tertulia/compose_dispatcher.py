"""The composition of a dispatcher, called inside its Ray actor: what stands behind the ports of `actors/dispatcher.py`."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin

from . import logs
from .actors.dispatcher import Dispatcher
from .actors.provider_client import ProviderClient
from .actors.sending import Sender
from .channels import CHANNELS
from .compose import connect
from .settings import Settings
from .storage import valkey
from .storage.channels import PostgresChannels
from .storage.credentials import FernetVault
from .storage.hints import ValkeyHints
from .storage.outbox import PostgresOutbox
from .storage.postgres import Database

CONNECTIONS = 8


class DispatcherParts:
    """A dispatcher with its loops. See `actors.processes.DispatcherParts`. Made inside a running loop."""

    def __init__(self, settings: Settings, shard: int, database: Database) -> None:
        assert settings.redis_url is not None and settings.credentials_keys is not None
        self._settings = settings
        self._database = database
        self._valkey = valkey.connect(settings.redis_url)
        self._client = ProviderClient()
        sender = Sender(
            CHANNELS,
            PostgresChannels(database),
            FernetVault(settings.credentials_keys),
            self._client.send,
            public_url=settings.base_url(),
            base_urls=settings.provider_urls(),
            link=lambda url: urljoin(settings.base_url(), url),
            attachments=None,
        )
        hints = ValkeyHints(self._valkey, lambda hint: None)  # it has no readers of its own
        self.dispatcher = Dispatcher(
            PostgresOutbox(database), sender, hints, shard=shard, shards=settings.dispatchers
        )

    async def main_loop(self) -> None:
        """Work until superseded."""
        loops = [asyncio.ensure_future(work) for work in (self.dispatcher.main_loop(),)]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for loop in loops:
                loop.cancel()

    async def drain(self) -> None:
        await self.dispatcher.drain(self._settings.drain)
        await self._client.close()
        await self._valkey.aclose()
        await self._database.close()


async def dispatcher(settings: Settings, shard: int) -> DispatcherParts:
    """A dispatcher's parts, connected but not registered."""
    logs.configure(settings.log_level, settings.log_format)
    return DispatcherParts(settings, shard, await connect(settings, system=CONNECTIONS, app=1))
