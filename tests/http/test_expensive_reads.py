"""Expensive reads: bounded by user and account, in turns between accounts, and one read for everybody who asks the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tertulia.core.errors import Overloaded, RateLimited
from tertulia.core.principal import Principal, Role
from tertulia.http.expensive_reads import ExpensiveReads


def someone(account: str, user: str = "u") -> Principal:
    return Principal(account_id=account, role=Role.AGENT, user_id=user, expires_at=2e9)


class Reads:
    """Reads that end when told to; `running` and `order` tell who came when."""

    def __init__(self, reads: ExpensiveReads) -> None:
        self.reads = reads
        self.order: list[str] = []
        self.running: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str, principal: Principal) -> asyncio.Task[None]:
        """Ask for one more, and let it come as far as it does."""
        task = self.tasks[name] = asyncio.create_task(self._run(name, principal))
        await settle()
        return task

    async def _run(self, name: str, principal: Principal) -> None:
        async with self.reads.admitted(principal):
            self.order.append(name)
            end = self.running[name] = asyncio.Event()
            try:
                await end.wait()
            finally:
                del self.running[name]

    async def end(self, name: str) -> None:
        self.running[name].set()
        await self.tasks[name]
        await settle()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


Make = Callable[..., Awaitable[Reads]]


@asynccontextmanager
async def reads(**bounds: float) -> AsyncIterator[Reads]:
    made = Reads(ExpensiveReads(**({"slots": 1, "account": 10, "user": 10} | bounds)))  # type: ignore[arg-type]
    yield made
    for task in made.tasks.values():
        task.cancel()
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)
    # whatever happened: nothing is counted and nobody has a slot
    assert not made.reads._accounts and not made.reads._users and not made.reads._running
    assert not made.reads._queues and made.reads._free == bounds.get("slots", 1)


async def test_accounts_take_turns_however_many_one_of_them_asks_for() -> None:
    async with reads() as r:
        for name in ("a1", "a2", "a3", "a4"):
            await r.start(name, someone("a"))
        await r.start("b1", someone("b"))
        await r.start("c1", someone("c"))
        for _ in range(6):
            (running,) = r.running
            await r.end(running)
        assert r.order == ["a1", "a2", "b1", "c1", "a3", "a4"]


async def test_one_account_has_half_of_the_slots_at_most() -> None:
    async with reads(slots=4) as r:
        for name in ("a1", "a2", "a3"):
            await r.start(name, someone("a"))
        assert set(r.running) == {"a1", "a2"}
        await r.start("b1", someone("b"))
        assert set(r.running) == {"a1", "a2", "b1"}
        await r.end("a1")
        assert set(r.running) == {"a2", "a3", "b1"}


async def test_a_user_and_an_account_have_bounds_of_their_own() -> None:
    async with reads(account=3, user=2) as r:
        for name in ("1", "2"):
            await r.start(name, someone("a", "ana"))
        for refused in (await r.start("3", someone("a", "ana")), await _third(r)):
            error = refused.exception()
            assert isinstance(error, RateLimited) and error.retry_after
        await r.start("other account's namesake", someone("b", "ana"))
        assert not r.tasks["other account's namesake"].done()
        await r.end("1")
        await r.start("again", someone("a", "ana"))
        assert not r.tasks["again"].done()


async def _third(r: Reads) -> asyncio.Task[None]:
    await r.start("ben's", someone("a", "ben"))
    return await r.start("ben's second", someone("a", "ben"))


async def test_who_waits_too_long_is_told_so_and_leaves_the_queue() -> None:
    async with reads(wait=0.01) as r:
        await r.start("1", someone("a"))
        waiting = await r.start("2", someone("b"))
        with pytest.raises(Overloaded) as refused:
            await waiting
        assert refused.value.retry_after
        await r.end("1")
        await r.start("3", someone("b"))
        assert "3" in r.running


async def test_who_goes_away_gives_place_and_slot_back() -> None:
    async with reads() as r:
        first = await r.start("1", someone("a"))
        second = await r.start("2", someone("a"))
        await r.start("3", someone("a"))
        second.cancel()
        await settle()
        first.cancel()
        await settle()
        assert set(r.running) == {"3"}


async def test_the_same_question_is_read_once() -> None:
    async with reads(user=1) as r:
        asked: list[str] = []
        end = asyncio.Event()

        async def read() -> str:
            asked.append("read")
            await end.wait()
            return "answer"

        ana, ben = someone("a", "ana"), someone("a", "ben")
        tasks = [asyncio.create_task(r.reads.shared(p, "stats", read)) for p in (ana, ben, ana, ana)]
        other = asyncio.create_task(r.reads.shared(someone("b"), "stats", read))
        await settle()
        tasks[0].cancel()  # the first of them goes away
        await settle()
        end.set()
        assert await asyncio.gather(*tasks[1:], other) == ["answer"] * 4
        assert asked == ["read"] * 2, "once for each account"
        assert await r.reads.shared(ana, "stats", read) == "answer" and len(asked) == 3


async def test_a_fault_reaches_everybody_who_asked() -> None:
    async with reads() as r:

        async def read() -> str:
            await asyncio.sleep(0)
            raise Overloaded("no")

        tasks = [asyncio.create_task(r.reads.shared(someone("a"), "stats", read)) for _ in range(3)]
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, Overloaded)
