"""Suggestions on Postgres. Reading those of a conversation marks as stale those that are older than a person's newest message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ....core.assistance.analysis import MessageAnalysis
from ....core.assistance.suggestions import Source, Status, Suggestion, Wishes
from ....core.times import rfc3339
from ....core.views.suggestions import ModelFigures, SuggestionStats, UsageRow
from ..database import Database
from ..queries import sql
from ..rows import json_text

_COLUMNS = sql("suggestion_columns")


class PostgresSuggestions:
    """`core.ports.assistance.suggestions.SuggestionStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, suggestion: Suggestion) -> bool:
        s = suggestion
        failed_provider, failed_reason = s.failed or (None, None)
        # As the system, since the application's role must not lock conversations. Every statement names the account or its conversation.
        async with self._database.system() as connection, connection.transaction():
            await connection.execute(sql("suggestion_lock"), s.conversation_id)
            if not await connection.fetchval(sql("suggestion_conversation"), s.conversation_id, s.account_id):
                return False
            await connection.execute(sql("suggestion_replace"), s.conversation_id)
            await connection.execute(
                sql("suggestion_add"), s.id, s.account_id, s.conversation_id, s.message_id, s.seen,
                s.subject, s.body, s.confidence, json_text(s.analysis), s.provider, s.model, failed_provider,
                failed_reason, json_text(s.wishes), json_text(s.sources), s.requested_by, s.created_at / 1000,
            )  # fmt: skip
        return True

    async def of(self, account_id: str, conversation_id: str, limit: int) -> list[Suggestion]:
        async with self._database.account(account_id) as connection:
            await connection.execute(sql("suggestion_overtaken"), conversation_id)
            rows = await connection.fetch(sql("suggestions_of", columns=_COLUMNS), conversation_id, limit)
        return [suggestion_from_row(row) for row in rows]

    async def get(self, account_id: str, conversation_id: str, suggestion_id: str) -> Suggestion | None:
        async with self._database.account(account_id) as connection:
            await connection.execute(sql("suggestion_overtaken"), conversation_id)
            row = await connection.fetchrow(
                sql("suggestion_get", columns=_COLUMNS), suggestion_id, conversation_id
            )
        return None if row is None else suggestion_from_row(row)

    async def shown(self, account_id: str, ids: Sequence[str]) -> None:
        if ids:
            async with self._database.account(account_id) as connection:
                await connection.execute(sql("suggestions_shown"), list(ids))

    async def move(
        self,
        account_id: str,
        suggestion_id: str,
        from_: Sequence[Status],
        to: Status,
        *,
        by: str | None = None,
        reason: str | None = None,
        edit_distance: float | None = None,
        sent_message_id: str | None = None,
    ) -> Suggestion | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(
                sql("suggestion_move", columns=_COLUMNS), suggestion_id, list(from_), to, by, reason,
                edit_distance, sent_message_id,
            )  # fmt: skip
        return None if row is None else suggestion_from_row(row)

    async def reopen(self, account_id: str, conversation_id: str, suggestion_id: str) -> None:
        async with self._database.account(account_id) as connection, connection.transaction():
            await connection.execute(sql("suggestion_lock"), conversation_id)
            await connection.execute(sql("suggestion_reopen"), suggestion_id, conversation_id)

    async def stats(self, account_id: str, since_ms: int) -> SuggestionStats:
        since = rfc3339(since_ms)
        async with self._database.expensive(account_id) as connection:
            models = await connection.fetch(sql("suggestion_stats"), account_id, since_ms / 1000)
            usage = await connection.fetch(sql("model_usage_of"), account_id, since_ms / 1000)
        figures = [ModelFigures(*map(_rounded, row)) for row in models]
        return SuggestionStats(since, figures, [UsageRow(*map(_rounded, row)) for row in usage])


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def suggestion_from_row(row: Sequence[Any]) -> Suggestion:
    """A row of the query `suggestion_columns`."""
    (
        id, account, conversation, message, seen, status, subject, body, confidence, analysis, provider, model,
        failed, why, wishes, sources, *rest,
    ) = row  # fmt: skip
    return Suggestion(
        id, account, conversation, message, seen, status, subject, body, round(confidence, 3),
        msgspec.json.decode(analysis, type=MessageAnalysis), provider, model, None if failed is None else (failed, why),
        msgspec.json.decode(wishes, type=Wishes), msgspec.json.decode(sources, type=tuple[Source, ...]), *rest,
    )  # fmt: skip
