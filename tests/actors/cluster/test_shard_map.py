"""The number of supervisors changes, process by process: those of both numbers agree on whom to ask, and nobody takes a shard from one
who lives. At the end each has its own."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from in_memory.processes import MemoryProcesses

from tertulia.actors.cluster.peer_watch import PeerWatch
from tertulia.actors.cluster.shard_map import ShardMap
from tertulia.actors.cluster.shard_takeover import ShardTakeover
from tertulia.core.ports.ownership import Process
from tertulia.core.routing.supervision_messages import SHARDS, shards_of


class Cluster:
    """Supervisors over one registry of processes and one table of shards, and a gateway for each number."""

    def __init__(self, *counts: int) -> None:
        self.now = 0.0
        self.processes = MemoryProcesses()
        self.held: dict[int, str] = {}
        self.supervisors: dict[int, tuple[str, ShardTakeover]] = {}
        self.gateways = [self._map(count) for count in counts]

    def _map(self, count: int) -> ShardMap:
        async def holders() -> dict[int, str]:
            return dict(self.held)

        return ShardMap(
            PeerWatch(self.processes, "supervisor", count, clock=lambda: self.now), holders, count=count
        )

    async def start(self, number: int, count: int) -> None:
        name, incarnation = f"supervisor:{number}", f"{number} of {count}"
        await self.processes.register(
            Process(name, "supervisor", incarnation, "n", "127.0.0.1", 1, "1", "s", 0)
        )
        self.held |= dict.fromkeys(shards_of(number, count), incarnation)

        async def take(shards: Sequence[int]) -> None:
            robbed = {self.held[shard] for shard in shards} & {i for i, _ in self.supervisors.values()}
            assert not robbed, f"{incarnation} takes from {robbed}, who live"
            self.held |= dict.fromkeys(shards, incarnation)

        self.supervisors[number] = incarnation, ShardTakeover(self._map(count), take, number=number)

    async def leave(self, number: int) -> None:
        incarnation, _ = self.supervisors.pop(number)
        await self.processes.remove(f"supervisor:{number}", incarnation)

    async def pass_time(self, steps: int) -> None:
        for _ in range(steps):
            self.now += 0.5
            for number, (incarnation, takeover) in self.supervisors.items():
                await self.processes.beat(f"supervisor:{number}", incarnation)
                await takeover.step()
        asked = []
        for gateway in self.gateways:
            await gateway.look()
            asked.append([self.supervisors[gateway.supervisor_of(shard)][0] for shard in range(SHARDS)])
        assert all(one == [self.held[shard] for shard in range(SHARDS)] for one in asked)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
async def test_old_and_new_processes_agree_while_the_number_changes(
    before: int, after: int, data: st.DataObject
) -> None:
    cluster = Cluster(before, after)
    for number in range(before):
        await cluster.start(number, before)
    await cluster.pass_time(2)
    for number in range(before, after):
        await cluster.start(number, after)
        await cluster.pass_time(1)
    for number in range(after, before):
        await cluster.leave(number)
        await cluster.pass_time(2)
    for number in data.draw(st.permutations(range(min(before, after)))):
        await cluster.leave(number)
        if len(cluster.supervisors):
            await cluster.pass_time(data.draw(st.integers(1, 9)))
        await cluster.start(number, after)
        await cluster.pass_time(data.draw(st.integers(1, 9)))
    assert cluster.held == {shard: f"{shard % after} of {after}" for shard in range(SHARDS)}
