"""Account feeds of a gateway: entries in the order of their positions, without a gap, to whoever listens.

Hosts send what they committed; commits of two hosts may arrive out of order, and what a dying host did not send never
arrives. A feed therefore delivers position by position, holds what comes early, and reads from Postgres what does
not come. Readers that reconnect are served from the newest entries in memory where that reaches, else from Postgres.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import structlog

from ...core.conversation.entries import Edited, Entry, Erased, Message
from ...core.conversation.erasure import blanked
from ...core.errors import NotFound
from ...core.ports.feeds import FeedArchive, FeedHead

log = structlog.get_logger(__name__)

REORDER_WAIT = 0.05
"""Seconds an early entry waits for the ones before it, before they are read from Postgres."""
POLL = 1.0
"""Seconds between looks at where the feeds stand in Postgres: the bound on how late a lost delivery is noticed."""
KEPT = 2048
"""Entries a feed keeps for readers that reconnect. The oldest go first, as with `KEPT_BYTES`; those are read from Postgres."""
KEPT_BYTES = 16 * 1024 * 1024
"""About as many bytes of them: a character counts as one, what else an entry holds as `ENTRY_SIZE`."""
ENTRY_SIZE = 512
MAX_HELD = 8192
"""Early entries a feed holds. Beyond it they are dropped, and read from Postgres in their turn."""
PAGE = 1000


Listener = Callable[[Entry], None]


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
        """Whether something that came early still waits."""
        return bool(self._held) and self.started

    def start(self, head: FeedHead) -> None:
        """Begin right after `head`; what came before the start is delivered now."""
        while self.recent and self.recent[-1].position > head.position:
            self._kept_bytes -= _size(self.recent.pop())
        self.generation, self.position, self.kept_from = head.generation, head.position, head.kept_from
        self._advance()

    def offer(self, entry: Entry) -> None:
        """Take an entry in: deliver it in its turn, hold it while it is early, drop it when it is old."""
        if entry.position == self.position + 1 and self.started:
            self._deliver(entry)
            if self._held:
                self._advance()
        elif entry.position > self.position and len(self._held) < MAX_HELD:
            self._held[entry.position] = entry

    def heal(self, page: Sequence[Entry]) -> None:
        """Take in what the archive has after `position`: without a gap but for what does not exist any more."""
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
        """Keep these and nothing else, for readers that reconnect."""
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
        """Whoever reconnects from now on must not be told what was erased."""
        self.fill([blanked(e) if e.conversation_id == conversation_id else e for e in self.recent])

    def since(self, position: int) -> list[Entry] | None:
        """The delivered entries after `position`, or None where memory does not reach back that far."""
        if position >= self.position:
            return []
        if not self.recent or self.recent[0].position > position + 1:
            return None
        return [e for e in self.recent if e.position > position]


def _size(entry: Entry) -> int:
    """About how many bytes an entry takes."""
    return ENTRY_SIZE + (len(entry.data.content) if isinstance(entry.data, Message | Edited) else 0)


class Feeds:
    """All feeds of a gateway. `watch` tells the hosts which accounts have readers here."""

    def __init__(
        self, archive: FeedArchive, listener: Listener, watch: Callable[[list[str]], Awaitable[None]]
    ) -> None:
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
        """The account's feed, started; count a reader in. Give it back with `detach`."""
        feed = self._feeds.setdefault(account_id, Feed(account_id, self._listener))
        feed.readers += 1  # from now on: what nobody reads may be forgotten at any moment
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
            task.exception()  # those who wait hear of it; nobody may be waiting any more

    def detach(self, feed: Feed) -> None:
        feed.readers -= 1

    async def _start(self, feed: Feed) -> None:
        await self.rewatch()
        heads = await self._archive.heads([feed.account_id])
        if not heads:
            raise NotFound("no such account")
        (head,) = heads
        # The newest entries at once, so that many readers coming back together cost one query.
        page = await self._archive.read(feed.account_id, max(0, head.position - KEPT), KEPT)
        feed.fill(page)
        feed.start(head)

    async def rewatch(self) -> None:
        """Tell the hosts anew; after a host came back, and when the accounts changed."""
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
        """Heal gaps, and look regularly whether anything was lost, until cancelled."""
        clock = asyncio.get_running_loop().time
        poll = clock() + POLL
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), max(0.0, poll - clock()))
                await asyncio.sleep(REORDER_WAIT)
                self._wake.clear()
            except TimeoutError:
                pass
            lagging = [f for f in self._feeds.values() if f.gap]
            if clock() >= poll:  # by the clock: early entries of one account must not keep us from the others
                poll = clock() + POLL
                self._forget()
                lagging = [f for f in self._feeds.values() if f.started]
            if lagging:
                try:
                    await self._catch_up(lagging)
                except Exception as error:
                    log.warning("feed_catch_up_failed", error=repr(error), feeds=len(lagging))

    def _forget(self) -> None:
        for account_id in [f.account_id for f in self._feeds.values() if f.readers == 0]:
            if account_id not in self._starting:
                del self._feeds[account_id]

    async def _catch_up(self, feeds: list[Feed]) -> None:
        heads = await self._archive.heads([f.account_id for f in feeds])
        for head in heads:
            feed = self._feeds.get(head.account_id)
            while feed is not None and feed.position < head.position:
                page = await self._archive.read(feed.account_id, feed.position, PAGE)
                if not page:
                    break
                feed.heal(page)
