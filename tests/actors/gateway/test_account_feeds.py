"""An account's feed in a gateway: every position once, in order, whatever the hosts' deliveries do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_memory.conversations import MemoryFeeds, MemoryJournal, MemoryStore
from samples import ACCOUNT, NOW, THREAD, Scribe, received, to_thread, uid

from tertulia.actors.gateway.account_feeds import KEPT, MAX_HELD, Feed, FeedIntervals, Feeds
from tertulia.core.conversation.entries import Actor, Entry, HandoffRequested, Message
from tertulia.core.errors import NotFound
from tertulia.core.ports.feeds import FeedHead


def entry(position: int, content: str | None = None) -> Entry:
    """One that keeps little in memory, or a message."""
    data = HandoffRequested("x") if content is None else Message("m", "inbound", "contact", "k", content)
    return Entry(ACCOUNT, "c", position, NOW, Actor("system"), data, position)


class Reader:
    def __init__(self) -> None:
        self.positions: list[int] = []

    def __call__(self, entry: Entry) -> None:
        self.positions.append(entry.position)


events = st.lists(
    st.tuples(st.just("deliver"), st.lists(st.integers(1, 40), max_size=8))
    | st.tuples(st.just("heal"), st.integers(1, 12)),
    max_size=30,
)


@given(
    head=st.integers(0, 20),
    holes=st.sets(st.integers(1, 40)),
    before=st.lists(st.integers(1, 40), max_size=10),
    events=events,
)
def test_any_deliveries_and_heals_deliver_each_position_once_in_order(
    head: int, holes: set[int], before: list[int], events: list[tuple[str, list[int] | int]]
) -> None:
    """Lost, doubled, reordered; positions in `holes` are gone from the archive (and from the hosts)."""
    there = [entry(p) for p in range(1, 41) if p not in holes]
    by_position = {e.position: e for e in there}
    reader = Reader()
    feed = Feed(ACCOUNT, reader)

    def heal(size: int) -> bool:
        page = [e for e in there if e.position > feed.position][:size]
        feed.heal(page)
        return bool(page)

    for position in before:
        if position in by_position:
            feed.offer(by_position[position])
    assert reader.positions == []
    feed.start(FeedHead(ACCOUNT, "g", head, 1))
    for kind, what in events:
        if isinstance(what, list):
            for position in what:
                if position in by_position:
                    feed.offer(by_position[position])
        else:
            assert kind == "heal"
            heal(what)
        expected = [p for p in by_position if head < p <= feed.position]
        assert reader.positions == expected
    while heal(5):
        pass
    assert reader.positions == [p for p in by_position if p > head] and not feed.gap
    for position in range(head, 41):
        since = feed.since(position)
        if since is not None:
            assert [e.position for e in since] == [p for p in by_position if p > position]


def test_what_is_held_is_bounded() -> None:
    reader = Reader()
    feed = Feed(ACCOUNT, reader)
    feed.start(FeedHead(ACCOUNT, "g", 0, 1))
    for position in range(2, MAX_HELD + 100):
        feed.offer(entry(position))
    feed.offer(entry(1))
    assert reader.positions == list(range(1, MAX_HELD + 2))
    assert len(feed.recent) == KEPT and feed.since(10) is None
    assert [e.position for e in feed.since(MAX_HELD - 1) or []] == [MAX_HELD, MAX_HELD + 1]


def test_what_is_kept_is_bounded_in_bytes_too() -> None:
    feed = Feed(ACCOUNT, Reader())
    feed.start(FeedHead(ACCOUNT, "g", 0, 1))
    for position in range(1, 1200):
        feed.offer(entry(position, "x" * 60_000))
    assert len(feed.recent) < 300 and feed.since(100) is None
    assert [e.position for e in feed.since(1197) or []] == [1198, 1199]
    feed.fill([entry(n, "x" * 60_000) for n in range(1, 1200)])
    assert len(feed.recent) < 300 and feed.recent[-1].position == 1199


class Archive(MemoryFeeds):
    """Counts, and can be closed."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.reads = 0
        self.fails = False
        self.failures = asyncio.Semaphore(0)
        self.open = asyncio.Event()
        self.open.set()
        self.on_heads: Callable[[], None] = lambda: None

    async def heads(self, accounts: Sequence[str]) -> list[FeedHead]:
        await self.open.wait()
        if self.fails:
            self.failures.release()
            raise ConnectionError("no database")
        heads = await super().heads(accounts)
        self.on_heads()
        return heads

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]:
        self.reads += 1
        return await super().read(account_id, after, limit)


