"""The journal: how hosts store what happens. One commit stores a batch of turns, fenced by the epochs of their partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ..conversation.entries import Entry
from ..conversation.state import Conversation
from ..conversation.thread import NewContact


class Write(msgspec.Struct):
    """The changes of one accepted command: the conversation before and after, and the entries between.

    `key`: the command's deduplication key, unique in its conversation. `fence`: shard and epoch of the supervisor that decided
    it. `keyed`: the index of the entry that has the key and is returned to repeats; by default the last. `new_contact`: to be
    stored with it.
    """

    before: Conversation | None
    after: Conversation
    entries: tuple[Entry, ...]
    key: str | None = None
    fence: tuple[int, int] | None = None
    keyed: int = -1
    new_contact: NewContact | None = None

    @property
    def answer(self) -> Entry | None:
        """The entry that has the key."""
        return self.entries[self.keyed] if self.entries else None


class StaleEpoch(Exception):
    """Another host has taken over a partition. Nothing was written; this host must drop its actors and stop."""


class StaleSupervisor(Exception):
    """A supervisor that decided part of the batch has a successor. Nothing was written."""


class DuplicateKey(Exception):
    """A key, a provider id or another contact of a new contact's address exists already. Nothing was written."""


class Rejected(Exception):
    """The database refused the batch's content. Nothing was written."""


class NotStored(Exception):
    """The storage is unreachable or too slow. Nothing was written, and nothing of the batch will be."""


class Journal(Protocol):
    """Durable, fenced group commits. When `commit` returns, the batch survives the loss of any process."""

    async def commit(self, writes: Sequence[Write], epochs: dict[int, int]) -> list[int]:
        """Store a batch, all or nothing; returns the feed position of each entry, in order.

        `epochs`: this host's epochs by partition; those of the batch must be current. An unknown outcome is settled before this returns,
        which raises the epochs, also in the argument.
        Raises StaleEpoch, StaleSupervisor, DuplicateKey, Rejected or NotStored.
        """
        ...
