"""A channel with conversations and a dispatcher's claims, for tests of the outbox."""

from __future__ import annotations

import random
from typing import Any

import asyncpg
from backends import PostgresBackend
from samples import Scribe, agent, answered, said, to_conversation, to_thread, uid

from tertulia.core.channels.messages import Receipt
from tertulia.core.conversation.commands import Opening, Receive, ThreadKey
from tertulia.core.conversation.entries import Message
from tertulia.core.ports.outbox import ToSend
from tertulia.storage.postgres.delivery.deliveries import PostgresDeliveries
from tertulia.storage.postgres.delivery.outbox import PostgresOutbox


class OutboxRig:
    """A channel of an account, conversations on it, and a dispatcher's claims."""

    def __init__(self, postgres: PostgresBackend, key: ThreadKey, owner: asyncpg.Connection) -> None:
        self.postgres, self.key, self.owner = postgres, key, owner
        self.account, self.channel = key.account_id, key.channel_id
        self.scribe = Scribe()
        self.outbox = PostgresOutbox(postgres.database)
        self.deliveries = PostgresDeliveries(postgres.database)
        self.claimed: dict[str, ToSend] = {}
        self.shard, self.me = random.randrange(1000, 2**30), uid()

    async def commit(self, *writes: Any) -> None:
        await self.postgres.journal.commit(writes, await self.postgres.epochs())

    async def customer_writes(self, identifier: str = "+1", kind: str = "telegram", **post: Any) -> str:
        key = ThreadKey(self.account, self.channel, identifier)
        write = self.scribe.write(to_thread(Receive(Opening(kind, subject="Shoes"), said(**post)), key))
        await self.commit(write)
        return write.after.id

    async def reply(self, conversation: str, content: str = "hello", **post: Any) -> str:
        post = {"content": content, **post}
        write = self.scribe.write(
            to_conversation(answered(**post), conversation, agent("ana"), account=self.account)
        )
        await self.commit(write)
        message = write.entries[-1].data
        assert isinstance(message, Message)
        return message.id

    async def register(self) -> None:
        # of so many shards that nobody else's registration is dropped
        await self.outbox.register(self.shard, 2**31 - 1, self.me)

    async def claim(self, limit: int = 10) -> list[ToSend]:
        return await self.outbox.claim(self.shard, self.me, self.channel, limit)

    async def status(self, message: str) -> str:
        delivery = await self.deliveries.get(self.account, message)
        assert delivery is not None
        return delivery.status

    async def receive(self, *receipts: Receipt) -> list[tuple[str, str]]:
        moved = await self.deliveries.receive(self.account, self.channel, receipts)
        return sorted((d.message_id, d.status) for d in moved)

    async def send(self, message: str, provider_id: str, left_at: int = 1000) -> None:
        self.claimed |= {i.message_id: i for i in await self.claim()}
        item = self.claimed.pop(message)
        assert await self.outbox.sent(self.me, item, 0, provider_id, left_at) is not None
