"""A gateway's router and its links, in process: a command finds its host, again and again if need be, and is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError
from rig import Rig, stored_but
from samples import ACCOUNT, CHANNEL, answered, received, to_conversation, to_thread, uid

from tertulia.actors import handles, router, wire
from tertulia.actors.handles import HostLink, RayGatewayLink
from tertulia.actors.publishing import FeedPublisher
from tertulia.actors.router import Router
from tertulia.core.commands import Done, Envelope, Moved, Outcome, Refused, ThreadKey
from tertulia.core.entries import Actor, Entry, HandoffRequested
from tertulia.core.errors import Conflict, Internal, NotFound, Overloaded
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports import PartitionMap, StaleEpoch
from tertulia.storage.memory import MemoryOwnership, MemoryStore

Settle = Callable[[Envelope, Outcome | None], None]


class Link:
    """A link that keeps what it is sent until the test answers."""

    def __init__(self, name: str, incarnation: str, settle: Settle) -> None:
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
        self.unknown: set[str] = set()
        self.changes = 0
        self.missed = 0
        self.router = Router(
            self.ownership, self._link, deadline=deadline, max_waiting=max_waiting, changed=self._changed
        )  # type: ignore[arg-type]

    def _link(self, name: str, incarnation: str, settle: Settle) -> Link:
        if name in self.unknown:
            self.missed += 1
            raise ValueError("no such actor")
        self.links.append(Link(name, incarnation, settle))
        return self.links[-1]

    def _changed(self) -> None:
        self.changes += 1

    async def host(self, name: str, count: int = PARTITIONS) -> str:
        incarnation = uid()
        await self.ownership.register(name, incarnation, "n")
        await self.ownership.claim(incarnation, [incarnation], count)
        return incarnation


@pytest.fixture
async def net(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Net]:
    monkeypatch.setattr(router, "REFRESH", 0)
    monkeypatch.setattr(router, "POLL", 0.01)
    net = Net()
    loop = asyncio.create_task(net.router.main_loop())
    yield net
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_command_goes_to_the_owner_of_its_partition(net: Net) -> None:
    await net.host("a")
    second = await net.host("b", 0)
    moved = await net.ownership.claim(second, [second], 0)
    assert moved == {}
    for partition in range(0, PARTITIONS, 2):
        net.ownership._change(partition, second)
    await net.router.startup()
    assert net.router.complete
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
    assert not net.router.complete
    asking = asyncio.create_task(net.router.ask(to_thread(received())))
    await asyncio.sleep(0)
    net.unknown.add("a")  # Postgres knows it already, Ray not yet
    await net.host("a")
    await until(lambda: net.missed > 1)
    assert not net.links and not asking.done()
    net.unknown.clear()
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


async def test_a_deadline_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "REFRESH", 0)
    net = Net(deadline=0.02)
    loop = asyncio.create_task(net.router.main_loop())
    with pytest.raises(Overloaded) as refused:
        async with asyncio.timeout(5):
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


# --- links, over handles that are not Ray's


class Method:
    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


class HostHandle:
    """A host in this process, called as Ray would."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.calls: list[int] = []
        self.lost = 0
        self.submit = Method(self._submit)

    async def _submit(self, payload: bytes) -> bytes:
        self.calls.append(len(wire.decode_envelopes(payload)))
        answer = await self.rig.host.submit(payload)
        if self.lost:
            self.lost -= 1
            raise ActorUnavailableError("the answer was lost", None)
        return answer


async def test_a_link_batches_and_bounds_what_is_under_way() -> None:
    rig = Rig()
    handle, settled = HostHandle(rig), []
    link = HostLink("a", "i", handle, lambda e, o: settled.append((e, o)), 5)  # type: ignore[arg-type]
    rig.journal.close()
    for round_ in range(6):
        for n in range(10):
            link.send(to_thread(received(f"{round_}.{n}")))
        await rig.quiet()
    assert handle.calls == [10] * handles.IN_FLIGHT
    rig.journal.open.set()
    await until(lambda: len(settled) == 60)
    assert sum(handle.calls) == 60 and len(handle.calls) <= handles.IN_FLIGHT + 2
    assert all(isinstance(o, Done) for _, o in settled)
    assert rig.messages() == [f"{r}.{n}" for r in range(6) for n in range(10)]
    link.close()
    await rig.stop()


