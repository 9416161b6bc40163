"""Who counts as alive: whoever beats, as seen from here. A blind or sleeping watcher judges nobody."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_memory.processes import MemoryProcesses

from tertulia.actors.cluster.peer_watch import SILENT_AFTER, PeerWatch
from tertulia.core.errors import StorageUnavailable
from tertulia.core.ports.ownership import Process, ProcessState
from tertulia.core.routing.supervision_messages import SHARDS, supervisor_of


class Processes(MemoryProcesses):
    down = False

    async def all(self) -> Sequence[ProcessState]:
        if self.down:
            raise StorageUnavailable("no database")
        return await super().all()


class Watched:
    def __init__(self, count: int) -> None:
        self.now = 100.0
        self.count = count
        self.processes = Processes()
        self.watch = PeerWatch(self.processes, "supervisor", count, clock=lambda: self.now)

    async def begin(self) -> None:
        for n in range(self.count):
            await self.processes.register(
                Process(f"supervisor:{n}", "supervisor", f"i{n}", "n", "127.0.0.1", 1, "1", "s", 0)
            )

    async def look(self, seconds: float, *beating: int) -> frozenset[int]:
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            for n in beating:
                await self.processes.beat(f"supervisor:{n}", f"i{n}")
            await self.watch.look()
        return self.watch.alive


async def test_who_is_silent_is_gone_after_its_time_until_it_beats_again() -> None:
    watched = Watched(2)
    await watched.begin()
    assert await watched.look(5, 0, 1) == {0, 1}
    assert await watched.look(SILENT_AFTER - 0.5, 0) == {0, 1}
    assert await watched.look(0.5, 0) == {0} and watched.watch.numbers == {"i0": 0}
    assert await watched.look(0.5, 0, 1) == {0, 1}


async def test_who_leaves_is_gone_at_once_and_who_never_came_after_a_while() -> None:
    watched = Watched(2)
    assert await watched.look(SILENT_AFTER) == {0, 1}, "they may be starting"
    assert await watched.look(0.5) == set()
    await watched.begin()
    assert await watched.look(1, 0, 1) == {0, 1}
    await watched.processes.remove("supervisor:1", "i1")
    assert await watched.look(0.5, 0) == {0}
    watched.now += 60  # the watcher slept
    assert await watched.look(0.5, 0) == {0}


async def test_a_watcher_that_was_blind_or_asleep_judges_nobody() -> None:
    watched = Watched(2)
    await watched.begin()
    await watched.look(5, 0, 1)
    watched.processes.down = True
    watched.now += 30
    with pytest.raises(StorageUnavailable):
        await watched.watch.look()
    watched.processes.down = False
    assert await watched.look(SILENT_AFTER - 0.5) == {0, 1}
    watched.now += 30
    assert await watched.look(0.5) == {0, 1}


@given(st.integers(1, 8), st.integers(0, SHARDS - 1), st.sets(st.integers(0, 7)))
def test_each_shard_is_that_of_one_who_lives_whatever_the_number(
    count: int, shard: int, alive: set[int]
) -> None:
    number = supervisor_of(shard, count, alive)
    assert number in alive if alive else number < count
    assert not alive or number == supervisor_of(shard, count + 1, alive)
    assert supervisor_of(shard, count, range(count)) == shard % count
