"""A gateway's account feeds: deliver entries in the order of their positions, without a gap, to a listener.

Hosts push what they commit. Commits of two hosts may arrive out of order, and pushes of a dying host are lost. So a feed
delivers position by position, holds early entries, and reads missing ones from Postgres. Readers that reconnect are served
from the newest entries in memory as far as those reach, otherwise from Postgres.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from ...core.conversation.entries import Edited, Entry, Erased, Message
from ...core.conversation.erasure import blanked
from ...core.errors import NotFound, Overloaded, StorageUnavailable
from ...core.ports.feeds import FeedArchive, FeedHead

log = structlog.get_logger(__name__)

KEPT = 2048
"""Entries that a feed keeps for reconnecting readers. Beyond this or `KEPT_BYTES` the oldest go; readers get those from
Postgres."""
KEPT_BYTES = 16 * 1024 * 1024
"""Approximate bytes of these entries: one for each character, and `ENTRY_SIZE` for the rest of an entry."""
ENTRY_SIZE = 512
MAX_HELD = 8192
"""Early entries that a feed holds. Beyond this they are dropped and read from Postgres later."""
PAGE = 1000


Listener = Callable[[Entry], None]


class FeedIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    reorder: float = 0.05
    """For which an early entry waits for its predecessors before they are read from Postgres; and a commit seen there, for its push."""
    poll: float = 1.0
    """Between checks of the feeds' heads in Postgres: bounds how late a lost push is noticed."""


class Feed:
    """One account's feed in this gateway. `position` is the last one delivered."""

    def __init__(self, account_id: str, listener: Listener) -> None:
        self.account_id = account_id
        self.generation = ""
        self.position = -1
        self.kept_from = 1
        self.readers = 0
        self._listener = listener
        self._held: dict[int, Entry] = {}
        self.recent: deque[Entry] = deque()
        self._kept_bytes = 0

    @property
    def started(self) -> bool:
        return self.position >= 0

    @property
    def gap(self) -> bool:
        """Whether early entries wait for missing ones."""
        return bool(self._held) and self.started

    def start(self, head: FeedHead) -> None:
        """Start right after `head`; entries that arrived before the start are delivered now."""
        while self.recent and self.recent[-1].position > head.position:
            self._kept_bytes -= _size(self.recent.pop())
        self.generation, self.position, self.kept_from = head.generation, head.position, head.kept_from
        self._advance()

    def offer(self, entry: Entry) -> None:
        """Deliver an entry in its turn, hold it while it is early, drop it if it is old."""
        if entry.position == self.position + 1 and self.started:
            self._deliver(entry)
            if self._held:
                self._advance()
        elif entry.position > self.position and len(self._held) < MAX_HELD:
            self._held[entry.position] = entry

    def heal(self, page: Sequence[Entry]) -> None:
        """Deliver the archive's entries after `position`: without a gap, except for entries that no longer exist."""
        for entry in page:
            if entry.position > self.position:
                self.position = entry.position - 1
                self._deliver(entry)
        self._advance()

    def _advance(self) -> None:
        for position in [p for p in self._held if p <= self.position]:
            del self._held[position]
        while (entry := self._held.pop(self.position + 1, None)) is not None:
            self._deliver(entry)

    def _deliver(self, entry: Entry) -> None:
        self.position = entry.position
        if isinstance(entry.data, Erased):
            self._blank(entry.conversation_id)
        self._keep(entry)
        self._listener(entry)

    def fill(self, page: Sequence[Entry]) -> None:
        """Keep exactly these entries for reconnecting readers."""
        self.recent.clear()
        self._kept_bytes = 0
        for entry in page:
            self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        recent = self.recent
        recent.append(entry)
        self._kept_bytes += _size(entry)
        while len(recent) > KEPT or (self._kept_bytes > KEPT_BYTES and len(recent) > 1):
            self._kept_bytes -= _size(recent.popleft())

    def _blank(self, conversation_id: str) -> None:
        """Blank the erased content for readers that reconnect from now on."""
        self.fill([blanked(e) if e.conversation_id == conversation_id else e for e in self.recent])

    def since(self, position: int) -> list[Entry] | None:
        """The delivered entries after `position`, or None if memory does not reach back that far."""
        if position >= self.position:
            return []
        if not self.recent or self.recent[0].position > position + 1:
            return None
        return [e for e in self.recent if e.position > position]