async def test_a_link_settles_everything_once() -> None:
    rig = Rig()
    handle, settled = HostHandle(rig), []
    link = HostLink("a", "i", handle, lambda e, o: settled.append((e.id, o)), 5)  # type: ignore[arg-type]
    handle.lost = 1
    sent = [to_thread(received(f"{n}")) for n in range(3)]
    link.send(sent[0])
    await until(lambda: settled)
    assert settled == [(sent[0].id, None)]
    broken = to_thread(received("\ud800"))
    link.send(broken)
    await until(lambda: len(settled) == 2)
    assert settled[1][0] == broken.id and isinstance(settled[1][1], Refused)
    rig.journal.close()
    link.send(sent[1])
    await rig.journal.arrived.wait()
    link.send(sent[2])
    link.close()
    assert sorted(settled[2:]) == sorted([(sent[1].id, None), (sent[2].id, None)])
    rig.journal.open.set()
    await rig.quiet()
    assert len(settled) == 4
    await rig.stop()


async def test_over_lost_answers_and_takeovers_every_command_happens_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole way, but for Ray: router, link, host, journal, retry."""
    monkeypatch.setattr(router, "REFRESH", 0)
    rig = Rig()
    handle = HostHandle(rig)
    ownership = MemoryOwnership(rig.store)

    async def serve() -> None:
        incarnation = uid()
        await ownership.register("a", incarnation, "n")
        rig.host.epochs.clear()
        rig.host.own(await ownership.claim(incarnation, [incarnation], PARTITIONS))

    await serve()
    gateway = Router(
        ownership,
        lambda name, incarnation, settle: HostLink(name, incarnation, handle, settle, 5),  # type: ignore[arg-type]
        deadline=10,
        max_waiting=1000,
        changed=lambda: None,
    )
    await gateway.startup()
    loop = asyncio.create_task(gateway.main_loop())
    conversation = (await gateway.ask(to_thread(received("first")))).entries[0].conversation_id
    expected = ["first"]
    for round_ in range(6):
        handle.lost = round_ % 3
        if round_ % 2:
            rig.journal.faults = [stored_but(StaleEpoch("unsettled"))]
        contents = [f"{round_}.{n}" for n in range(10)]
        asking = [
            asyncio.create_task(
                gateway.ask(
                    to_conversation(answered(content), conversation)
                    if n % 2
                    else to_thread(received(content), ThreadKey(ACCOUNT, CHANNEL, f"+{n}"))
                )
            )
            for n, content in enumerate(contents)
        ]
        if round_ % 2:
            await rig.stale.wait()
            await rig.restart()
            await serve()
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*asking)
        assert [a.entries[0].data.content for a in answers] == contents  # type: ignore[union-attr]
        expected += contents
    assert sorted(rig.messages()) == sorted(expected)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await rig.stop()
    rig.check()


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
    publisher.lost("g1", first)  # the old one, late
    publisher.publish(entries("c", 3), [11])
    assert newer.got == [("c", 11)]
    publisher.lost("g1", newer)
    publisher.publish(entries("c", 4), [12])
    assert newer.got == [("c", 11)] and "c" not in publisher._watchers


async def test_a_gateway_that_is_slow_is_kept_and_one_that_died_is_not() -> None:
    lost: list[str] = []
    got: list[list[Entry]] = []
    faults: list[Exception] = []

    async def deliver(payload: bytes) -> None:
        got.append(wire.decode_entries(payload))
        await asyncio.sleep(0)
        if faults:
            raise faults.pop(0)

    class Handle:
        pass

    handle = Handle()
    handle.deliver = Method(deliver)  # type: ignore[attr-defined]
    link = RayGatewayLink("g", handle, lambda name, _: lost.append(name))  # type: ignore[arg-type]
    faults += [TimeoutError(), ActorUnavailableError("wait", None)]
    for n in range(4):
        link.send(entries("a", n))
        await until(lambda: link._task is None)
    assert len(got) == 4 and not lost
    faults.append(ActorDiedError())
    link.send(entries("a", 5))
    await until(lambda: link._task is None)
    assert lost == ["g"]
    assert msgspec.structs.astuple(got[3][0])[2] == 3