class World:
    """A store that grows, and a gateway's feeds over it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.add_account(ACCOUNT)
        self.archive = Archive(self.store)
        self.scribe = Scribe()
        self.reader = Reader()
        self.watched: list[list[str]] = []
        self.moved = asyncio.Event()
        self.feeds = Feeds(self.archive, self._listen, self._watch, FeedIntervals(reorder=0, poll=0.02))

    def _listen(self, entry: Entry) -> None:
        self.reader(entry)
        self.moved.set()

    async def _watch(self, accounts: list[str]) -> None:
        self.watched.append(accounts)

    async def commit(self, count: int) -> list[Entry]:
        writes = [self.scribe.write(to_thread(received(f"{n}"), THREAD)) for n in range(count)]
        await MemoryJournal(self.store).commit(writes, {0: 0})
        return self.store.feeds[ACCOUNT].entries

    async def until(self, position: int) -> None:
        async with asyncio.timeout(30):
            while not self.reader.positions or self.reader.positions[-1] < position:
                self.moved.clear()
                await self.moved.wait()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    loop = asyncio.create_task(world.feeds.main_loop())
    yield world
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_a_reader_starts_at_the_head(world: World) -> None:
    entries = await world.commit(4)
    feed = await world.feeds.attach(ACCOUNT)
    assert (feed.position, world.reader.positions) == (len(entries), [])
    assert [e.position for e in feed.since(2) or []] == [3, 4, 5] and world.watched == [[ACCOUNT]]
    more = (await world.commit(2))[len(entries) :]
    world.feeds.deliver(more)
    assert world.reader.positions == [e.position for e in more]


async def test_a_gap_is_read_from_the_archive(world: World) -> None:
    await world.feeds.attach(ACCOUNT)
    entries = await world.commit(9)
    world.feeds.deliver([entries[1], entries[6], entries[4]])
    await world.until(10)
    assert world.reader.positions == list(range(1, 11))


async def test_a_lost_tail_is_noticed(world: World) -> None:
    await world.feeds.attach(ACCOUNT)
    entries = await world.commit(9)
    world.feeds.deliver(entries[:4])
    await world.until(10)
    assert world.reader.positions == list(range(1, 11))


async def test_pushes_that_are_on_their_way_are_not_read(world: World) -> None:
    """A busy account always has some: reading them as well would stop the gateway every second."""
    await world.feeds.attach(ACCOUNT)
    entries = await world.commit(9)
    reads = world.archive.reads
    world.archive.on_heads = lambda: (
        asyncio.get_running_loop().call_soon(world.feeds.deliver, entries) and None
    )
    await world.until(10)
    assert world.archive.reads == reads


async def test_a_feed_catches_up_for_a_reader_that_was_at_a_gateway_ahead() -> None:
    world = World()  # whose loop does not run
    feed = await world.feeds.attach(ACCOUNT)
    entries = await world.commit(9)
    await world.feeds.catch_up(feed)
    assert feed.position == entries[-1].position
    assert world.reader.positions == [e.position for e in entries]


async def test_a_restless_account_keeps_nobody_from_the_poll(world: World) -> None:
    """Early entries keep waking the loop; the others' lost tails are noticed all the same."""
    world.store.add_account(other := uid())
    await world.feeds.attach(ACCOUNT)
    await world.feeds.attach(other)
    await world.commit(3)

    async def restless() -> None:
        position = 2
        while True:  # positions that no archive has
            ghost = entry(position)
            world.feeds.deliver([Entry(other, "c", 0, NOW, ghost.actor, ghost.data, position)])
            position += 2
            await asyncio.sleep(0)

    task = asyncio.create_task(restless())
    await world.until(4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_outage_is_survived(world: World) -> None:
    await world.feeds.attach(ACCOUNT)
    world.archive.fails = True
    entries = await world.commit(5)
    world.feeds.deliver(entries[3:])
    for _ in range(2):
        await world.archive.failures.acquire()
    assert world.reader.positions == []
    world.archive.fails = False
    await world.until(6)
    assert world.reader.positions == [1, 2, 3, 4, 5, 6]


async def test_many_readers_start_a_feed_once(world: World) -> None:
    await world.commit(3)
    world.archive.open.clear()
    waiting = [asyncio.create_task(world.feeds.attach(ACCOUNT)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    world.archive.open.set()
    feeds = await asyncio.gather(*waiting[1:])
    assert len({id(f) for f in feeds}) == 1 and feeds[0].readers == 49 and world.archive.reads == 1
    assert waiting[0].cancelled()


async def test_a_feed_that_nobody_reads_is_forgotten(world: World) -> None:
    feed = await world.feeds.attach(ACCOUNT)
    for _ in range(3):
        world.feeds._forget()
        assert world.feeds.get(ACCOUNT) is feed
    world.feeds.detach(feed)
    world.feeds._forget()
    assert world.feeds.get(ACCOUNT) is None
    again = await world.feeds.attach(ACCOUNT)
    assert again is not feed and again.started


async def test_a_feed_is_never_forgotten_before_its_first_reader(world: World) -> None:
    world.archive.open.clear()
    attaching = asyncio.create_task(world.feeds.attach(ACCOUNT))
    await asyncio.sleep(0)
    world.archive.open.set()
    while not attaching.done():
        world.feeds._forget()
        await asyncio.sleep(0)
    assert world.feeds.get(ACCOUNT) is await attaching


async def test_a_start_that_fails_is_told_and_leaves_nothing(world: World) -> None:
    with pytest.raises(NotFound):
        await world.feeds.attach(uid())
    world.archive.fails = True
    with pytest.raises(ConnectionError):
        await world.feeds.attach(ACCOUNT)
    world.feeds._forget()
    assert world.feeds.get(ACCOUNT) is None
    world.archive.fails = False
    assert (await world.feeds.attach(ACCOUNT)).started


@given(
    batches=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
    lost=st.sets(st.integers(1, 25)),
    attach=st.integers(0, 3),
)
async def test_a_reader_misses_nothing(
    batches: list[int], order: object, lost: set[int], attach: int
) -> None:
    """Commits, lost and shuffled deliveries, and heals in any order: every position after the start, once."""
    world = World()
    feed: Feed | None = None
    head = 0
    for index, count in enumerate(batches):
        if index == attach or index == 0 == attach:
            feed = await world.feeds.attach(ACCOUNT)
            head = feed.position
        before = len(world.store.feeds[ACCOUNT].entries)
        entries = (await world.commit(count))[before:]
        arriving = [e for e in entries if e.position not in lost]
        order.shuffle(arriving)  # type: ignore[attr-defined]
        for e in arriving:
            world.feeds.deliver([e])
    if feed is None:
        feed = await world.feeds.attach(ACCOUNT)
        head = feed.position
    await world.feeds._recover([feed])
    assert world.reader.positions == list(range(head + 1, len(world.store.feeds[ACCOUNT].entries) + 1))
