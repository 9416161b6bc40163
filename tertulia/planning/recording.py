"""Reads an account's record for a replay from Postgres."""

from __future__ import annotations

from ..core.routing.journal import RoutingEntry
from ..storage.postgres.accounts.routing_record import PostgresRoutingRecord
from ..storage.postgres.database import Database
from .learning import Talk
from .self_replay import Agreement, Replay
from .workload import Workload


class NothingRecorded(Exception):
    """There is no journal for that time."""


class Recording:
    """An account's record from `since` to `until`, in ms. Raises StorageUnavailable and Overloaded."""

    def __init__(self, database: Database, account_id: str, since: int, until: int) -> None:
        self.since, self.until = since, until
        self._record = PostgresRoutingRecord(database, account_id)

    async def entries(self) -> list[RoutingEntry]:
        """The journal, from the last snapshot before `since`, or where it begins. Raises NothingRecorded."""
        start = await self._record.start(self.since - 1)
        found = [] if start is None else [e async for e in self._record.entries(start, self.until)]
        if not found:
            raise NothingRecorded("nothing was recorded in this time")
        return found

    async def self_replay(self, entries: list[RoutingEntry]) -> Agreement:
        """Decide again, and compare with the stored decisions. Raises `core.routing.journal.Incomplete`."""
        replay = Replay(self.since, self.until)
        replay.read(entries)
        async for decision in self._record.decisions(self.since, self.until):
            replay.compare(decision)
        return replay.close()

    async def contacts(self, workload: Workload) -> dict[str, str]:
        """Conversation → its customer."""
        return await self._record.contacts(list(workload.conversations))

    async def talks(self, workload: Workload) -> dict[str, Talk]:
        """Conversation → its messages."""
        found = await self._record.talks(list(workload.conversations))
        return {conversation_id: Talk(*talk) for conversation_id, talk in found.items()}
