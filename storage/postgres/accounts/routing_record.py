"""An account's routing in a time span: its journal, and the decisions that were carried out. For planners, not for requests: it reads
completely, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from ....core.conversation.explain_record import Explain
from ....core.routing.facts import Policy
from ....core.routing.journal import SNAPSHOTS, RoutingEntry, decoded
from ....core.routing.messages import Snapshot
from ..database import Database
from ..queries import sql

PAGE = 5_000
"""Rows of one statement."""
LATE = 600_000
"""Ms within which a decision is stored: a supervisor repeats its command while a host or Postgres is away."""
EMPTY = Snapshot(Policy())


class StoredDecision(msgspec.Struct, frozen=True, gc=False):
    """A decision as its conversation keeps it. `explain` is without the roster's names."""

    conversation_id: str
    kind: str
    agent_id: str
    explain: Explain


class PostgresRoutingRecord:
    """Raises StorageUnavailable and Overloaded."""

    def __init__(self, database: Database, account_id: str) -> None:
        self._database = database
        self._account_id = account_id

    async def start(self, at: int) -> int | None:
        """The position of the newest snapshot at or before a time in ms, else of the first one; None in an empty journal."""
        async with self._database.expensive(self._account_id) as connection:
            return await connection.fetchval(sql("routing_journal_start"), at)

    async def entries(self, start: int, until: int) -> AsyncIterator[RoutingEntry]:
        """The journal from a position on, up to a time in ms. Checkpoints after the first entry come empty: a replay that has begun
        does not need them."""
        after = start - 1
        while True:
            async with self._database.expensive(self._account_id) as connection:
                rows = await connection.fetch(sql("routing_journal_page"), after, PAGE)
            for position, at, kind, data in rows:
                if at > until:
                    return
                if kind == SNAPSHOTS[1] and position != start:
                    yield RoutingEntry(position, at, kind, EMPTY)
                else:
                    yield decoded(position, at, kind, msgspec.json.decode(data))
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    async def decisions(self, since: int, until: int) -> AsyncIterator[StoredDecision]:
        """The decisions made in a time span, in ms, in the order in which they were stored."""
        async with self._database.expensive(self._account_id) as connection:
            ((first, last),) = await connection.fetch(sql("routing_decisions_range"), since, until + LATE)
        while first <= last:
            async with self._database.expensive(self._account_id) as connection:
                rows = await connection.fetch(
                    sql("routing_decisions"), first, last, since, until + LATE, PAGE
                )
            for _, conversation_id, kind, agent_id, explain in rows:
                found = msgspec.json.decode(explain, type=Explain)
                if since <= found.at <= until:
                    yield StoredDecision(conversation_id, kind, agent_id, found)
            if len(rows) < PAGE:
                return
            first = rows[-1][0] + 1

    async def contacts(self, conversations: Sequence[str]) -> dict[str, str]:
        """Conversation → its customer, of those that still exist."""
        found: dict[str, str] = {}
        for first in range(0, len(conversations), PAGE):
            async with self._database.expensive(self._account_id) as connection:
                page = list(conversations[first : first + PAGE])
                found |= dict(await connection.fetch(sql("routing_contacts"), page))
        return found

    async def talks(self, conversations: Sequence[str]) -> dict[str, tuple[int, int, int]]:
        """Conversation → the customer's messages, and how long the customer took to answer an agent: the sum in ms, and how often."""
        found: dict[str, tuple[int, int, int]] = {}
        for first in range(0, len(conversations), PAGE):
            async with self._database.expensive(self._account_id) as connection:
                rows = await connection.fetch(sql("routing_talks"), list(conversations[first : first + PAGE]))
            found |= {row[0]: (row[1], row[2], row[3]) for row in rows}
        return found
