"""A dispatcher with the tests' kind in a process of its own, to be killed: `python dispatcher_process.py URL PROVIDER SHARD SHARDS`.
The vault's key comes in by the environment (VAULT_KEY).
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from fake_provider import FakeKind

from tertulia.actors.dispatcher.dispatcher import Dispatcher
from tertulia.actors.dispatcher.message_sender import MessageSender
from tertulia.actors.dispatcher.provider_client import ProviderClient
from tertulia.channels.outgoing.guard import Guard
from tertulia.core.channels.provider_urls import ProviderUrls
from tertulia.storage.credentials import FernetVault
from tertulia.storage.postgres.accounts.channels import PostgresChannels
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.outbox import PostgresOutbox


class NoReaders:
    async def send(self, *_: Any) -> bool:
        return True


async def main(url: str, provider: str, shard: int, shards: int) -> None:
    database = await Database.connect(url, system=8, app=1)
    sender = MessageSender(
        {"telegram": FakeKind()}, PostgresChannels(database), FernetVault(os.environ["VAULT_KEY"]),
        ProviderClient(Guard()).send, public_url="https://t.example", urls=ProviderUrls({"telegram": provider}),
        link=lambda url: url, attachments=None,
    )  # fmt: skip
    dispatcher = Dispatcher(PostgresOutbox(database), sender, NoReaders(), shard=shard, shards=shards)
    await dispatcher.startup()
    await dispatcher.main_loop()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
