"""Recurring work: a failing step is counted and tried again, and only what must not go on ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tertulia.actors.recurring import FIRST_PAUSE, LONGEST_PAUSE, Failures, failed_steps, recur
from tertulia.core.errors import StorageUnavailable, TertuliaError

ERRORS = (
    asyncpg.UndefinedTableError('relation "assistant_runs" does not exist'),
    asyncpg.InterfaceError("connection is closed"),
    StorageUnavailable("the database cannot be reached at the moment"),
    ConnectionResetError(),
    TypeError("a fault of ours"),
)


async def test_a_step_that_fails_is_tried_again() -> None:
    left: Iterator[Exception] = iter(ERRORS[:2])
    before = failed_steps().get("a test", 0)
    done = asyncio.Event()

    async def step() -> None:
        for error in left:
            raise error
        done.set()

    task = asyncio.ensure_future(recur(step, "a test", 3600.0, at_once=True))
    await asyncio.wait_for(done.wait(), 30)
    assert not task.done() and failed_steps()["a test"] == before + 2
    task.cancel()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_pauses_grow_until_a_step_succeeds(error: Exception) -> None:
    failures = Failures("another test")
    pauses = [failures.note(error) for _ in range(6)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE] and pauses[-1] == LONGEST_PAUSE
    failures.end()
    assert failures.note(error) == FIRST_PAUSE


async def test_a_fault_in_memory_ends_its_work() -> None:
    async def step() -> None:
        raise TypeError("a fault of ours")

    with pytest.raises(TypeError):
        await recur(step, "a third test", 3600.0, at_once=True, survives=TertuliaError)


async def test_busy_work_does_not_pause() -> None:
    left = iter([3, 2, 1, 0])
    idle = asyncio.Event()

    async def step() -> int:
        if (waiting := next(left)) == 0:
            idle.set()
        return waiting

    task = asyncio.ensure_future(recur(step, "a fourth test", 3600.0, at_once=True, while_busy=True))
    await asyncio.wait_for(idle.wait(), 30)
    assert not task.done()
    task.cancel()
