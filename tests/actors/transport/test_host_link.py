"""The connection between a gateway and a host, over real sockets: batches, pushes, lost answers, uninvited guests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from in_memory.conversations import MemoryOwnership
from rig import Rig, stored_but
from samples import ACCOUNT, CHANNEL, answered, listening, received, to_conversation, to_thread, uid
from waiting import until

from tertulia.actors.transport import codec, framing, host_link
from tertulia.actors.transport.entry_publisher import FeedPublisher
from tertulia.actors.transport.framing import HEADER, HostEndpoint, Kind
from tertulia.actors.transport.handshake import PeerHandshake, key_of
from tertulia.actors.transport.host_link import HostLink, LinkIntervals, OnOutcome
from tertulia.actors.transport.host_listener import HostListener, ListenerBounds
from tertulia.actors.transport.link_transport import UNIX_BINDING, make_tls
from tertulia.actors.transport.router import Router, RouterIntervals
from tertulia.actors.transport.turns import Announce
from tertulia.core.conversation.commands import Done, Envelope, Moved, Outcome, Refused, ThreadKey
from tertulia.core.conversation.entries import Actor, Entry, HandoffRequested
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.journal import StaleEpoch
from tertulia.core.ports.ownership import HostAddress

HERE = "127.0.0.1"
SECRET = bytes(range(32))
GATEWAY = "gateway:7f3a9c2e5b1d4086"
"""Long enough that no encrypted bytes hold it by chance."""


class Side:
    """A host that listens, and the ways to it. `lost` answers are never sent: the connection ends instead."""

    def __init__(self, bounds: ListenerBounds = ListenerBounds()) -> None:  # noqa: B008 - it is immutable
        self.rig = Rig()
        self.batches: list[int] = []
        self.lost = 0
        self.mangled: bytes | None = None
        self.publisher = FeedPublisher()
        self.listener = HostListener(
            self._submit, self._learn, self.publisher, SECRET, bounds, adopt=self._adopt
        )
        self.way: HostEndpoint
        self.socket: Path
        self.settled: list[tuple[Envelope, Outcome | None]] = []
        self.entries: list[Entry] = []
        self.gone = 0
        self.adopted = 0
        self._links: list[HostLink] = []
        self.refreshed: list[str] = []
        self.reads = asyncio.Event()

    async def _learn(self, accounts: list[str]) -> None:
        await self.reads.wait()
        self.refreshed += accounts

    async def _adopt(self) -> None:
        self.adopted += 1
        if self.adopted > 1:
            raise OSError("the storage is away")

    async def _submit(self, payload: bytes, announce: Announce) -> bytes:
        self.batches.append(len(codec.decode_envelopes(payload)))
        answer = await self.rig.host.submit(payload, announce)
        if self.lost:
            self.lost -= 1
            raise OSError("the answer is lost")
        return answer if self.mangled is None else self.mangled

    def link(
        self,
        name: str = "a",
        incarnation: str = "i",
        settle: OnOutcome | None = None,
        *,
        deadline: float = 5.0,
        intervals: LinkIntervals = LinkIntervals(sweep=0.01),  # noqa: B008 - it is immutable
    ) -> HostLink:
        link = HostLink(
            name,
            incarnation,
            GATEWAY,
            endpoint=self.way,
            on_outcome=settle or (lambda e, o: self.settled.append((e, o))),
            on_entries=lambda payload: self.entries.extend(codec.decode_entries(payload)),
            on_entries_missed=self._lost,
            deadline=deadline,
            intervals=intervals,
        )
        self._links.append(link)
        return link

    def _lost(self) -> None:
        self.gone += 1

    async def stop(self) -> None:
        for link in self._links:
            link.close()
        await self.listener.close()
        await self.rig.stop()


@pytest.fixture(params=["unix", "tls"])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    side = Side()
    if request.param == "unix":
        at = side.listener.open_unix(tmp_path / "host-0.1.sock")
    else:
        at = side.listener.open_tls(HERE, make_tls())
    side.way = HostEndpoint(at.address, at.port, SECRET)
    yield side
    await side.stop()


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Side]:
    """One whose socket a test may speak to by itself. It keeps little for who reads nothing."""
    side = Side(ListenerBounds(backlog=100_000))
    side.socket = tmp_path / "host-0.1.sock"
    side.listener.open_unix(side.socket)
    side.way = HostEndpoint(str(side.socket), 0, SECRET)
    yield side
    await side.stop()


async def test_what_comes_together_goes_together(side: Side) -> None:
    link = side.link()
    contents = [f"{n}" for n in range(host_link.MAX_BATCH + 5)]
    for content in contents:
        link.send(to_thread(received(content)))
    await until(lambda: len(side.settled) == len(contents))
    assert side.batches == [host_link.MAX_BATCH, 5]
    assert all(isinstance(o, Done) for _, o in side.settled)
    assert side.rig.messages() == contents
    side.batches.clear()
    for n in range(host_link.FULL + 1):  # a host begins while the gateway still reads
        link.send(to_thread(received(f"more {n}")))
    await until(lambda: len(side.settled) == len(contents) + host_link.FULL + 1)
    assert side.batches == [host_link.FULL, 1]


async def test_a_busy_host_gets_larger_batches(side: Side) -> None:
    link = side.link()
    link.send(to_thread(received("connects")))
    await until(lambda: side.settled)
    side.rig.journal.close()
    for n in range(host_link.BUSY + 2 * host_link.FULL + 1):
        link.send(to_thread(received(f"{n}")))
    sizes = [1, *[host_link.FULL] * (host_link.BUSY // host_link.FULL), 2 * host_link.FULL, 1]
    await until(lambda: side.batches == sizes)
    side.rig.journal.open.set()
    await until(lambda: len(side.settled) == sum(sizes))
    assert all(isinstance(o, Done) for _, o in side.settled)


async def test_a_batch_does_not_wait_for_the_one_before_it(side: Side) -> None:
    link = side.link()
    side.rig.journal.close()
    link.send(to_thread(received("first")))
    await side.rig.journal.arrived.wait()
    link.send(to_thread(received("second")))
    await until(lambda: side.batches == [1, 1])
    assert not side.settled
    side.rig.journal.open.set()
    await until(lambda: len(side.settled) == 2)


async def test_between_answers_that_come_together_others_have_their_turn(side: Side) -> None:
    """A commit answers many batches at once. Who waits for the first must not wait until the last is settled."""
    seen: list[str] = []

    def settle(envelope: Envelope, outcome: Outcome | None) -> None:
        assert isinstance(outcome, Done)
        seen.append("settled")
        asyncio.get_running_loop().call_soon(seen.append, "went on")

    link = side.link(settle=settle)
    link.send(to_thread(received("connects")))
    await until(lambda: len(seen) == 2)
    seen.clear()
    side.rig.journal.close()
    for n in range(3 * host_link.FULL):
        link.send(to_thread(received(f"{n}")))
    await until(lambda: side.batches == [1, *[host_link.FULL] * 3])
    await side.rig.quiet()
    side.rig.journal.open.set()
    await until(lambda: len(seen) == 6 * host_link.FULL)
    batch = ["settled"] * host_link.FULL + ["went on"] * host_link.FULL
    assert seen == 3 * batch


async def test_everything_is_settled_once(side: Side) -> None:
    link = side.link()
    side.lost = 1
    sent = [to_thread(received(f"{n}")) for n in range(4)]
    link.send(sent[0])
    await until(lambda: side.settled)
    assert side.settled == [(sent[0], None)] and side.gone == 1  # it may have happened
    broken = to_thread(received("\ud800"))
    link.send(broken)
    await until(lambda: len(side.settled) == 2)
    assert side.settled[1][0] == broken and isinstance(side.settled[1][1], Refused)
    side.rig.journal.close()
    link.send(sent[1])
    await side.rig.journal.arrived.wait()
    link.send(sent[2])
    link.close()
    assert side.settled[2:] == [(sent[1], None), (sent[2], Moved())]  # of what did not leave, that is known
    side.rig.journal.open.set()
    await side.rig.quiet()
    assert len(side.settled) == 4


async def test_a_host_that_answers_nothing_is_given_up_at_the_deadline(side: Side) -> None:
    link = side.link(deadline=0.3)
    side.rig.journal.close()
    envelope = to_thread(received("late"))
    link.send(envelope)
    await until(lambda: side.settled)
    assert side.settled == [(envelope, None)]
    side.rig.journal.open.set()
    link.send(to_thread(received("on")))
    await until(lambda: len(side.settled) == 2)
    assert isinstance(side.settled[1][1], Done)


async def test_a_host_out_of_reach_takes_nothing(side: Side) -> None:
    side.way = HostEndpoint(HERE, 1, b"")  # nobody listens there
    link = side.link()
    envelope = to_thread(received("x"))
    link.send(envelope)
    await until(lambda: side.settled)
    assert side.settled == [(envelope, Moved())]
    assert await link.watch([ACCOUNT]) is False


def entry(account: str, position: int) -> Entry:
    return Entry(account, "c", position, 0, Actor("system"), HandoffRequested("x"), position)


async def test_entries_are_pushed_to_who_watches(side: Side) -> None:
    link = side.link()
    assert await link.watch([ACCOUNT]) is True
    side.publisher.publish([entry(ACCOUNT, 1), entry("other", 1), entry(ACCOUNT, 2)], [7, 1, 8])
    await until(lambda: len(side.entries) == 2)
    assert [(e.account_id, e.position) for e in side.entries] == [(ACCOUNT, 7), (ACCOUNT, 8)]
    link.close()
    await until(lambda: not side.publisher._watchers)  # nobody is told any more
    again = side.link()
    assert await again.watch([ACCOUNT, "other"]) is True
    side.publisher.publish([entry("other", 3)], [3])
    await until(lambda: len(side.entries) == 3)


async def frame(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    size, kind, number = HEADER.unpack(await reader.readexactly(HEADER.size))
    return kind, number, await reader.readexactly(size)


def framed(kind: Kind, number: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload), kind, number) + payload


async def test_a_gateway_that_takes_nothing_is_dropped_from_not_waited_for(local: Side) -> None:
    reader, writer = await asyncio.open_unix_connection(str(local.socket), limit=1024)
    handshake = PeerHandshake(SECRET, "slow", UNIX_BINDING)
    writer.write(framed(Kind.HELLO, 1, handshake.hello()))
    _, _, challenge = await frame(reader)
    writer.write(framed(Kind.PROOF, 2, handshake.prove(challenge)))
    writer.write(framed(Kind.WATCH, 3, codec.encode([ACCOUNT])))
    assert [await frame(reader) for _ in range(2)] == [(Kind.ANSWER, 2, b""), (Kind.ANSWER, 3, b"")]
    page = [entry(ACCOUNT, n) for n in range(2000)]
    push = local.publisher._links["slow"]
    for _ in range(500):
        push.send(page)
    (peer,) = local.listener._peers
    assert peer.backlog < 100_000 + len(codec.encode(page)) + HEADER.size
    writer.close()


def test_each_incarnation_of_each_server_has_a_secret_of_its_own() -> None:
    secrets = {key_of(i, s) for i in ("one", "two") for s in ("a" * 32, "b" * 32)}
    assert len(secrets) == 4 and {len(s) for s in secrets} == {32}
    at = HostAddress("one", HERE, 7)
    assert framing.endpoint_of(at, "a" * 32) == HostEndpoint(HERE, 7, key_of("one", "a" * 32))


async def test_who_changed_something_waits_until_the_host_goes_by_it(side: Side) -> None:
    link = side.link()
    told = asyncio.create_task(link.refresh_rules([ACCOUNT]))
    link.send(to_thread(received("meanwhile")))
    await until(lambda: side.settled)
    assert not told.done() and side.refreshed == []
    side.reads.set()
    assert await told and side.refreshed == [ACCOUNT]
    await side.listener.close()
    assert not await side.link("b").refresh_rules([ACCOUNT]), "nobody listens any more"


async def test_frames_arrive_whole_however_they_are_cut(side: Side) -> None:
    got: list[tuple[int, int, bytes]] = []
    cutter = framing.Connection(lambda _, kind, number, payload: got.append((kind, number, payload)), print)
    frames = [
        (Kind.COMMANDS, 1, b"abc"),
        (Kind.ANSWER, 2, b""),
        (Kind.ENTRIES, 3, bytes(100_000)),
        (Kind.WATCH, 4, b"x"),
    ]
    stream = b"".join(HEADER.pack(len(p), k, n) + p for k, n, p in frames)
    for size in (1, 7, 4096, len(stream)):
        got.clear()
        for at in range(0, len(stream), size):
            cutter.data_received(stream[at : at + size])
        assert got == frames


async def test_a_host_is_told_of_moved_partitions(side: Side) -> None:
    assert await side.link().partitions_moved()
    assert await side.link("b").partitions_moved(), "a failure to read them is not a failure to tell"
    assert side.adopted == 2


async def test_over_lost_answers_and_takeovers_every_command_happens_once(side: Side) -> None:
    """The whole way, but for Ray: router, link, host, journal, retry."""
    rig = side.rig
    ownership = MemoryOwnership(rig.store)

    async def serve() -> None:
        incarnation = uid()
        await ownership.register("a", "n", listening(incarnation))
        rig.host.epochs.clear()
        rig.host.own(await ownership.claim(incarnation, [incarnation], PARTITIONS))

    await serve()
    gateway = Router(
        ownership,
        lambda name, at, settle: side.link(name, at.incarnation, settle),
        deadline=10,
        max_waiting=1000,
        on_hosts_changed=lambda: None,
        intervals=RouterIntervals(refresh=0),
    )
    await gateway.startup()
    loop = asyncio.create_task(gateway.main_loop())
    conversation = (await gateway.ask(to_thread(received("first")))).entries[0].conversation_id
    expected = ["first"]
    for round_ in range(6):
        side.lost = round_ % 3
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
    rig.check()
