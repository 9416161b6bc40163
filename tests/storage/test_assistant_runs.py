"""Runs of the assistant on Postgres: one process holds a conversation's run, and another takes over what nobody holds."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from tertulia.core.ports.assistance.runs import Claim, DueRun
from tertulia.core.ports.ownership import Process
from tertulia.storage.postgres.assistance.runs import ATTEMPTS, PostgresRuns
from tertulia.storage.postgres.conversations.processes import PostgresProcesses
from tertulia.storage.postgres.database import Database


def fresh() -> str:
    return str(uuid.uuid4())


def processes(database: Database, count: int = 2) -> list[PostgresRuns]:
    return [PostgresRuns(database, fresh()) for _ in range(count)]


async def due_of(runs: PostgresRuns, conversation: str) -> list[DueRun]:
    return [due for due in await runs.due(10_000) if due.conversation_id == conversation]


async def let_expire(owner: asyncpg.Connection, conversation: str) -> None:
    """As if its process had been silent for longer than a claim lasts."""
    query = "UPDATE assistant_runs SET claimed_until = now() - interval '1 second' WHERE conversation_id = $1"
    assert await owner.execute(query, conversation) == "UPDATE 1"


async def test_one_process_holds_a_run(database: Database, account_id: str) -> None:
    conversation, many = fresh(), processes(database, 8)
    await many[0].want(account_id, conversation, 3)
    claims = await asyncio.gather(*(runs.claim(account_id, conversation) for runs in many))
    assert sorted(map(str, claims)) == sorted([str(Claim(3, False))] + ["None"] * 7)
    holder = many[next(n for n, claim in enumerate(claims) if claim)]
    await many[0].want(account_id, conversation, 5)  # written meanwhile
    assert await holder.finish(account_id, conversation, 3), "a newer message waits"
    assert await many[1].claim(account_id, conversation) == Claim(5, False)
    assert not await many[1].finish(account_id, conversation, 5)
    assert await many[0].claim(account_id, conversation) is None, "every message is answered"


async def test_a_run_whose_process_is_silent_is_anothers(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    conversation, (first, second) = fresh(), processes(database)
    await first.want(account_id, conversation, 1)
    await first.claim(account_id, conversation)
    assert await due_of(second, conversation) == []
    await let_expire(owner, conversation)
    await first.keep([])  # a run that ended without its end: its process renews it no more
    assert await due_of(second, conversation) == [DueRun(account_id, conversation, False)]
    assert await second.claim(account_id, conversation) == Claim(1, True)
    assert not await first.finish(account_id, conversation, 1), "it holds it no more"
    assert await second.keep([conversation]) == []
    await second.release()
    assert await due_of(first, conversation) == [DueRun(account_id, conversation, False)], "at once"


@pytest.mark.parametrize("beats", [False, True])
async def test_a_claim_ends_early_when_its_process_is_silent_too(
    database: Database, owner: asyncpg.Connection, account_id: str, beats: bool
) -> None:
    """A killed process neither renews its claims nor beats. One that beats keeps what it claimed, though Postgres was slow for it."""
    conversation, incarnation, name = fresh(), fresh(), f"gateway-{fresh()}"
    await PostgresProcesses(database).register(
        Process(name, "gateway", incarnation, "node", "127.0.0.1", 1, "1", "1", 0)
    )
    holder, other = PostgresRuns(database, incarnation), PostgresRuns(database, fresh())
    await holder.want(account_id, conversation, 1)
    await holder.claim(account_id, conversation)
    query = (
        "UPDATE assistant_runs SET claimed_until = claimed_until - interval '5 s' WHERE conversation_id = $1"
    )
    assert await owner.execute(query, conversation) == "UPDATE 1"
    if not beats:
        await PostgresProcesses(database).register(
            Process(name, "gateway", fresh(), "node", "127.0.0.1", 2, "1", "1", 0)
        )
    assert await due_of(other, conversation) == []
    found = await due_of(other, conversation)
    assert found == ([] if beats else [DueRun(account_id, conversation, False)])
    await PostgresProcesses(database).remove(name, incarnation)


async def test_a_run_that_ends_its_processes_is_given_up(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    conversation, (runs, other) = fresh(), processes(database)
    await runs.want(account_id, conversation, 1)
    for _ in range(ATTEMPTS):
        assert await runs.claim(account_id, conversation) is not None
        await let_expire(owner, conversation)
    assert await due_of(other, conversation) == [DueRun(account_id, conversation, True)]
    assert await due_of(other, conversation) == [] and await runs.claim(account_id, conversation) is None


async def test_a_run_is_cancelled_wherever_it_is(database: Database, account_id: str) -> None:
    conversation, (holder, other) = fresh(), processes(database)
    await holder.want(account_id, conversation, 1)
    assert not await other.cancel(account_id, conversation), "none is under way"
    await holder.claim(account_id, conversation)
    assert not await other.cancel(fresh(), conversation), "another account's"
    assert await holder.keep([conversation]) == []
    assert await other.cancel(account_id, conversation)
    assert await holder.keep([conversation]) == [conversation]
    await holder.finish(account_id, conversation, 1)
    assert not await other.cancel(account_id, conversation)
