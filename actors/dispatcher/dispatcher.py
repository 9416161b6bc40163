"""A dispatcher: sends the queued messages of its shard's channels. A plain class; `actor_options.py` makes a Ray actor of
it.

Owns the channel queues, one for each channel with messages to send. They start on a host's wake after a commit, or by the
poll, which covers lost wakes and due retries. It ends when another incarnation of its shard has registered.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable

import msgspec
import structlog

from ...core.channels.delivery_policy import shard_of
from ...core.ports.http import Hints
from ...core.ports.journal import StaleEpoch
from ...core.ports.outbox import Outbox
from ..background_tasks import BackgroundTasks
from ..recurring import recur
from .channel_queue import Budget, ChannelQueue, QueuePolicy
from .message_sender import MessageSender

log = structlog.get_logger(__name__)

MAX_UNDER_WAY = 256
"""Messages that one dispatcher sends at once. Others wait in the outbox."""

Figures = dict[str, dict[str, float]]
"""Channel type → figure → value."""


class DispatcherIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between a dispatcher's regular tasks."""

    poll: float = 1.0
    """Covers lost wakes and due retries."""
    strays: float = 30.0
    """Longer than any claim takes: a message claimed but unknown here in two consecutive checks is a stray."""
    tidy: float = 3600.0


class Dispatcher:
    """Owns the channel queues of one shard."""

    def __init__(
        self,
        outbox: Outbox,
        sender: MessageSender,
        hints: Hints,
        *,
        shard: int,
        shards: int,
        intervals: DispatcherIntervals = DispatcherIntervals(),  # noqa: B008 - it is immutable
        policy: QueuePolicy = QueuePolicy(),  # noqa: B008 - it is immutable
    ) -> None:
        self._intervals = intervals
        self._policy = policy
        self.incarnation = str(uuid.uuid4())
        self.stale = asyncio.Event()
        self.queues: dict[str, ChannelQueue] = {}
        self._outbox = outbox
        self._sender = sender
        self._hints = hints
        self._shard = shard
        self._shards = shards
        self._budget = Budget(MAX_UNDER_WAY)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._tasks = BackgroundTasks()
        self._suspects: set[tuple[str, int, int]] = set()
        self._draining = False

    async def startup(self) -> None:
        """Register, which fences off the shard's previous dispatcher."""
        again = await self._outbox.register(self._shard, self._shards, self.incarnation)
        if again:
            log.warning("sends_of_unknown_outcome", messages=again)

    async def main_loop(self) -> None:
        """Send until another incarnation takes over, or until cancelled."""
        every = self._intervals
        loops = (
            recur(self._poll, "outbox_poll", every.poll, at_once=True),
            recur(self._release_strays, "outbox_strays", every.strays, at_once=True),
            recur(self._tidy, "outbox_tidy", every.tidy, at_once=True),
        )
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await self.stale.wait()
        finally:
            for task in tasks:
                task.cancel()
            self._tasks.cancel()

    def wake(self, channels: Iterable[str]) -> None:
        """These channels have messages to send. Channels of other shards are ignored."""
        for channel_id in channels:
            if shard_of(channel_id, self._shards) == self._shard and not self._draining:
                self._queue_of(channel_id).wake()

    def _queue_of(self, channel_id: str) -> ChannelQueue:
        queue = self.queues.get(channel_id)
        if queue is None:
            queue = self.queues[channel_id] = ChannelQueue(
                channel_id, self._outbox, self._sender, self._hints,
                shard=self._shard, incarnation=self.incarnation, budget=self._budget, counts=self._counts,
                policy=self._policy,
            )  # fmt: skip
            self._tasks.start(self._run(queue))
        return queue

    async def _run(self, queue: ChannelQueue) -> None:
        try:
            await queue.main_loop()
        except StaleEpoch as error:
            log.error("dispatcher_superseded", reason=str(error))
            self.stale.set()
        except Exception:  # a bug: the poll starts the queue again
            log.exception("channel_queue_failed", channel_id=queue.channel_id)
        finally:
            if not queue.under_way and self.queues.get(queue.channel_id) is queue:
                del self.queues[queue.channel_id]
            elif queue.under_way and not self._draining:
                await self._retire(queue)

    async def _retire(self, queue: ChannelQueue) -> None:
        """Drain a failed queue that has messages in flight; then a new one may start."""
        await queue.drain()
        if self.queues.get(queue.channel_id) is queue:
            del self.queues[queue.channel_id]

    # -- what no wake reports

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        for due in await self._outbox.due():
            if due.delay <= 0:
                self.wake([due.channel_id])
            elif due.delay < self._intervals.poll:
                loop.call_later(due.delay, self.wake, [due.channel_id])

    async def _release_strays(self) -> None:
        """Release claims whose answer was lost, and those of crashed sends: nothing else would end them."""
        held = set(await self._outbox.held(self.incarnation))
        known = {key for queue in self.queues.values() for key in queue.under_way}
        suspects = {h for h in held if h[:2] not in known}
        if strays := suspects & self._suspects:
            log.warning("strays_released", messages=len(strays))
            await self._outbox.release(self.incarnation, [(c, seq) for c, seq, _ in strays])
        self._suspects = suspects

    async def _tidy(self) -> None:
        await self._outbox.tidy()

    # -- shutdown and statistics

    async def drain(self, seconds: float) -> None:
        """Claim nothing more and finish what is in flight within `seconds`. What is left has an unknown outcome."""
        self._draining = True
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(queue.drain() for queue in list(self.queues.values())))
        except TimeoutError:
            left = sum(len(queue.under_way) for queue in self.queues.values())
            log.warning("drain_timed_out", messages=left)

    async def statistics(self) -> Figures:
        """Gauges and counters for /metrics, of this shard's channels."""
        figures: Figures = {}

        def add(type: str, name: str, value: float) -> None:
            of_type = figures.setdefault(type, {})
            of_type[name] = of_type.get(name, 0.0) + value

        for (type, what), count in self._counts.items():
            add(type, f"{what}_total", count)
        for queue in self.queues.values():
            add(queue.type, "open_circuits", float(not queue.breaker.closed))
        for channel_id, (type, count) in (await self._outbox.depths()).items():
            if shard_of(channel_id, self._shards) == self._shard:
                add(type, "queued", count)
        return figures
