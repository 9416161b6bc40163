"""The ledger of model calls on Postgres."""

from __future__ import annotations

from ....core.ports.assistance.models import CallResult, Limit, Limits, ModelCall
from ..database import Database
from ..queries import sql

KEPT_DAYS = 90.0
"""Days for which single calls are kept; each day's usage is kept for good."""
LONGEST = 600.0
"""Seconds after which a call is not under way any more, whatever `TERTULIA_MODEL_TIMEOUT` is (300 at most): its process has ended."""


class PostgresLedger:
    """`core.ports.assistance.models.Ledger` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, call: ModelCall, limits: Limits) -> Limit | None:
        bounds = limits.calls_per_minute, limits.daily_tokens, limits.daily_cost
        async with self._database.system() as connection, connection.transaction():
            if any(bound is not None for bound in bounds):
                await connection.execute(sql("model_call_lock"), call.account_id)
                reached = await connection.fetchval(sql("model_call_limit"), call.account_id, *bounds)
                if reached is not None:
                    return reached
            await connection.execute(
                sql("model_call_begin"),
                call.id,
                call.account_id,
                call.conversation_id,
                call.purpose,
                call.provider,
            )
        return None

    async def end(self, call: ModelCall, ended: CallResult) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("model_call_end"), call.id, ended.outcome, ended.model[:200], ended.tokens_in,
                ended.tokens_out, ended.cost, ended.ms, ended.first_ms,
            )  # fmt: skip

    async def trim(self) -> int:
        """End the calls whose process ended before them, and delete those older than KEPT_DAYS; returns how many were deleted."""
        async with self._database.system() as connection:
            await connection.execute(sql("model_calls_abandoned"), LONGEST)
            return await connection.fetchval(sql("model_calls_trim"), KEPT_DAYS)
