"""A gateway's router, in process: a command finds its host, again and again if need be, and is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from in_memory.conversations import MemoryOwnership, MemoryStore
from samples import ACCOUNT, CHANNEL, listening, received, to_conversation, to_thread, uid
from waiting import until

from tertulia.actors.transport.entry_publisher import FeedPublisher
from tertulia.actors.transport.router import Router, RouterIntervals
from tertulia.core.conversation.commands import Done, Envelope, Moved, Outcome, Refused, ThreadKey
from tertulia.core.conversation.entries import Actor, Entry, HandoffRequested
from tertulia.core.errors import Conflict, Internal, NotFound, Overloaded
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.ownership import HostAddress, PartitionMap

OnOutcome = Callable[[Envelope, Outcome | None], None]


class Link:
    """A link that keeps what it is sent until the test answers."""

    def __init__(self, name: str, incarnation: str, settle: OnOutcome) -> None:
        self.name, self.incarnation, self.settle = name, incarnation, settle
        self.sent: list[Envelope] = []
        self.closed = False

    def send(self, envelope: Envelope) -> None:
        self.sent.append(envelope)

    def answer(self, outcome: Outcome | None) -> Envelope:
        envelope = self.sent.pop(0)
        self.settle(envelope, outcome)
        return envelope

    def close(self) -> None:
        self.closed = True
        for envelope in self.sent:
            self.settle(envelope, None)
        self.sent = []


class Net:
    """A router over made-up hosts."""

    def __init__(self, *, deadline: float = 5.0, max_waiting: int = 100) -> None:
        self.ownership = MemoryOwnership(MemoryStore())
        self.links: list[Link] = []
        self.changes = 0
        self.router = Router(
            self.ownership,
            self._link,  # type: ignore[arg-type]
            deadline=deadline,
            max_waiting=max_waiting,
            on_hosts_changed=self._changed,
            intervals=RouterIntervals(refresh=0, poll=0.01),
        )

    def _link(self, name: str, at: HostAddress, settle: OnOutcome) -> Link:
        self.links.append(Link(name, at.incarnation, settle))
        return self.links[-1]

    def _changed(self) -> None:
        self.changes += 1

    async def host(self, name: str, count: int = PARTITIONS) -> str:
        incarnation = uid()
        await self.ownership.register(name, "n", listening(incarnation))
        await self.ownership.claim(incarnation, [incarnation], count)
        return incarnation


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    net = Net()
    loop = asyncio.create_task(net.router.main_loop())
    yield net
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_a_command_goes_to_the_owner_of_its_partition(net: Net) -> None:
    await net.host("a")
    second = await net.host("b", 0)
    moved = await net.ownership.claim(second, [second], 0)
    assert moved == {}
    for partition in range(0, PARTITIONS, 2):
        net.ownership._change(partition, second)
    await net.router.startup()
    assert net.router.partitions_without_host == 0
    by_name = {link.name: link for link in net.links}
    for partition in range(40):
        envelope = to_thread(received(), ThreadKey(ACCOUNT, CHANNEL, f"+{partition}"))
        asking = asyncio.create_task(net.router.ask(envelope))
        await asyncio.sleep(0)
        link = by_name["a" if envelope.partition % 2 else "b"]
        assert link.answer(Done()) == envelope
        assert await asking == Done()
    assert net.router.waiting == 0


@pytest.mark.parametrize("code, cls", [("conflict", Conflict), ("not_found", NotFound), ("newer", Internal)])
async def test_a_refusal_is_raised_as_what_it_is(net: Net, code: str, cls: type[Exception]) -> None:
    await net.host("a")
    await net.router.startup()
    asking = asyncio.create_task(net.router.ask(to_thread(received())))
    await asyncio.sleep(0)
    net.links[0].answer(Refused(code, "detail", {"a": 1}, (("b", "c"),), 2.5))
    with pytest.raises(cls) as refused:
        await asking
    error = refused.value
    assert isinstance(error, Conflict | NotFound | Internal)
    assert (error.detail, error.current, error.errors, error.retry_after) == (
        "detail", {"a": 1}, (("b", "c"),), 2.5,
    )  # fmt: skip


async def test_without_a_host_a_command_waits(net: Net) -> None:
    await net.router.startup()
    assert net.router.partitions_without_host == PARTITIONS
    asking = asyncio.create_task(net.router.ask(to_thread(received())))
    await asyncio.sleep(0)
    assert not net.links and not asking.done()
    await net.host("a")
    await until(lambda: net.links and net.links[0].sent)
    net.links[0].answer(Done())
    assert await asking == Done()


async def test_moved_goes_again_and_unknown_says_so(net: Net) -> None:
    await net.host("a")
    await net.router.startup()
    asking = asyncio.create_task(net.router.ask(to_thread(received())))
    await asyncio.sleep(0)
    link = net.links[0]
    for outcome, attempt in ((Moved(), 0), (Moved(), 0), (None, 1), (None, 2), (Moved(), 2)):
        link.answer(outcome)
        await until(lambda: link.sent)
        assert link.sent[0].attempt == attempt
    link.answer(Done(repeated=True))
    assert await asking == Done(repeated=True)
    assert net.router.waiting == 0


async def test_a_new_incarnation_gets_a_new_link(net: Net) -> None:
    await net.host("a")
    await net.router.startup()
    asking = asyncio.create_task(net.router.ask(to_thread(received())))
    await asyncio.sleep(0)
    await net.host("a")
    await until(lambda: len(net.links) == 2 and net.links[1].sent)
    assert net.links[0].closed and net.changes == 2
    assert net.links[1].sent[0].attempt == 1  # it was under way: perhaps it happened
    net.links[1].answer(Done())
    await asking
    net.links[0].settle(to_thread(received()), Done())  # too late, from beyond the grave
    incarnation = net.links[1].incarnation
    await net.ownership.release(incarnation, range(PARTITIONS))
    await until(lambda: net.links[1].closed)
    assert not net.router.links


async def test_a_deadline_ends_the_waiting() -> None:
    net = Net(deadline=0.02)
    loop = asyncio.create_task(net.router.main_loop())
    with pytest.raises(Overloaded) as refused:
        async with asyncio.timeout(30):
            await net.router.ask(to_thread(received()))
    assert refused.value.retry_after and net.router.waiting == 0
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_beyond_the_bound_commands_are_refused_at_once() -> None:
    net = Net(max_waiting=2)
    await net.host("a")
    await net.router.startup()
    asking = [asyncio.create_task(net.router.ask(to_thread(received()))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await net.router.ask(to_thread(received()))
    asking[0].cancel()
    await asyncio.gather(asking[0], return_exceptions=True)
    third = asyncio.create_task(net.router.ask(to_thread(received())))
    await asyncio.sleep(0)
    for _ in range(3):
        net.links[0].answer(Done())
    assert [await asking[1], await third] == [Done(), Done()] and net.router.waiting == 0


async def test_a_command_to_no_partition_is_not_waited_for(net: Net) -> None:
    await net.host("a")
    await net.router.startup()
    with pytest.raises(ValueError):
        await net.router.ask(to_conversation(received(), "nonsense"))
    with pytest.raises(ValueError):
        net.router.send(to_conversation(received(), "nonsense"), lambda outcome: None)
    assert net.router.waiting == 0


async def test_an_older_map_does_not_undo_a_newer_one() -> None:
    net = Net()
    await net.host("a")
    slow = asyncio.Event()
    read_map = net.ownership.read_map

    async def read_slowly() -> PartitionMap:
        current = await read_map()
        await slow.wait()
        return current

    net.ownership.read_map = read_slowly  # type: ignore[method-assign]
    first = asyncio.create_task(net.router.refresh())
    await asyncio.sleep(0)
    newest = await net.host("a")
    net.ownership.read_map = read_map  # type: ignore[method-assign]
    second = asyncio.create_task(net.router.refresh())
    await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(first, second)
    assert net.router.links["a"].incarnation == newest and not net.links[-1].closed


async def test_a_later_command_does_not_overtake_one_that_waits_for_the_map(net: Net) -> None:
    """While a partition moves, another reader may refresh the map before the waiting commands are sent again."""
    await net.host("a")
    await net.router.startup()
    (old,) = net.links
    slow = asyncio.Event()
    refresh = net.router.quarantine.refresh

    async def refresh_slowly() -> None:
        await slow.wait()
        await refresh()

    net.router.quarantine.refresh = refresh_slowly  # type: ignore[method-assign]
    first, second = to_thread(received("1")), to_thread(received("2"))
    asked = [asyncio.create_task(net.router.ask(first))]
    await asyncio.sleep(0)
    await net.host("b")
    for partition in range(PARTITIONS):
        net.ownership._change(partition, net.ownership._store.hosts["b"].at.incarnation)
    old.answer(Moved())
    while len(net.links) < 2:  # the map is new, and the first command still waits
        await asyncio.sleep(0)
    asked.append(asyncio.create_task(net.router.ask(second)))
    await asyncio.sleep(0)
    assert not net.links[1].sent
    slow.set()
    while len(net.links[1].sent) < 2:
        await asyncio.sleep(0)
    assert [envelope.id for envelope in net.links[1].sent] == [first.id, second.id]
    for _ in asked:
        net.links[1].answer(Done())
    await asyncio.gather(*asked)


# --- publishing


def entries(account: str, *seqs: int) -> list[Entry]:
    return [Entry(account, "c", n, 0, Actor("system"), HandoffRequested("x")) for n in seqs]


class GatewayLink:
    def __init__(self) -> None:
        self.got: list[tuple[str, int]] = []

    def send(self, entries: list[Entry]) -> None:
        self.got += [(e.account_id, e.position) for e in entries]


def test_entries_go_to_whoever_watches_their_account() -> None:
    publisher, first, second = FeedPublisher(), GatewayLink(), GatewayLink()
    publisher.publish(entries("a", 1), [1])
    publisher.watch("g1", first, ["a", "b"])
    publisher.watch("g2", second, ["b"])
    publisher.publish([*entries("a", 1), *entries("b", 1, 2), *entries("c", 1)], [7, 1, 2, 9])
    assert first.got == [("a", 7), ("b", 1), ("b", 2)] and second.got == [("b", 1), ("b", 2)]
    publisher.watch("g1", first, ["c"])
    publisher.publish([*entries("a", 2), *entries("c", 2)], [8, 10])
    assert first.got[3:] == [("c", 10)]
    newer = GatewayLink()
    publisher.watch("g1", newer, ["c"])
    publisher.drop("g1", first)  # the old one, late
    publisher.publish(entries("c", 3), [11])
    assert newer.got == [("c", 11)]
    publisher.drop("g1", newer)
    publisher.publish(entries("c", 4), [12])
    assert newer.got == [("c", 11)] and "c" not in publisher._watchers
