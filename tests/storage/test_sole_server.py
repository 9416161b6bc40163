"""Only one `tertulia serve` works on a database: another stands by, takes over when the first has ended, and gives way to it when
Postgres was away for both."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from waiting import until

from tertulia.serving.sole_server import LOCK, SoleServer

HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = $1::bigint::oid"
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"


@pytest.fixture
def said() -> list[str]:
    return []


def server(url: str, said: list[str], name: str, *, give_way: float = 0.0) -> SoleServer:
    return SoleServer(url, said.append, name, every=0.01, give_way=give_way)


async def test_the_second_stands_by_until_the_first_ends(postgres_url: str, said: list[str]) -> None:
    first, second = server(postgres_url, said, "first"), server(postgres_url, said, "second")
    await first.wait()
    assert first.sure and said == []
    waiting = asyncio.ensure_future(second.wait())
    await until(lambda: said, "the second to say that it stands by")
    assert "standing by: first serves" in said[0] and not second.sure and not waiting.done()
    await first.close()
    async with asyncio.timeout(30):
        await waiting
    assert second.sure and len(said) == 2
    await second.close()


async def test_the_first_goes_on_after_postgres_was_away(
    postgres_url: str, owner: asyncpg.Connection, said: list[str]
) -> None:
    first, second = server(postgres_url, said, "first"), server(postgres_url, said, "second", give_way=60)
    await first.wait()
    keeping = asyncio.ensure_future(first.until_replaced())
    waiting = asyncio.ensure_future(second.wait())
    await until(lambda: said, "the second to stand by")
    before = await owner.fetchval(HOLDER, LOCK)
    await owner.execute(END, "second")
    await owner.execute(END, "first")

    async def again() -> bool:
        return await owner.fetchval(HOLDER, LOCK) not in (None, before)

    await until(again, "the first to have the lock again")
    assert not keeping.done() and not waiting.done() and first.sure
    for task in (keeping, waiting):
        task.cancel()
    await first.close()
    await second.close()


async def test_one_that_was_replaced_learns_by_whom(
    postgres_url: str, owner: asyncpg.Connection, said: list[str]
) -> None:
    first, second = server(postgres_url, said, "first"), server(postgres_url, said, "second")
    await first.wait()
    await owner.execute(END, "first")
    await second.wait()
    async with asyncio.timeout(30):
        assert await first.until_replaced() == "second"
    await first.close()
    await second.close()


async def test_a_database_that_cannot_be_reached_is_reported(said: list[str]) -> None:
    with pytest.raises(OSError):
        await server("postgresql://nobody@127.0.0.1:9/none", said, "first").wait()
