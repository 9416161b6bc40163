"""The ports: what actors need of the world, as Protocols. Each has a real implementation and a memory twin in
`storage/`, and one contract suite in `tests/storage/` that runs both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from ..conversation.commands import ThreadKey
from ..conversation.entries import Entry
from ..conversation.state import Conversation, State
from ..conversation.thread import Thread


class Write(msgspec.Struct):
    """What one accepted command changes: the conversation before and after, and the entries between.

    `key` makes the command's repeat known (unique in its conversation); `provider_id` likewise, for good, in its channel.
    `fence`: the supervisor (shard, epoch) on whose word it rests. `keyed`: which of the entries has the key and is what a
    repeat gets; the last, unless it says so.
    """

    before: Conversation | None
    after: Conversation
    entries: tuple[Entry, ...]
    key: str | None = None
    fence: tuple[int, int] | None = None
    keyed: int = -1

    @property
    def answer(self) -> Entry | None:
        """The entry that has the key."""
        return self.entries[self.keyed] if self.entries else None


class StaleEpoch(Exception):
    """Another host has taken a partition over. Nothing was written; this host must drop its actors and stop."""


class StaleSupervisor(Exception):
    """A supervisor on whose word the batch rests has a successor. Nothing was written."""


class DuplicateKey(Exception):
    """A key or provider id of the batch is taken already. Nothing was written."""


class Rejected(Exception):
    """The database refused the batch's content. Nothing was written."""


class NotStored(Exception):
    """The storage is unreachable or too slow. Nothing was written, and nothing of the batch will be."""


Target = str | ThreadKey
"""What a command is for: a conversation's id, or a thread key."""
REPEATS_WITHIN = 8
THREAD_RESOLVED = 8
"""Resolved conversations of a thread that a load brings, the newest."""


class Repeat(msgspec.Struct, frozen=True):
    """The first answer to a repeated key: its conversation and the entry."""

    conversation_id: str
    entry: Entry


class Journal(Protocol):
    """Durable, fenced group commits. When `commit` returns, the batch survives the loss of any process."""

    async def commit(self, writes: Sequence[Write], epochs: dict[int, int]) -> list[int]:
        """Store a batch, all or nothing; returns the feed position of each entry, in order.

        `epochs`: the epoch this host knows of each partition; those of the batch must still stand. Settling an
        unknown outcome raises them, here as well.
        Raises StaleEpoch, StaleSupervisor, DuplicateKey, Rejected or NotStored; an unknown outcome is settled before it returns.
        """
        ...


class ThreadWanted(msgspec.Struct, frozen=True):
    """A thread to load. The ids and the name are for the contact, should it have to be made."""

    key: ThreadKey
    channel_type: str
    contact_id: str
    identifier_id: str
    name: str | None = None


class Archive(Protocol):
    """What a host reads to activate actors. Everything here is batched.

    Raises Rejected where the database refuses what is asked for (one poisoned target fails its whole batch: ask for each
    alone), StorageUnavailable where it cannot be reached.
    """

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        """States by id; ids that do not exist are left out."""
        ...

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        """Threads by key, their contacts made where there are none."""
        ...

    async def find_repeats(
        self, keys: Iterable[tuple[Target, str]], provider_ids: Iterable[tuple[str, str]]
    ) -> tuple[dict[tuple[Target, str], Repeat], dict[tuple[str, str], Repeat]]:
        """First answers by (target, key) and by (channel id, provider id).

        A thread key as target means the newest REPEATS_WITHIN conversations of it, whatever became of them.
        """
        ...


class Ownership(Protocol):
    """Who owns which partition. Every change of owner raises the partition's epoch."""

    async def register(self, name: str, node: str, at: HostAddress) -> None:
        """Announce a new incarnation of a host, and where it listens; the partitions of its predecessor become free."""
        ...

    async def beat(self, name: str, incarnation: str, *, draining: bool = False) -> Membership:
        """Show life; returns everybody's state. Raises StaleEpoch when a newer incarnation has replaced this one."""
        ...

    async def claim(self, incarnation: str, alive: Sequence[str], limit: int) -> dict[int, int]:
        """Take up to `limit` partitions that no incarnation in `alive` owns; returns their epochs."""
        ...

    async def release(self, incarnation: str, partitions: Sequence[int]) -> None:
        """Give partitions back, so that another may claim them at once."""
        ...

    async def read_map(self) -> PartitionMap:
        """Who owns what now."""
        ...


class Peer(msgspec.Struct, frozen=True):
    """A conversation host as the others see it."""

    name: str
    incarnation: str
    beats: int
    draining: bool
    owned: int


class Membership(msgspec.Struct, frozen=True):
    peers: tuple[Peer, ...]


class HostAddress(msgspec.Struct, frozen=True):
    """An incarnation of a host, and where it listens for gateways: an IP address and a port, with TLS, or the path of a Unix socket
    and 0."""

    incarnation: str
    address: str
    port: int


class PartitionMap(msgspec.Struct, frozen=True):
    """`owners[p]` is the name of partition p's host, or None; `hosts` are those that own any, by name."""

    owners: tuple[str | None, ...]
    hosts: dict[str, HostAddress]


class FeedHead(msgspec.Struct, frozen=True):
    """Where an account's feed stands; entries before `kept_from` may be gone."""

    account_id: str
    generation: str
    position: int
    kept_from: int


class FeedArchive(Protocol):
    """Reading the accounts' feeds."""

    async def heads(self, accounts: Sequence[str]) -> list[FeedHead]:
        """Where feeds stand; accounts that do not exist are left out."""
        ...

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]:
        """The account's entries after a position, in order."""
        ...
