"""Replays: complete and in order whatever the reader does, at a pace, and without keeping what a slow reader does not take."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from samples import ACCOUNT, NOW, uid

from tertulia.actors.gateway.account_feeds import Feed
from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.conversation.entries import Actor, Entry, Message
from tertulia.core.ports.feeds import FeedHead
from tertulia.core.views.stream_events import Cursor
from tertulia.http.streams import replays as module
from tertulia.http.streams.replays import PAGE, ReplayPaces, Replays
from tertulia.http.streams.session import Frame, Session
from tertulia.http.streams.token_bucket import Rate

CONVERSATION = uid()
TOPIC = f"account:{ACCOUNT}"


def entry(position: int, content: str = "hello") -> Entry:
    message = Message(id=uid(), direction="inbound", sender_type="contact", sender_id="k", content=content)
    return Entry(
        account_id=ACCOUNT,
        conversation_id=CONVERSATION,
        seq=position,
        position=position,
        at=NOW,
        actor=Actor("contact", "k"),
        data=message,
    )


class Archive:
    """Entries 1 … `count`; how many readers read at once, and what was asked."""

    def __init__(self, count: int, content: str = "hello") -> None:
        self.entries = [entry(n, content) for n in range(1, count + 1)]
        self.limits: list[int] = []
        self.reading = self.most = 0

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]:
        self.limits.append(limit)
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        self.reading -= 1
        return self.entries[after : after + limit]

    async def read_conversations(
        self, account_id: str, conversations: list[str], after: int, until: int, limit: int
    ) -> list[Entry]:
        return (await self.read(account_id, after, limit))[: until - after]


class Transport:
    """A reader that takes a batch whenever it is let to."""

    kind = "websocket"
    gone = False

    def __init__(self, *, quick: bool = True) -> None:
        self.quick = quick
        self.seen: list[int] = []

    async def send(self, frames: list[Frame]) -> None:
        while not self.quick:
            await asyncio.sleep(0)
        self.seen += [json.loads(f.json)["seq"] for f in frames]

    async def close(self, code: int, reason: str) -> None: ...
    def abort(self) -> None: ...


def reader(user: str = "ana", *, quick: bool = True, limit: int = 1 << 20) -> tuple[Session, Transport]:
    transport: Any = Transport(quick=quick)
    principal = Principal(account_id=ACCOUNT, role=Role.AGENT, user_id=user, expires_at=2e9)
    return Session(principal, transport, limit), transport


def feed_at(position: int, recent: list[Entry] | None = None) -> Feed:
    feed = Feed(ACCOUNT, lambda entry: None)
    if recent:
        feed.fill(recent)
    feed.start(FeedHead(ACCOUNT, "g", position, 1))
    return feed


async def replayed(replays: Replays, session: Session, feed: Feed, after: int = 0) -> None:
    writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
    try:
        await replays.replay(session, feed, [TOPIC], Cursor("g", after, 99))
        async with asyncio.timeout(10):
            while session.queued:
                await asyncio.sleep(0)
    finally:
        writing.cancel()


@pytest.mark.parametrize("kept", [0, 100, 1200])
async def test_a_replay_is_complete_wherever_it_comes_from(kept: int) -> None:
    archive = Archive(1200)
    session, transport = reader()
    await replayed(Replays(archive), session, feed_at(1200, archive.entries[1200 - kept :]), after=3)
    assert transport.seen == list(range(4, 1201))
    assert bool(archive.limits) == (kept < 1200)


async def test_a_slow_reader_keeps_no_page_and_misses_nothing() -> None:
    archive = Archive(900, "x" * 2_000)
    session, transport = reader(quick=False, limit=100_000)
    replaying = asyncio.ensure_future(replayed(Replays(archive), session, feed_at(900)))
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(archive.limits) == 1 and not replaying.done(), "it reads on once there is room"
    transport.quick = True
    await replaying
    assert transport.seen == list(range(1, 901))
    assert archive.limits[0] == PAGE and max(archive.limits[1:]) < PAGE


async def test_what_comes_meanwhile_is_replayed_too() -> None:
    archive = Archive(1500)
    session, transport = reader()
    feed = feed_at(1000, archive.entries[990:1000])
    replaying = asyncio.ensure_future(replayed(Replays(archive), session, feed))
    await asyncio.sleep(0)
    for late in archive.entries[1000:]:
        feed.offer(late)
    await replaying
    assert transport.seen == list(range(1, 1501))


async def test_a_user_holds_few_of_the_reads_at_once() -> None:
    archive = Archive(2_000)
    replays, feed = Replays(archive), feed_at(2_000)
    await asyncio.gather(*(replayed(replays, reader("ana")[0], feed) for _ in range(8)))
    assert archive.most == module.REPLAYS_PER_USER
    archive.most = 0
    await asyncio.gather(*(replayed(replays, reader(f"u{n}")[0], feed) for n in range(8)))
    assert archive.most == module.REPLAYS_PER_ACCOUNT


class Clock:
    """Time passes only for who sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.sleeps = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.sleeps.set()
        await asyncio.sleep(0)


async def test_replays_keep_to_a_pace() -> None:
    clock, archive = Clock(), Archive(4_000)
    session, transport = reader()
    paces = ReplayPaces(user=Rate(1000, 1000))
    replays = Replays(archive, paces=paces, clock=clock, sleep=clock.sleep)
    await replayed(replays, session, feed_at(4_000))
    assert transport.seen == list(range(1, 4001))
    assert sum(clock.slept) == pytest.approx(2.5, abs=0.6), (
        "all but the burst and the last page are waited for"
    )
    clock.slept.clear()
    await replayed(replays, reader("bea")[0], feed_at(4_000), after=3_500)
    assert not clock.slept, "another user has a pace of their own"


async def test_a_replay_that_waits_ends_with_its_reader() -> None:
    clock = Clock()
    session, transport = reader()
    replays = Replays(Archive(2_000), paces=ReplayPaces(user=Rate(0.001, 1)), clock=clock, sleep=clock.sleep)
    replaying = asyncio.ensure_future(replays.replay(session, feed_at(2_000), [TOPIC], Cursor("g", 0, 99)))
    async with asyncio.timeout(30):
        await clock.sleeps.wait()
        assert not replaying.done() and not transport.seen
        session.close(1000, "")
        await replaying
