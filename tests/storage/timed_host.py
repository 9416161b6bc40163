"""A conversation host on a real database, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from samples import listening, uid

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.host.host import ConversationHost
from tertulia.actors.host.placement import SharedPlacement
from tertulia.actors.host.timer_loop import TimerLoop
from tertulia.actors.host.timer_rescheduling import TimerRescheduler
from tertulia.core.conversation.commands import By, Done, Envelope, Opening, Post, Receive, ThreadKey
from tertulia.core.conversation.entries import Entry
from tertulia.core.conversation.state import Conversation
from tertulia.core.ids import PARTITIONS
from tertulia.storage.postgres.accounts.bots import PostgresRulesArchive, PostgresTimers
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.conversations.conversations import PostgresConversations
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.conversations.ownership import PostgresOwnership
from tertulia.storage.postgres.conversations.timer_rescheduling import PostgresRescheduling
from tertulia.storage.postgres.database import Database


def a_thread(account_id: str, n: int = 0) -> ThreadKey:
    return ThreadKey(account_id, uid(), f"+{n}")


class Running:
    """A host on Postgres with a clock that the test moves, owning every partition."""

    def __init__(self, database: Database, account_id: str) -> None:
        self.database, self.account_id = database, account_id
        self.incarnation = str(uuid.uuid4())
        self.ahead = 0
        self.loops: list[asyncio.Task[None]] = []
        placement = SharedPlacement(now=self.now, new_id=fresh_id)
        self.stale = asyncio.Event()
        self.host = ConversationHost(
            PostgresJournal(database), PostgresArchive(database), self, placement, max_waiting=1000,
            on_stale=self.stale, rules=PostgresRulesArchive(database),
        )  # fmt: skip
        self.ticker = TimerLoop(PostgresTimers(database), self.host, now=self.now, new_id=fresh_id)
        self.rescheduler = TimerRescheduler(
            PostgresRescheduling(database), self.host, self.ticker, now=self.now
        )

    def now(self) -> int:
        return now_ms() + self.ahead

    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        pass

    async def start(self) -> None:
        ownership = PostgresOwnership(self.database)
        await ownership.register(f"host:{self.incarnation}", "node", listening(self.incarnation))
        self.host.own(await ownership.claim(self.incarnation, [self.incarnation], PARTITIONS))
        self.loops = [
            asyncio.create_task(self.host.main_loop()),
        ]

    async def stop(self) -> None:
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)

    async def says(self, text: str, thread: ThreadKey, **fields: Any) -> Done:
        by = By("contact", thread.identifier, "customer", thread.channel_id, thread.identifier)
        command = Receive(Opening("webchat", "Carla"), Post("contact", text, **fields))
        return await self.ask(Envelope(fresh_id(), self.account_id, by, command, thread=thread))

    async def ask(self, envelope: Envelope) -> Done:
        (done,) = await self.host.run([envelope])
        assert isinstance(done, Done), done
        return done

    async def read(self, conversation_id: str) -> tuple[Conversation, list[Entry]]:
        store = PostgresConversations(self.database)
        c = await store.get(self.account_id, conversation_id)
        assert c is not None
        return c, await store.entries(self.account_id, conversation_id, after=0, limit=200)
