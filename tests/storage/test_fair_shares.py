"""Accounts take turns at the database, however many reads one of them has under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tertulia.core.errors import Overloaded
from tertulia.storage.postgres.fair_shares import FairShares


class Reads:
    """Reads that end when told to; `running` and `order` tell who came when."""

    def __init__(self, shares: FairShares) -> None:
        self.shares = shares
        self.order: list[str] = []
        self.running: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, *names: str) -> None:
        """One more read for each; the account is the name's first letter. Each comes as far as it does."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._run(name))
            await settle()

    async def _run(self, name: str) -> None:
        async with self.shares.turn(name[0]):
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


@asynccontextmanager
async def reads(slots: int, wait: float = 60) -> AsyncIterator[Reads]:
    made = Reads(FairShares(slots, wait=wait))
    yield made
    for task in made.tasks.values():
        task.cancel()
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)
    assert made.shares.idle and made.shares._free == slots, "a slot was lost"


async def test_accounts_take_turns() -> None:
    async with reads(1) as r:
        await r.start("a1", "a2", "a3", "a4", "b1", "c1")
        for _ in range(6):
            (running,) = r.running
            await r.end(running)
        assert r.order == ["a1", "a2", "b1", "c1", "a3", "a4"]


@pytest.mark.parametrize(("slots", "most"), [(1, 1), (2, 1), (4, 3), (8, 6)])
async def test_one_account_never_has_all_of_several(slots: int, most: int) -> None:
    async with reads(slots) as r:
        await r.start(*(f"a{n}" for n in range(slots + 2)))
        assert list(r.running) == [f"a{n}" for n in range(most)]
        if slots > 1:
            await r.start("b1")
            assert "b1" in r.running
        await r.end("a0")
        assert f"a{most}" in r.running


async def test_waiting_too_long_is_refused_and_leaves_the_queue() -> None:
    async with reads(1, wait=0.01) as r:
        await r.start("a1", "b1")
        with pytest.raises(Overloaded) as refused:
            await r.tasks["b1"]
        assert refused.value.retry_after
        await r.end("a1")
        await r.start("b2")
        assert set(r.running) == {"b2"}


async def test_a_cancelled_waiter_gives_up_its_place_and_slot() -> None:
    async with reads(1) as r:
        await r.start("a1", "a2", "a3")
        r.tasks["a2"].cancel()
        await settle()
        r.tasks["a1"].cancel()
        await settle()
        assert set(r.running) == {"a3"}


async def test_a_waiter_cancelled_with_its_turn_passes_it_on() -> None:
    async with reads(1) as r:
        await r.start("a1", "a2", "a3")
        r.running["a1"].set()
        await asyncio.sleep(0)  # a1 has ended, and a2 has not run since
        r.tasks["a2"].cancel()
        await settle()
        assert set(r.running) == {"a3"}


async def test_a_cancelled_waiter_is_skipped() -> None:
    async with reads(1) as r:
        await r.start("a1", "a2", "a3")
        r.tasks["a2"].cancel()
        r.running["a1"].set()  # both before anybody runs
        await settle()
        assert set(r.running) == {"a3"}
