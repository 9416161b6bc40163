"""Slots are given out in turn: who waits many times gets no more of them than who waits once."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import pytest

from tertulia.http.streams.fair_slots import FairSlots


class Work:
    """Everybody who wants a slot, and in which order they got one. `finish` ends whoever has held one the longest."""

    def __init__(self, slots: FairSlots) -> None:
        self.slots = slots
        self.order: list[Hashable] = []
        self.held: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def want(self, *users: tuple[str, str]) -> None:
        for account, user in users:
            self.tasks.append(asyncio.ensure_future(self._work(account, (account, user))))
            await asyncio.sleep(0)

    async def _work(self, account: str, user: Hashable) -> None:
        async with self.slots.slot(account, user):
            self.order.append(user)
            done = asyncio.Event()
            self.held.append(done)
            await done.wait()

    async def finish(self) -> None:
        self.held.pop(0).set()
        for _ in range(3):
            await asyncio.sleep(0)

    async def finish_all(self) -> None:
        while self.held:
            await self.finish()
        await asyncio.gather(*self.tasks, return_exceptions=True)


A1, A2, B1, C1 = ("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")


async def test_accounts_take_turns_whoever_asked_first() -> None:
    work = Work(FairSlots(1, per_account=1, per_user=1))
    await work.want(A1, A1, A1, A1, B1, C1)
    await work.finish_all()
    assert work.order == [A1, B1, C1, A1, A1, A1] or work.order == [A1, A1, B1, C1, A1, A1]


async def test_users_of_an_account_take_turns() -> None:
    work = Work(FairSlots(1, per_account=1, per_user=1))
    await work.want(A1, A1, A1, A2)
    await work.finish_all()
    assert work.order.index(A2) <= 2


async def test_no_account_and_no_user_holds_more_than_its_share() -> None:
    work = Work(FairSlots(4, per_account=3, per_user=2))
    await work.want(A1, A1, A1, A1, A2, A2, A2, B1)
    assert sorted(map(str, work.order)) == sorted(map(str, [A1, A1, A2, B1]))
    await work.finish_all()
    assert len(work.order) == 8


async def test_who_gives_up_waiting_blocks_nobody() -> None:
    work = Work(FairSlots(1, per_account=1, per_user=1))
    await work.want(A1, B1, C1)
    work.tasks[1].cancel()
    await asyncio.sleep(0)
    await work.finish()
    assert work.order == [A1, C1]
    await work.finish_all()


async def test_a_slot_given_to_who_is_cancelled_in_the_same_turn_is_given_on() -> None:
    work = Work(FairSlots(1, per_account=1, per_user=1))
    await work.want(A1, B1, C1)
    work.held.pop(0).set()
    await asyncio.sleep(0)  # A's block ends, and B is given the slot
    work.tasks[1].cancel()
    for _ in range(4):
        await asyncio.sleep(0)
    assert work.order[-1] == C1
    await work.finish_all()


async def test_a_failure_gives_the_slot_back() -> None:
    slots = FairSlots(1, per_account=1, per_user=1)
    with pytest.raises(RuntimeError):
        async with slots.slot("a", A1):
            raise RuntimeError
    async with asyncio.timeout(30), slots.slot("a", A1):
        pass
    assert not slots._waiting and not slots._held_by_account and not slots._held_by_user
