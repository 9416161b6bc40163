"""The reply desk's lists and counts, on Postgres. Bound to the caller's account by row-level security."""

from __future__ import annotations

import msgspec

from ....core.ports.assistance.reply_desk import DeskFigures, DeskFilter, DeskRow
from ....core.views.search_terms import searches
from ..database import Database
from ..queries import sql
from ..rows import conversation_from_row

_FILTER = sql("desk_filter")


class PostgresReplyDesk:
    """`core.ports.assistance.reply_desk.ReplyDeskStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, account_id: str, wanted: DeskFilter) -> tuple[int, list[DeskRow]]:
        filters = account_id, wanted.archived, wanted.contact_id, _searches(wanted.search)
        async with self._database.expensive(account_id) as connection:
            total = await connection.fetchval(sql("desk_count", filter=_FILTER), *filters)
            rows = await connection.fetch(
                sql("desk_page", filter=_FILTER, columns=sql("conversation_columns")),
                *filters,
                wanted.by_creation,
                wanted.ascending,
                wanted.limit,
                wanted.offset,
            )
        return total, [DeskRow(conversation_from_row(row[2:]), row[0], row[1]) for row in rows]

    async def figures(self, account_id: str) -> DeskFigures:
        async with self._database.expensive(account_id) as connection:
            row = await connection.fetchrow(sql("desk_figures"), account_id)
        assert row is not None
        return DeskFigures(*row)

    async def give_up(self, account_id: str, message_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            return bool(await connection.fetchval(sql("delivery_give_up"), message_id))


def _searches(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    return msgspec.json.encode({"searches": msgspec.to_builtins(searches(text))}).decode()
