"""Hosts share the partitions fairly, no partition has two owners, and no host counts as dead too early."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from fuzzing import searched
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from in_memory.conversations import MemoryOwnership, MemoryStore
from samples import uid
from waiting import until

from tertulia.actors.host.membership import MOVED_AT_ONCE, NOTIFY_WITHIN, MembershipKeeper
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.journal import StaleEpoch
from tertulia.core.ports.ownership import Peer

TAKEOVER = 3.0


class Host:
    """As much of a host as membership sees."""

    def __init__(self) -> None:
        self.owned: set[int] = set()
        self.epochs: dict[int, int] = {}
        self.draining = False
        self.disowning = asyncio.Event()
        self.disowning.set()

    def own(self, epochs: dict[int, int]) -> None:
        self.owned |= epochs.keys()
        self.epochs |= epochs

    async def disown(self, partitions: set[int]) -> None:
        self.owned -= partitions
        await self.disowning.wait()
        for partition in partitions:
            self.epochs.pop(partition, None)


class Cluster:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = 100.0
        self.members: dict[str, Member] = {}
        self.telling = True
        self.asked = 0
        self.answer_after = 0.0

    async def join(self, name: str) -> Member:
        member = Member(self, name)
        self.members[name] = member
        await member.keeper.startup("127.0.0.1", 1)
        return member

    async def beat(self, *members: Member, times: int = 1) -> None:
        for _ in range(times):
            self.now += 0.4
            for member in members:
                await member.keeper.beat()

    def free(self) -> int:
        return sum(p.owner is None for p in self.store.partitions)

    async def notify(self, peer: Peer) -> bool:
        self.asked += 1
        self.now += self.answer_after
        if not self.telling:
            return False
        for member in self.members.values():
            if member.incarnation == peer.incarnation:
                await member.keeper.adopt()
                return True
        return False

    def check(self) -> None:
        """Under its present epoch a partition is at most one host's."""
        holders = [
            p for m in self.members.values() for p, e in m.host.epochs.items() if self.store.partitions[p].epoch == e
        ]  # fmt: skip
        assert len(holders) == len(set(holders))


class Member:
    def __init__(self, cluster: Cluster, name: str) -> None:
        self.host = Host()
        self.ownership = Ownership(cluster.store)
        self.stale = asyncio.Event()
        self.incarnation = uid()
        self.keeper = MembershipKeeper(
            self.ownership,
            self.host,  # type: ignore[arg-type]
            name=name,
            incarnation=self.incarnation,
            node="n",
            takeover_after=TAKEOVER,
            stale=self.stale,
            notify=cluster.notify,
            clock=lambda: cluster.now,
            every=0.001,
        )


