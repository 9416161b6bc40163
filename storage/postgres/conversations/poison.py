"""Commands that were set aside because they killed hosts, on Postgres."""

from __future__ import annotations

from ....core.conversation.poison import LISTED_FOR, MAX_LISTED, SetAsideCommand
from ..database import Database
from ..queries import sql


class PostgresPoisonList:
    """`core.conversation.poison.PoisonList` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, command: SetAsideCommand) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("set_aside_add"),
                command.id,
                command.account_id,
                command.type,
                command.target,
                command.digests,
            )

    async def listed(self) -> list[tuple[str, list[bytes]]]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("set_aside_listed"), LISTED_FOR, MAX_LISTED)
        return [(account, digests) for account, digests in rows]
