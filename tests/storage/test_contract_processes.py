"""The server's processes: heartbeats, successors and drained nodes, in memory and on Postgres."""

from __future__ import annotations

import uuid

import pytest
from backends import Backend

from tertulia.core.ports.journal import StaleEpoch
from tertulia.core.ports.ownership import Process


def process(name: str = "host:0", node: str = "n1") -> Process:
    return Process(name, "host", str(uuid.uuid4()), node, "10.0.0.1", 7, "0.1.0", "digest", 9464)


async def test_a_process_beats(backend: Backend) -> None:
    one = process()
    with pytest.raises(StaleEpoch):
        await backend.processes.beat(one.name, one.incarnation)
    await backend.processes.register(one)
    assert await backend.processes.beat(one.name, one.incarnation) is False
    (first,) = await backend.processes.all()
    await backend.processes.beat(one.name, one.incarnation, draining=True)
    (second,) = await backend.processes.all()
    assert second.beats == first.beats + 1 and (first.draining, second.draining) == (False, True)
    assert (second.node, second.address, second.settings, second.pid) == ("n1", "10.0.0.1", "digest", 7)
    assert 0 <= second.silent < 60


async def test_a_successor_ends_its_predecessor_and_goes_on_counting(backend: Backend) -> None:
    old, new = process(), process()
    await backend.processes.register(old)
    await backend.processes.beat(old.name, old.incarnation)
    (before,) = await backend.processes.all()
    await backend.processes.register(new)
    with pytest.raises(StaleEpoch):
        await backend.processes.beat(old.name, old.incarnation)
    await backend.processes.remove(old.name, old.incarnation)  # not its own any more
    (after,) = await backend.processes.all()
    assert after.incarnation == new.incarnation and after.beats > before.beats
    await backend.processes.remove(new.name, new.incarnation)
    assert not await backend.processes.all()


async def test_processes_of_a_drained_node_learn_it_from_their_beats(backend: Backend) -> None:
    here, there = process("host:0", "n1"), process("host:1", "n2")
    for one in (here, there):
        await backend.processes.register(one)
    await backend.processes.drain_node("n1", True)
    await backend.processes.drain_node("n1", True)
    assert await backend.processes.drained_nodes() == {"n1"}
    assert await backend.processes.beat("host:0", here.incarnation) is True
    assert await backend.processes.beat("host:1", there.incarnation) is False
    await backend.processes.drain_node("n1", False)
    assert await backend.processes.beat("host:0", here.incarnation) is False