class Ownership(MemoryOwnership):
    """With a door before its claims, and one that fails."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self.down = False
        self.failures = 0

    async def claim(self, incarnation: str, alive: Sequence[str], limit: int) -> dict[int, int]:
        claimed = await super().claim(incarnation, alive, limit)
        self.arrived.set()
        await self.open.wait()
        return claimed

    async def beat(self, name: str, incarnation: str, *, owned: int = 0, draining: bool = False):  # type: ignore[no-untyped-def]
        if self.down:
            self.failures += 1
            raise ConnectionError("no database")
        return await super().beat(name, incarnation, owned=owned, draining=draining)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


async def test_the_first_host_takes_everything(cluster: Cluster) -> None:
    one = await cluster.join("a")
    assert len(one.host.owned) == PARTITIONS


@pytest.mark.parametrize("count", [2, 3, 5, 7])
async def test_hosts_share_fairly(cluster: Cluster, count: int) -> None:
    members = [await cluster.join(f"h{n}") for n in range(count)]
    await cluster.beat(*members, times=6)
    shares = sorted(len(m.host.owned) for m in members)
    assert sum(shares) == PARTITIONS and shares[-1] - shares[0] <= count
    cluster.check()
    before = [set(m.host.owned) for m in members]
    await cluster.beat(*members, times=5)
    assert [m.host.owned for m in members] == before, "partitions wander without need"


async def test_planned_moves_leave_no_partition_without_a_host(cluster: Cluster) -> None:
    """Each moves from owner to owner in one step; no claim is needed."""
    one, two = await cluster.join("a"), await cluster.join("b")
    two.ownership.open.clear()  # nobody claims
    await one.keeper.beat()
    assert len(one.host.owned) == len(two.host.owned) == PARTITIONS // 2
    assert all(p.owner is not None for p in cluster.store.partitions)
    assert one.keeper.statistics()["moves_total"] == PARTITIONS // 2
    cluster.check()


async def test_a_partition_that_an_operator_moves_stays_there(cluster: Cluster) -> None:
    one, two, three = [await cluster.join(name) for name in "abc"]
    await cluster.beat(one, two, three, times=6)
    moved = [*sorted(two.host.owned)[:70], *sorted(three.host.owned)[:5]]
    assert await one.ownership.pin(moved, "a") == 75
    two.ownership.arrived.clear(), three.ownership.arrived.clear()
    await cluster.beat(two, three)
    assert set(moved) <= one.host.owned
    assert not (two.ownership.arrived.is_set() or three.ownership.arrived.is_set()), "from owner to owner"
    await cluster.beat(one, two, three, times=6)
    assert set(moved) <= one.host.owned, "the balance takes others"
    assert max(len(m.host.owned) for m in (one, two, three)) <= -(-PARTITIONS // 3)
    cluster.check()
    await one.keeper.leave()
    await cluster.beat(two, three, times=3)
    assert len(two.host.owned) == len(three.host.owned) == PARTITIONS // 2, "a pin ends with its host"


async def test_two_hosts_move_partitions_to_each_other_without_waiting(cluster: Cluster) -> None:
    """Each adopts what it is told of while its own move waits for a command under way."""
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    mine, theirs = min(one.host.owned), min(two.host.owned)
    await one.ownership.pin([mine], "b")
    await one.ownership.pin([theirs], "a")
    two.host.disowning.clear()
    slow = asyncio.create_task(two.keeper.beat())
    await until(lambda: theirs not in two.host.owned, "two to give its partition")
    await one.keeper.beat()
    assert mine in two.host.owned and not slow.done()
    two.host.disowning.set()
    await slow
    assert theirs in one.host.owned and theirs not in two.host.owned
    cluster.check()


async def test_a_host_that_leaves_adopts_nothing(cluster: Cluster) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    await two.keeper.leave()
    await one.ownership.move(one.incarnation, [0], two.incarnation)
    await two.keeper.adopt()
    assert not two.host.owned and cluster.store.partitions[0].owner is None


async def test_a_host_that_does_not_answer_gets_more_with_each_of_its_heartbeats(cluster: Cluster) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    cluster.telling = False
    await cluster.beat(one)
    assert not two.host.owned and len(one.host.owned) == PARTITIONS - MOVED_AT_ONCE
    await cluster.beat(one)
    assert len(one.host.owned) == PARTITIONS - MOVED_AT_ONCE, "it may be dead"
    await cluster.beat(two)
    assert len(two.host.owned) == MOVED_AT_ONCE, "it finds what it was not told of"
    await cluster.beat(one, two, times=PARTITIONS // 2 // MOVED_AT_ONCE)
    assert len(one.host.owned) == len(two.host.owned) == PARTITIONS // 2
    cluster.check()


async def test_a_host_that_dies_during_moves_to_it_is_taken_over_on_time(cluster: Cluster) -> None:
    """Each notification that nobody answers takes time; the dead host must not get all of its share that way."""
    one, _ = await cluster.join("a"), await cluster.join("b")
    cluster.answer_after = NOTIFY_WITHIN
    cluster.telling = False
    died = cluster.now
    while len(one.host.owned) < PARTITIONS or cluster.now == died:
        await cluster.beat(one)
        assert cluster.now - died < TAKEOVER + 2 * NOTIFY_WITHIN
    assert cluster.asked == 1
    cluster.check()


@pytest.mark.parametrize("pinned", [PARTITIONS, 3 * MOVED_AT_ONCE])
async def test_pins_to_a_dead_host_stop_nobody(cluster: Cluster, pinned: int) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    await one.ownership.pin(range(pinned), "b")
    cluster.telling = False
    asked = cluster.asked
    await cluster.beat(one, times=3)
    assert cluster.asked == asked + 1
    await cluster.beat(one, times=8)
    assert len(one.host.owned) == PARTITIONS
    cluster.check()


async def test_who_leaves_while_another_does_not_answer_frees_the_rest(cluster: Cluster) -> None:
    one, two, three = [await cluster.join(name) for name in "abc"]
    await cluster.beat(one, two, three, times=6)
    cluster.telling = False
    await one.keeper.leave()
    assert not one.host.owned
    assert cluster.free() == PARTITIONS - len(two.host.owned) - len(three.host.owned) - 2 * MOVED_AT_ONCE
    await cluster.beat(two, three, times=2)
    assert not cluster.free()
    cluster.check()


async def test_a_silent_host_is_robbed_after_its_time_and_not_before(cluster: Cluster) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    fair = len(one.host.owned)
    for _ in range(int(TAKEOVER / 0.4)):
        await cluster.beat(two)
        assert len(two.host.owned) == PARTITIONS - fair
    await cluster.beat(two, times=2)
    assert len(two.host.owned) == PARTITIONS
    cluster.check()
    beats = cluster.store.hosts["a"].beats
    with pytest.raises(StaleEpoch):  # it wakes, and finds that it has been robbed
        await one.keeper.beat()
    assert cluster.store.hosts["a"].beats == beats, "it must not look alive: others would give it partitions"
    await cluster.beat(two, times=2)
    assert len(two.host.owned) == PARTITIONS


async def test_who_slept_itself_judges_nobody(cluster: Cluster) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    share = set(two.host.owned)
    cluster.now += TAKEOVER * 10  # both slept; the second wakes first
    await two.keeper.beat()
    assert two.host.owned == share
    await one.keeper.beat()
    await cluster.beat(one, two, times=3)
    assert two.host.owned == share


async def test_an_outage_of_the_database_kills_nobody(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    share = set(two.host.owned)
    two.ownership.down = True
    loop = asyncio.create_task(two.keeper.main_loop())
    for _ in range(20):
        cluster.now += TAKEOVER / 10
        await asyncio.sleep(0)
    two.ownership.down = False
    for _ in range(20):
        await asyncio.sleep(0)
    assert two.host.owned == share and not two.stale.is_set()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_a_new_incarnation_ends_the_old_one(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await cluster.join("a")
    new = await cluster.join("a")
    assert len(new.host.owned) == PARTITIONS
    async with asyncio.timeout(30):
        await old.keeper.main_loop()
    assert old.stale.is_set()


async def test_who_leaves_gives_back_at_once(cluster: Cluster) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    await cluster.beat(one, two, times=3)
    one.host.disowning.clear()
    leaving = asyncio.create_task(one.keeper.leave())
    await asyncio.sleep(0)
    await two.keeper.beat()
    assert len(two.host.owned) == PARTITIONS // 2, "not before its work is done"
    one.host.disowning.set()
    await leaving
    assert not one.host.owned
    await one.keeper.beat()  # it draws no more
    await two.keeper.beat()
    assert len(two.host.owned) == PARTITIONS and not one.host.owned
    cluster.check()


async def test_who_waits_for_what_is_under_way_is_not_taken_for_dead(cluster: Cluster) -> None:
    one, two = await cluster.join("a"), await cluster.join("b")
    one.host.disowning.clear()  # a classifier takes its time, say
    giving = asyncio.create_task(one.keeper.beat())
    while len(one.host.owned) == PARTITIONS:
        await asyncio.sleep(0)
    one.ownership.down = True
    await until(lambda: one.ownership.failures > 2, "beats that fail")
    one.ownership.down = False
    for _ in range(10):
        await cluster.beat(two)
        beats = cluster.store.hosts["a"].beats
        async with asyncio.timeout(30):
            while cluster.store.hosts["a"].beats == beats:
                await asyncio.sleep(0)
    assert not two.host.owned and not giving.done()
    one.host.disowning.set()
    await giving
    await cluster.beat(two, one)
    assert len(one.host.owned) == len(two.host.owned) == PARTITIONS // 2
    cluster.check()


async def test_leaving_waits_for_a_claim_under_way(cluster: Cluster) -> None:
    one = Member(cluster, "a")
    cluster.members["a"] = one
    one.ownership.open.clear()
    joining = asyncio.create_task(one.keeper.startup("127.0.0.1", 1))
    await one.ownership.arrived.wait()
    leaving = asyncio.create_task(one.keeper.leave())
    await asyncio.sleep(0)
    one.ownership.open.set()
    await asyncio.gather(joining, leaving)
    assert not one.host.owned and all(p.owner is None for p in cluster.store.partitions)


async def test_who_was_robbed_leaves_in_order_all_the_same(cluster: Cluster) -> None:
    one, two = await cluster.join("one"), await cluster.join("two")
    await cluster.beat(one, two, times=3)
    await cluster.beat(two, times=10)  # one is silent for longer than the takeover time
    await one.keeper.leave()
    assert not one.host.owned and len(two.host.owned) == PARTITIONS
    cluster.check()


class Schedules(RuleBasedStateMachine):
    """Hosts come, go, fall silent and wake in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.cluster = self.runner.run(self._make())

    async def _make(self) -> Cluster:
        return Cluster()

    def teardown(self) -> None:
        self.runner.run(self._converge())
        self.runner.close()

    @rule(name=st.sampled_from("abc"))
    def join(self, name: str) -> None:
        self.runner.run(self.cluster.join(name))

    @rule(names=st.permutations("abc"), seconds=st.sampled_from([0.1, 0.4, 1.0, 4.0]))
    def beats(self, names: list[str], seconds: float) -> None:
        self.cluster.now += seconds
        for name in names[:2]:
            self._beat(name)

    def _beat(self, name: str) -> None:
        member = self.cluster.members.get(name)
        if member is None:
            return
        try:
            self.runner.run(member.keeper.beat())
        except StaleEpoch:
            del self.cluster.members[name]  # as its process does

    @rule(name=st.sampled_from("abc"))
    def leave(self, name: str) -> None:
        member = self.cluster.members.pop(name, None)
        if member is not None:
            self.runner.run(member.keeper.leave())
            assert not member.host.owned

    @rule(name=st.sampled_from("abc"), partitions=st.lists(st.integers(0, 1023), max_size=50))
    def pin(self, name: str, partitions: list[int]) -> None:
        member = self.cluster.members.get(name)
        if member is not None:
            self.runner.run(member.ownership.pin(partitions, name))

    @rule()
    def unpin(self) -> None:
        self.runner.run(MemoryOwnership(self.cluster.store).unpin())

    @invariant()
    def no_partition_is_two_hosts(self) -> None:
        self.cluster.check()

    async def _converge(self) -> None:
        for _ in range(25):
            self.cluster.now += 0.4
            for name, member in list(self.cluster.members.items()):
                try:
                    await member.keeper.beat()
                except StaleEpoch:
                    del self.cluster.members[name]
        members = self.cluster.members.values()
        if members:
            shares = [len(m.host.owned) for m in members]
            assert sum(shares) == PARTITIONS and max(shares) - min(shares) <= len(shares)
            self.cluster.check()
            held = {p: m.incarnation for m in members for p in m.host.owned}
            pins = await MemoryOwnership(self.cluster.store).pins()
            alive = {m.incarnation for m in members}
            assert all(held[p] == to for p, to in pins.items() if to in alive)


Schedules.TestCase.settings = searched(30, steps=20)
TestSchedules = Schedules.TestCase
