"""Rescheduling of timers after an account's settings have changed: which conversations are left to examine, on Postgres."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ....core.conversation.state import Conversation
from ....core.conversation.status import Status
from ....core.ids import PARTITIONS
from ....core.ports.bots import TimerRescheduling
from ..database import Database
from ..queries import sql
from ..rows import conversation_from_row

_COLUMNS = sql("conversation_columns")


class PostgresRescheduling:
    """`core.ports.bots.ReschedulingArchive` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wanted(self, partitions: Collection[int], limit: int) -> list[TimerRescheduling]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("reschedulings_wanted"), list(partitions), limit)
        return [TimerRescheduling(*row) for row in rows]

    async def page(
        self, account_id: str, status: Status, after: str, partitions: Collection[int], limit: int
    ) -> list[Conversation]:
        some = None if len(partitions) == PARTITIONS else list(partitions)
        query = sql("rescheduling_page", columns=_COLUMNS)
        async with self._database.system() as connection:
            rows = await connection.fetch(query, account_id, status, after, some, limit)
        return [conversation_from_row(row) for row in rows]

    async def move(self, sooner: Sequence[tuple[Conversation, int]]) -> set[str]:
        ids, seen = [c.id for c, _ in sooner], [c.timer_at for c, _ in sooner]
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("rescheduling_move"), ids, seen, [due for _, due in sooner])
        return {row[0] for row in rows}

    async def done(self, rescheduling: TimerRescheduling, epochs: dict[int, int]) -> None:
        async with self._database.system() as connection, connection.transaction():
            await connection.execute(
                sql("rescheduling_done"),
                rescheduling.account_id,
                rescheduling.version,
                list(epochs),
                list(epochs.values()),
            )
            await connection.execute(sql("reschedulings_end"))
