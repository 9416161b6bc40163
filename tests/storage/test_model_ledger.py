"""The ledger of model calls on Postgres: limits hold exactly for calls at once, and accounts do not share them."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg

from tertulia.core.ports.assistance.models import CallResult, Limits, ModelCall
from tertulia.storage.postgres.assistance.ledger import PostgresLedger
from tertulia.storage.postgres.database import Database


def call_of(account_id: str) -> ModelCall:
    return ModelCall(str(uuid.uuid4()), account_id, "reply", "rules")


def ended(tokens: int, cost: float) -> CallResult:
    return CallResult("ok", "big", tokens, 0, 12, 3, cost)


async def test_a_minute_has_so_many_calls_whoever_asks(database: Database, account_id: str) -> None:
    ledger = PostgresLedger(database)
    limits = Limits(calls_per_minute=7)
    answers = await asyncio.gather(*(ledger.begin(call_of(account_id), limits) for _ in range(20)))
    assert sorted(map(str, answers)) == ["None"] * 7 + ["calls"] * 13


async def test_a_days_tokens_and_cost_are_bounded(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    ledger = PostgresLedger(database)
    first = call_of(account_id)
    assert await ledger.begin(first, Limits(None, 100, 1.0)) is None
    await ledger.end(first, ended(99, 0.5))
    await ledger.end(first, ended(99, 0.5))  # counts once
    second = call_of(account_id)
    assert await ledger.begin(second, Limits(None, 100, 1.0)) is None
    await ledger.end(second, ended(1, 0.5))
    assert await ledger.begin(call_of(account_id), Limits(None, 100, None)) == "tokens"
    assert await ledger.begin(call_of(account_id), Limits(None, None, 1.0)) == "cost"
    assert await ledger.begin(call_of(account_id), Limits()) is None
    await owner.execute("UPDATE model_usage SET day = day - 1 WHERE account_id = $1", account_id)
    assert await ledger.begin(call_of(account_id), Limits(None, 100, 1.0)) is None, "another day"


async def test_an_account_sees_its_own_calls_alone(database: Database, account_id: str) -> None:
    ledger = PostgresLedger(database)
    call = call_of(account_id)
    await ledger.begin(call, Limits())
    await ledger.end(call, ended(1, 0.0))
    for account, count in ((account_id, 1), (str(uuid.uuid4()), 0)):
        async with database.account(account) as connection:
            assert await connection.fetchval("SELECT count(*) FROM model_calls") == count
            assert await connection.fetchval("SELECT count(*) FROM model_usage") == count


async def test_calls_whose_process_died_end_as_cancelled(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    ledger = PostgresLedger(database)
    dead, alive = call_of(account_id), call_of(account_id)
    for call in (dead, alive):
        await ledger.begin(call, Limits())
    long_ago = "UPDATE model_calls SET begun_at = now() - interval '11 minutes' WHERE id = $1"
    await owner.execute(long_ago, dead.id)
    await ledger.trim()
    await ledger.trim()
    await ledger.end(alive, ended(5, 0.0))
    rows = await owner.fetch(
        "SELECT outcome, calls::int, tokens_in::int FROM model_usage WHERE account_id = $1", account_id
    )
    assert sorted(map(tuple, rows)) == [("cancelled", 1, 0), ("ok", 1, 5)]


async def test_old_calls_go_and_their_days_stay(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    ledger = PostgresLedger(database)
    call = call_of(account_id)
    await ledger.begin(call, Limits())
    await ledger.end(call, ended(5, 0.0))
    old = "UPDATE model_calls SET begun_at = now() - interval '91 days' WHERE account_id = $1"
    await owner.execute(old, account_id)
    await ledger.trim()
    assert await owner.fetchval("SELECT count(*) FROM model_calls WHERE account_id = $1", account_id) == 0
    assert (
        await owner.fetchval("SELECT sum(tokens_in) FROM model_usage WHERE account_id = $1", account_id) == 5
    )
