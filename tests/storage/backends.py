"""The stores that the contract suites compare, with what they need beside the ports: accounts, and a view of what was written."""

from __future__ import annotations

from typing import Protocol

from in_memory.bots import MemoryRulesArchive
from in_memory.conversations import (
    MemoryArchive,
    MemoryFeeds,
    MemoryJournal,
    MemoryOwnership,
    MemoryStore,
)
from in_memory.poison import MemoryPoisonList
from in_memory.processes import MemoryProcesses
from in_memory.supervision import MemorySupervision
from msgspec.structs import replace
from samples import uid

from tertulia.core.conversation.commands import ThreadKey
from tertulia.core.conversation.entries import Actor, Entry
from tertulia.core.conversation.poison import PoisonList
from tertulia.core.ports.archive import Archive
from tertulia.core.ports.bots import RulesArchive
from tertulia.core.ports.feeds import FeedArchive
from tertulia.core.ports.journal import Journal
from tertulia.core.ports.ownership import Ownership, Processes
from tertulia.core.ports.supervision import SupervisionStore
from tertulia.core.turn.account_rules import AccountRules
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.accounts.bots import PostgresRulesArchive
from tertulia.storage.postgres.accounts.supervision import PostgresSupervision
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.conversations.feeds import PostgresFeeds
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.conversations.ownership import PostgresOwnership
from tertulia.storage.postgres.conversations.poison import PostgresPoisonList
from tertulia.storage.postgres.conversations.processes import PostgresProcesses
from tertulia.storage.postgres.database import Database


class Backend(Protocol):
    journal: Journal
    archive: Archive
    ownership: Ownership
    feeds: FeedArchive
    supervision: SupervisionStore
    poison: PoisonList
    processes: Processes
    rules: RulesArchive

    async def add_account(self) -> str: ...

    async def epochs(self) -> dict[int, int]:
        """As of now, of all partitions."""
        ...

    async def take_over(self, partition: int) -> None:
        """Raise a partition's epoch."""
        ...

    async def set_expiry(self, account_id: str, hours: int) -> None:
        """Change an account's settings."""
        ...

    async def contacts(self, account_id: str) -> int: ...

    async def outbox(self, channel_id: str) -> list[tuple[str, int, str]]:
        """What waits to be sent on a channel: conversation, seq, message id."""
        ...


async def thread(backend: Backend, identifier: str = "+1", topic: str = "") -> ThreadKey:
    """A thread key in an account of its own."""
    return ThreadKey(await backend.add_account(), uid(), identifier, topic)


async def everything(backend: Backend, account_id: str) -> list[Entry]:
    return await backend.feeds.read(account_id, 0, 100_000)


def unplaced(entries: list[Entry] | tuple[Entry, ...]) -> list[Entry]:
    return [replace(e, position=0) for e in entries]


class MemoryBackend:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.journal = MemoryJournal(self.store)
        self.archive = MemoryArchive(self.store)
        self.ownership = MemoryOwnership(self.store)
        self.feeds = MemoryFeeds(self.store)
        self.supervision = MemorySupervision(self.store)
        self.poison = MemoryPoisonList()
        self.processes = MemoryProcesses()
        self.rules = MemoryRulesArchive()

    async def add_account(self) -> str:
        account = uid()
        self.store.add_account(account)
        self.rules.accounts[account] = AccountRules()
        return account

    async def epochs(self) -> dict[int, int]:
        return {i: p.epoch for i, p in enumerate(self.store.partitions)}

    async def take_over(self, partition: int) -> None:
        self.store.partitions[partition].epoch += 1

    async def set_expiry(self, account_id: str, hours: int) -> None:
        rules = self.rules.accounts[account_id]
        settings = replace(rules.settings, expiry_hours=hours)
        self.rules.accounts[account_id] = replace(rules, settings=settings, version=rules.version + 1)
        self.supervision.prefer(account_id, settings=settings)

    async def contacts(self, account_id: str) -> int:
        return sum(account == account_id for account, _, _ in self.store.contacts)

    async def outbox(self, channel_id: str) -> list[tuple[str, int, str]]:
        rows = self.store.outbox.items()
        return sorted((e.conversation_id, e.seq, m) for (channel, m), e in rows if channel == channel_id)


class PostgresBackend:
    def __init__(self, database: Database, url: str) -> None:
        self.url = url
        self.database = database
        self.journal = PostgresJournal(database)
        self.archive = PostgresArchive(database)
        self.ownership = PostgresOwnership(database)
        self.feeds = PostgresFeeds(database)
        self.supervision = PostgresSupervision(database)
        self.poison = PostgresPoisonList(database)
        self.processes = PostgresProcesses(database)
        self.rules = PostgresRulesArchive(database)

    async def reset(self) -> None:
        """Nobody owns anything."""
        async with self.database.system() as connection:
            await connection.execute("DELETE FROM hosts")
            await connection.execute("DELETE FROM processes")
            await connection.execute("DELETE FROM drained_nodes")
            await connection.execute("UPDATE partitions SET owner = NULL WHERE owner IS NOT NULL")

    async def add_account(self) -> str:
        account = uid()
        await PostgresAccounts(self.database).create(account, "test")
        return account

    async def epochs(self) -> dict[int, int]:
        async with self.database.system() as connection:
            return dict(await connection.fetch("SELECT id, epoch FROM partitions"))

    async def take_over(self, partition: int) -> None:
        async with self.database.system() as connection:
            await connection.execute("UPDATE partitions SET epoch = epoch + 1 WHERE id = $1", partition)

    async def set_expiry(self, account_id: str, hours: int) -> None:
        by = Actor("service", "test")
        await PostgresAccounts(self.database).update(account_id, None, {"expiry_hours": hours}, by)

    async def contacts(self, account_id: str) -> int:
        async with self.database.system() as connection:
            return await connection.fetchval(
                "SELECT count(*) FROM contacts WHERE account_id = $1::text::uuid", account_id
            )

    async def outbox(self, channel_id: str) -> list[tuple[str, int, str]]:
        query = "SELECT conversation_id::text, seq, message_id::text FROM outbox WHERE channel_id = $1::text::uuid"
        async with self.database.system() as connection:
            rows = await connection.fetch(query + " AND status = 'queued' ORDER BY 1, 2", channel_id)
        return [tuple(row) for row in rows]
