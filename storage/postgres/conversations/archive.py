"""A conversation host's reads, in batches: to activate actors, and to recognise repeated commands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ....core.conversation.commands import ThreadKey
from ....core.conversation.entries import Entry
from ....core.conversation.recent_messages import CONTEXT_SIZE, Recent
from ....core.conversation.state import State
from ....core.conversation.thread import NewContact, Thread
from ....core.ports.archive import REPEATS_WITHIN, THREAD_RESOLVED, Repeat, Target, ThreadWanted
from ....core.ports.journal import Rejected
from ..database import Connection, Database
from ..queries import sql
from ..rows import conversation_from_row, entry_from_row

_ENTRY = sql("entry_columns")
_UNKNOWN = (True, None, None, None, (), True)
"""A thread for which `load_threads` returns no row: its account exists, it has no contact and never had a conversation."""


class PostgresArchive:
    """`core.ports.archive.Archive` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        """Two queries, whatever the number of conversations. Erased ones are left out."""
        async with self._reading() as connection:
            rows = await connection.fetch(sql("load_conversations", columns=sql("conversation_columns")), ids)
            found = [c for c in map(conversation_from_row, rows) if not c.erased]
            recent: defaultdict[str, list[Entry]] = defaultdict(list)
            for row in await connection.fetch(sql("load_recent", columns=_ENTRY), ids, CONTEXT_SIZE):
                entry = entry_from_row(row)
                recent[entry.conversation_id].append(entry)
        return {c.id: State(c, Recent.of(recent.get(c.id, ()))) for c in found}

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        keys = [w.key for w in wanted]
        async with self._reading() as connection:
            rows = await connection.fetch(
                sql("load_threads"),
                [k.account_id for k in keys],
                [k.channel_id for k in keys],
                [w.channel_type for w in wanted],
                [k.identifier for k in keys],
                [k.topic for k in keys],
                THREAD_RESOLVED,
            )
        known = {row[0]: row[1:] for row in rows}
        threads: dict[ThreadKey, Thread] = {}
        made: dict[tuple[str, str, str], NewContact] = {}
        for ordinal, one in enumerate(wanted, 1):
            is_account, contact_id, name, live, resolved, unused = known.get(ordinal, _UNKNOWN)
            if not is_account:
                raise Rejected("no such account")
            new = None
            if contact_id is None:
                contact = one.new_contact()
                new = made.setdefault(contact.address, contact)
                contact_id, name = new.id, new.name
            threads[one.key] = Thread(contact_id, name, live, tuple(resolved), new_contact=new, unused=unused)
        return threads

    async def find_repeats(
        self, keys: Iterable[tuple[Target, str]], provider_ids: Iterable[tuple[str, str]]
    ) -> tuple[dict[tuple[Target, str], Repeat], dict[tuple[str, str], Repeat]]:
        wanted = list(keys)
        single = [(i, k) for i, k in wanted if isinstance(i, str)]
        threads = [(t, k) for t, k in wanted if isinstance(t, ThreadKey)]
        provided = list(provider_ids)
        by_key: dict[tuple[Target, str], Repeat] = {}
        by_provider_id: dict[tuple[str, str], Repeat] = {}
        async with self._reading() as connection:
            if single:
                for key, *row in await connection.fetch(
                    sql("find_keys", columns=_ENTRY), *_columns(single, 2)
                ):
                    entry = entry_from_row(row)
                    by_key[entry.conversation_id, key] = Repeat(entry.conversation_id, entry)
            if threads:
                fields = [(t.account_id, t.channel_id, t.identifier, t.topic, k) for t, k in threads]
                query = sql("find_thread_keys", columns=_ENTRY)
                for ordinal, *row in await connection.fetch(query, *_columns(fields, 5), REPEATS_WITHIN):
                    entry = entry_from_row(row)
                    by_key[threads[ordinal - 1]] = Repeat(entry.conversation_id, entry)
            if provided:
                query = sql("find_provider_ids", columns=_ENTRY)
                for channel, external, *row in await connection.fetch(query, *_columns(provided, 2)):
                    entry = entry_from_row(row)
                    by_provider_id[channel, external] = Repeat(entry.conversation_id, entry)
        return by_key, by_provider_id

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.system() as connection:
                yield connection
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Rejected(str(error)) from error


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[i] for row in rows] for i in range(width)]
