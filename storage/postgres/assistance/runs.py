"""Runs of the assistant on Postgres."""

from __future__ import annotations

from ....core.ports.assistance.runs import Claim, DueRun
from ..database import Database
from ..queries import sql

CLAIM = 15.0
"""Seconds that a claim lasts unless it is renewed."""
SILENT = 4.0
"""Seconds after which a claim ends early, if neither it has been renewed nor its process's heartbeat."""
UNCLAIMED = 5.0
"""Seconds after which a run that its gateway has not claimed is anybody's."""
ATTEMPTS = 3
"""The number of processes that may end during a run before it is given up."""


class PostgresRuns:
    """`core.ports.assistance.runs.RunStore` on Postgres. `process`: the incarnation that its process beats for."""

    def __init__(self, database: Database, process: str) -> None:
        self._database = database
        self._process = process

    async def want(self, account_id: str, conversation_id: str, seq: int) -> None:
        async with self._database.account(account_id) as connection:
            await connection.execute(sql("run_want"), conversation_id, account_id, seq)

    async def claim(self, account_id: str, conversation_id: str) -> Claim | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("run_claim"), conversation_id, self._process, CLAIM)
        return None if row is None else Claim(row["seq"], row["attempts"] > 1)

    async def finish(self, account_id: str, conversation_id: str, seq: int) -> bool:
        async with self._database.account(account_id) as connection:
            return bool(await connection.fetchval(sql("run_finish"), conversation_id, self._process, seq))

    async def keep(self, conversations: list[str]) -> list[str]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("run_keep"), self._process, CLAIM, conversations)
        return [row[0] for row in rows]

    async def release(self) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("run_release"), self._process)

    async def due(self, limit: int) -> list[DueRun]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("run_due"), UNCLAIMED, ATTEMPTS, limit, CLAIM, SILENT)
        return [DueRun(row["account_id"], row["conversation_id"], row["given_up"]) for row in rows]

    async def cancel(self, account_id: str, conversation_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            return bool(await connection.fetchval(sql("run_cancel"), conversation_id))
