"""An account whose conversations say given texts, as the journal stores them: what the tests of the search look through."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
from samples import conversation_id, uid

from tertulia.core.views.inbox import InboxFilter, Sort
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.conversations.search_index import SearchIndex
from tertulia.storage.postgres.database import Database

CHUNK = 256
NAIVE = """
SELECT DISTINCT conversation_id::text FROM entries, search_fold(search_document(kind, data)) AS said
WHERE account_id = $1 AND kind = 'message'
  AND (SELECT bool_and(strpos(said, search_fold(part)) > 0) FROM unnest($2::text[]) AS part)
"""


class Corpus:
    """Conversations of one account, each opened and then written to."""

    def __init__(self, owner: asyncpg.Connection, database: Database, account_id: str) -> None:
        self._owner = owner
        self._database = database
        self._inbox = PostgresInbox(database)
        self._numbers = itertools.count(1)
        self.account_id = account_id
        self.index = SearchIndex(database)

    async def say(self, *messages: str | dict[str, Any], **heading: str | None) -> str:
        """A conversation with these messages, texts or their data. Returns its id."""
        made, contact, n = conversation_id(), uid(), next(self._numbers)
        opened: dict[str, Any] = {
            "contact_identifier": f"visitor-{n}",
            "contact_name": None,
            "subject": None,
            **heading,
        }
        await self._owner.execute(
            "INSERT INTO contacts (id, account_id, name) VALUES ($1, $2, $3)",
            contact,
            self.account_id,
            opened["contact_name"],
        )
        await self._owner.execute(
            "INSERT INTO contact_identifiers (id, account_id, contact_id, channel_type, identifier) VALUES ($1, $2, $3, 'sms', $4)",
            uid(), self.account_id, contact, opened["contact_identifier"],
        )  # fmt: skip
        await self._owner.execute(
            "WITH c AS (INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier,"
            " contact_name, subject, status, priority, seq, unread_count, waiting_since, created_at, updated_at)"
            " VALUES ($1, $2, $2, 'sms', $3, $4, $5, $6, 'open', 'normal', 0, 0, now(), now(), now()))"
            " INSERT INTO conversation_recency VALUES ($1, $2, clock_timestamp())",
            made, self.account_id, contact, *(opened[k] for k in ("contact_identifier", "contact_name", "subject")),
        )  # fmt: skip
        said = [{"content": m} if isinstance(m, str) else m for m in messages]
        await self._store(
            [(made, 0, "opened", opened), *((made, i, "message", m) for i, m in enumerate(said, 1))]
        )
        return made

    async def _store(self, entries: Sequence[tuple[str, int, str, dict[str, Any]]]) -> None:
        columns = zip(*entries, strict=True)
        ids, seqs, kinds, data = map(list, columns)
        await self._owner.execute(
            "WITH f AS (UPDATE account_feeds SET position = position + cardinality($2::uuid[]) WHERE account_id = $1"
            " RETURNING position - cardinality($2::uuid[]) AS base)"
            " INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, data)"
            " SELECT e.id, e.seq, $1, base + e.n, now(), e.kind, 'contact', e.data::jsonb"
            " FROM f, unnest($2::uuid[], $3::integer[], $4::text[], $5::text[]) WITH ORDINALITY AS e (id, seq, kind, data, n)",
            self.account_id, ids, seqs, kinds, [msgspec.json.encode(d).decode() for d in data],
        )  # fmt: skip

    async def pad(self, chunks: int = 1) -> None:
        """Entries of no interest, enough to close that many chunks."""
        made = conversation_id()
        await self._store([(made, i, "sla", {}) for i in range(chunks * CHUNK)])

    async def gather(self) -> int:
        """Index all there is. Returns in how many steps."""
        steps = 0
        while await self.index.catch_up():
            steps += 1
        return steps

    async def find(self, q: str, limit: int = 100) -> list[str]:
        page = await self._inbox.page(self.account_id, InboxFilter(q=q), Sort(), after=None, limit=limit)
        return [c.id for c in page.items]

    async def naive(self, q: str) -> set[str]:
        """What reading every message finds."""
        return {row[0] for row in await self._owner.fetch(NAIVE, self.account_id, q.split())}

    async def chunks(self) -> list[asyncpg.Record]:
        return await self._owner.fetch(
            "SELECT * FROM search_chunks WHERE account_id = $1 ORDER BY chunk", self.account_id
        )

    async def signed(self) -> list[bool]:
        rows = await self._owner.fetch(
            "SELECT signature IS NOT NULL FROM search_segments WHERE account_id = $1 ORDER BY segment",
            self.account_id,
        )
        return [row[0] for row in rows]
