"""What a conversation host reads to activate actors, in batches. Implements `core.ports.Archive`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..core.commands import ThreadKey
from ..core.conversation import CONTEXT_SIZE, State
from ..core.entries import Entry
from ..core.ports import Repeat, ThreadWanted
from ..core.thread import Thread
from .postgres import Database
from .queries import sql
from .rows import conversation_from_row, entry_from_row

_ENTRY = sql("entry_columns")


class PostgresArchive:
    """`core.ports.Archive` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        """See `core.ports.Archive`. Two queries, however many conversations. Erased ones live no more."""
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("load_conversations", columns=sql("conversation_columns")), ids)
            found = [c for c in map(conversation_from_row, rows) if not c.erased]
            recent: defaultdict[str, list[Entry]] = defaultdict(list)
            for row in await connection.fetch(sql("load_recent", columns=_ENTRY), ids, CONTEXT_SIZE):
                entry = entry_from_row(row)
                recent[entry.conversation_id].append(entry)
        return {c.id: State(c, tuple(recent[c.id]) if c.id in recent else ()) for c in found}

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        """See `core.ports.Archive`."""
        threads, missing = await self._read_threads(wanted)
        if missing:
            async with self._database.system() as connection:
                await connection.execute(
                    sql("make_contacts"),
                    [w.contact_id for w in missing],
                    [w.identifier_id for w in missing],
                    [w.key.account_id for w in missing],
                    [w.channel_type for w in missing],
                    [w.key.identifier for w in missing],
                    [w.name for w in missing],
                )
            threads |= (await self._read_threads(missing))[0]
        return threads

    async def _read_threads(
        self, wanted: Sequence[ThreadWanted]
    ) -> tuple[dict[ThreadKey, Thread], list[ThreadWanted]]:
        keys = [w.key for w in wanted]
        async with self._database.system() as connection:
            rows = await connection.fetch(
                sql("load_threads"),
                [k.account_id for k in keys],
                [k.channel_id for k in keys],
                [w.channel_type for w in wanted],
                [k.identifier for k in keys],
                [k.topic for k in keys],
            )
        threads: dict[ThreadKey, Thread] = {}
        missing: list[ThreadWanted] = []
        for ordinal, contact_id, name, live, resolved in rows:
            if contact_id is None:
                missing.append(wanted[ordinal - 1])
            else:
                threads[keys[ordinal - 1]] = Thread(contact_id, name, live, tuple(resolved))
        return threads, missing

    async def find_repeats(
        self, keys: Iterable[tuple[str, str]], provider_ids: Iterable[tuple[str, str]]
    ) -> tuple[dict[tuple[str, str], Repeat], dict[tuple[str, str], Repeat]]:
        """See `core.ports.Archive`."""
        by_key, by_provider_id = list(keys), list(provider_ids)
        async with self._database.system() as connection:
            first = await connection.fetch(
                sql("find_keys", columns=_ENTRY), [i for i, _ in by_key], [k for _, k in by_key]
            )
            second = await connection.fetch(
                sql("find_provider_ids", columns=_ENTRY),
                [c for c, _ in by_provider_id],
                [x for _, x in by_provider_id],
            )
        found = [(key, entry_from_row(row)) for key, *row in first]
        provided = [((channel, external), entry_from_row(row)) for channel, external, *row in second]
        return (
            {(e.conversation_id, key): Repeat(e.conversation_id, e) for key, e in found},
            {key: Repeat(e.conversation_id, e) for key, e in provided},
        )
