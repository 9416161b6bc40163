"""The archive: what hosts read to activate conversations and to recognise repeated commands. Everything is batched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from ..conversation.commands import ThreadKey
from ..conversation.entries import Entry
from ..conversation.state import State
from ..conversation.thread import NewContact, Thread

Target = str | ThreadKey
"""The target of a command: a conversation's id, or a thread key."""
REPEATS_WITHIN = 8
"""Conversations of a thread in which repeats are searched, the newest."""
THREAD_RESOLVED = 8
"""Resolved conversations of a thread that are loaded, the newest."""


class Repeat(msgspec.Struct, frozen=True):
    """The original result of a repeated command: its conversation and the entry."""

    conversation_id: str
    entry: Entry


class ThreadWanted(msgspec.Struct, frozen=True):
    """A thread to load. The ids and the name are for its contact, if there is none."""

    key: ThreadKey
    channel_type: str
    contact_id: str
    identifier_id: str
    name: str | None = None

    def new_contact(self) -> NewContact:
        """The contact to be made."""
        key = self.key
        return NewContact(
            self.contact_id, self.identifier_id, key.account_id, self.channel_type, key.identifier, self.name
        )


class Archive(Protocol):
    """The reads that a host needs to activate actors, all in batches.

    Raises Rejected if the database refuses a target, which fails the whole batch: then ask for each alone. Raises
    StorageUnavailable.
    """

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        """States by id; ids that do not exist are left out."""
        ...

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        """Threads by key, in one query. Those without a contact get a `new_contact` of the wanted ids; threads of one address
        share it."""
        ...

    async def find_repeats(
        self, keys: Iterable[tuple[Target, str]], provider_ids: Iterable[tuple[str, str]]
    ) -> tuple[dict[tuple[Target, str], Repeat], dict[tuple[str, str], Repeat]]:
        """Original results by (target, key) and by (channel id, provider id).

        A thread key as target stands for its newest REPEATS_WITHIN conversations, whatever their status.
        """
        ...
