"""Expensive reads: bounded by user and account, and one read for everybody who asks the same."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.errors import Overloaded, RateLimited
from tertulia.http.framework.expensive_reads import ExpensiveReads


def someone(account: str, user: str = "u") -> Principal:
    return Principal(account_id=account, role=Role.AGENT, user_id=user, expires_at=2e9)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_user_and_an_account_have_bounds_of_their_own() -> None:
    reads = ExpensiveReads(account=3, user=2)
    async with AsyncExitStack() as under_way:
        for user in ("ana", "ana", "ben"):
            await under_way.enter_async_context(reads.counted(someone("a", user)))
        for user, whose in (("ana", "user"), ("ben", "account"), ("cleo", "account")):
            with pytest.raises(RateLimited, match=f"of one {whose}") as refused:
                await under_way.enter_async_context(reads.counted(someone("a", user)))
            assert refused.value.retry_after
        await under_way.enter_async_context(reads.counted(someone("b", "ana")))  # a namesake
    assert reads.idle
    async with reads.counted(someone("a", "ana")):
        assert not reads.idle


async def test_the_same_question_is_read_once() -> None:
    reads, asked, end = ExpensiveReads(account=10, user=1), list[str](), asyncio.Event()

    async def read() -> str:
        asked.append("read")
        await end.wait()
        return "answer"

    ana, ben = someone("a", "ana"), someone("a", "ben")
    tasks = [asyncio.create_task(reads.shared(p, "stats", read)) for p in (ana, ben, ana, ana)]
    other = asyncio.create_task(reads.shared(someone("b"), "stats", read))
    await settle()
    tasks[0].cancel()  # the first of them goes away
    await settle()
    end.set()
    assert await asyncio.gather(*tasks[1:], other) == ["answer"] * 4
    assert asked == ["read"] * 2, "once for each account"
    assert await reads.shared(ana, "stats", read) == "answer" and len(asked) == 3
    await settle()
    assert reads.idle


async def test_a_fault_reaches_everybody_who_asked() -> None:
    reads = ExpensiveReads(account=1, user=1)

    async def read() -> str:
        await asyncio.sleep(0)
        raise Overloaded("no")

    tasks = [asyncio.create_task(reads.shared(someone("a"), "stats", read)) for _ in range(3)]
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, Overloaded)
    await settle()
    assert reads.idle