def _size(entry: Entry) -> int:
    """The approximate bytes of an entry."""
    return ENTRY_SIZE + (len(entry.data.content) if isinstance(entry.data, Message | Edited) else 0)


class Feeds:
    """All feeds of a gateway. `watch` tells the hosts which accounts have readers here."""

    def __init__(
        self,
        archive: FeedArchive,
        listener: Listener,
        watch: Callable[[list[str]], Awaitable[None]],
        intervals: FeedIntervals = FeedIntervals(),  # noqa: B008 - it is immutable
    ) -> None:
        self._intervals = intervals
        self._archive = archive
        self._listener = listener
        self._watch = watch
        self._feeds: dict[str, Feed] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._watching = asyncio.Lock()

    def get(self, account_id: str) -> Feed | None:
        return self._feeds.get(account_id)

    async def attach(self, account_id: str) -> Feed:
        """The account's feed, started, with one more reader. Return it with `detach`."""
        feed = self._feeds.setdefault(account_id, Feed(account_id, self._listener))
        feed.readers += 1  # from now on: a feed without readers may be dropped at any moment
        try:
            if not feed.started:
                await asyncio.shield(self._started(feed))
        except BaseException:
            feed.readers -= 1
            raise
        return feed

    def _started(self, feed: Feed) -> asyncio.Task[None]:
        task = self._starting.get(feed.account_id)
        if task is None:
            task = self._starting[feed.account_id] = asyncio.ensure_future(self._start(feed))
            task.add_done_callback(lambda done: self._start_over(feed, done))
        return task

    def _start_over(self, feed: Feed, task: asyncio.Task[None]) -> None:
        del self._starting[feed.account_id]
        if not task.cancelled():
            task.exception()  # retrieved, in case nobody is waiting any longer

    def detach(self, feed: Feed) -> None:
        feed.readers -= 1

    async def catch_up(self, feed: Feed) -> None:
        """Read entries that are committed but not delivered yet, for a reader whose last gateway was ahead of this one."""
        try:
            await self._recover([feed])
        except (Overloaded, StorageUnavailable) as error:
            log.warning("feed_catch_up_failed", error=repr(error), feeds=1)

    async def _start(self, feed: Feed) -> None:
        await self.rewatch()
        heads = await self._archive.heads([feed.account_id])
        if not heads:
            raise NotFound("no such account")
        (head,) = heads
        # One query for the newest entries serves many readers that reconnect together.
        page = await self._archive.read(feed.account_id, max(0, head.position - KEPT), KEPT)
        feed.fill(page)
        feed.start(head)

    async def rewatch(self) -> None:
        """Tell the hosts which accounts are watched: after a host came back, and when the accounts changed."""
        async with self._watching:
            await self._watch(list(self._feeds))

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Entries from a host."""
        early = False
        for entry in entries:
            feed = self._feeds.get(entry.account_id)
            if feed is not None:
                feed.offer(entry)
                early = early or feed.gap
        if early:
            self._wake.set()

    async def main_loop(self) -> None:
        """Heal gaps and check regularly for lost pushes, until cancelled."""
        clock = asyncio.get_running_loop().time
        poll = clock() + self._intervals.poll
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), max(0.0, poll - clock()))
                await asyncio.sleep(self._intervals.reorder)
                self._wake.clear()
            except TimeoutError:
                pass
            lagging, patience = [f for f in self._feeds.values() if f.gap], 0.0
            if clock() >= poll:  # by the clock: early entries of one account must not delay the others' check
                poll = clock() + self._intervals.poll
                self._forget()
                lagging = [f for f in self._feeds.values() if f.started]
                # a busy account always has commits whose pushes are on their way
                patience = self._intervals.reorder
            if lagging:
                try:
                    await self._recover(lagging, patience)
                except Exception as error:
                    log.warning("feed_recovery_failed", error=repr(error), feeds=len(lagging))

    def _forget(self) -> None:
        for account_id in [f.account_id for f in self._feeds.values() if f.readers == 0]:
            if account_id not in self._starting:
                del self._feeds[account_id]

    async def _recover(self, feeds: list[Feed], patience: float = 0.0) -> None:
        heads = await self._archive.heads([f.account_id for f in feeds])
        await asyncio.sleep(patience)
        for head in heads:
            feed = self._feeds.get(head.account_id)
            while feed is not None and feed.position < head.position:
                page = await self._archive.read(feed.account_id, feed.position, PAGE)
                if not page:
                    break
                feed.heal(page)
