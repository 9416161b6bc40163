"""The queue of one channel with messages to send: claims them, sends them, and stores their outcomes.

Owns the channel's pace (token bucket, circuit breaker, concurrency) and the order claim → send → outcome. A known outcome
is stored before the next message of the same conversation can be claimed, because the unfinished message blocks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import structlog

from ...core.channels.delivery_policy import (
    MAX_CRASHES,
    MAX_RETRY_AFTER,
    SLOW_DOWN,
    Breaker,
    BreakerLimits,
    Bucket,
    Failure,
    RetryPolicy,
    Tries,
)
from ...core.channels.records import Delivery
from ...core.errors import Overloaded, StorageUnavailable, TertuliaError
from ...core.ports.http import Hints
from ...core.ports.outbox import Outbox, ToSend
from ...core.views.stream_events import conversation_topic
from .message_sender import AcceptedRequest, ChannelContext, MessageSender, SentElsewhere

log = structlog.get_logger(__name__)

WINDOW = 16
"""Messages of one channel in flight at once."""
IDLE = 30.0
"""Seconds of idleness after which the queue ends, with its breaker and token bucket."""
RETRY_STORAGE = 0.25
DEFAULT_RATE = 1.0
CRASHED = Failure("outcome_unknown", "the dispatcher ended each time while sending this")

T = TypeVar("T")
Context = ChannelContext | SentElsewhere | Failure
"""The means to send on a channel, or why that is impossible."""


class QueuePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's policies: when it repeats an attempt, and when it pauses."""

    retries: RetryPolicy = RetryPolicy()
    breaker: BreakerLimits = BreakerLimits()


class Budget:
    """The number of messages in flight on all channels, of at most `size`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0

    @property
    def free(self) -> int:
        return self.size - self.used


class ChannelQueue:
    """Sends one channel's messages at its pace. `incarnation` names the dispatcher's claims; `counts` has how often each
    (channel type, event) happened."""

    def __init__(
        self,
        channel_id: str,
        outbox: Outbox,
        sender: MessageSender,
        hints: Hints,
        *,
        shard: int,
        incarnation: str,
        budget: Budget,
        counts: Counter[tuple[str, str]],
        policy: QueuePolicy,
    ) -> None:
        self.channel_id = channel_id
        self.type = "unknown"
        self.under_way: dict[tuple[str, int], asyncio.Task[None]] = {}
        self.breaker = Breaker(policy.breaker)
        self.draining = False
        self._outbox = outbox
        self._sender = sender
        self._hints = hints
        self._shard = shard
        self._incarnation = incarnation
        self._budget = budget
        self._counts = counts
        self._retries = policy.retries
        self._bucket = Bucket.full(DEFAULT_RATE, time.monotonic())
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._busy_until = 0.0

    def wake(self) -> None:
        """A message may be due."""
        self._woken.set()

    async def main_loop(self) -> None:
        """Send until idle for a while. Raises StaleEpoch if another dispatcher took over."""
        try:
            await self._work()
        finally:
            self._stopped.set()

    async def _work(self) -> None:
        self._busy_until = time.monotonic() + IDLE
        while not self.draining:
            self._woken.clear()
            context = await self._context()
            room, wait = self._capacity()
            if context is None or room <= 0:
                await self._sleep(wait if context is not None else RETRY_STORAGE)
                continue
            items = await self._claim(room)
            if items is None:
                await self._sleep(RETRY_STORAGE)
                continue
            for item in items:
                self._start(context, item)
            if len(items) == room:
                continue
            if await self._idle():
                return

    async def _idle(self) -> bool:
        """Wait to be woken; True if it has been idle for long enough."""
        await self._sleep(max(self._busy_until - time.monotonic(), 1.0))
        now = time.monotonic()
        at_rest = (
            self.breaker.closed
            and not self.under_way
            and now >= max(self._busy_until, self._bucket.paused_until)
        )
        return at_rest and not self._woken.is_set()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    # -- the pace

    def _capacity(self) -> tuple[int, float]:
        """The number of messages that may be claimed now, and if it is 0, the seconds to wait."""
        now = time.monotonic()
        tokens, until_token = self._bucket.room(now)
        allowed, until_closed = self.breaker.room(now)
        room = min(tokens, WINDOW - len(self.under_way), self._budget.free)
        if allowed is not None:
            room = min(room, allowed)
        # with a full window or budget, the next finished message wakes the queue, or the timeout does
        return room, max(until_token, until_closed) or 0.1

    async def _context(self) -> Context | None:
        """The channel's context, or why nothing can be sent; None while the storage is unavailable."""
        try:
            context = await self._sender.context(self.channel_id)
        except (StorageUnavailable, Overloaded, TimeoutError) as error:
            log.warning("channel_waits_for_storage", channel_id=self.channel_id, error=str(error))
            return None
        if isinstance(context, ChannelContext) and self._bucket.rate != context.rate:
            fresh = self._bucket.rate == DEFAULT_RATE
            now = time.monotonic()
            self._bucket = Bucket.full(context.rate, now) if fresh else self._bucket.at_rate(context.rate)
        return context

    async def _claim(self, room: int) -> list[ToSend] | None:
        try:
            return await self._outbox.claim(self._shard, self._incarnation, self.channel_id, room)
        except (StorageUnavailable, Overloaded, TimeoutError) as error:
            # If it claimed something anyway, that is found as a stray (`dispatcher.py`).
            log.warning("claim_failed", channel_id=self.channel_id, error=str(error))
            return None

    # -- one message

    def _start(self, context: Context, item: ToSend) -> None:
        now = time.monotonic()
        self._busy_until = now + IDLE
        if isinstance(context, ChannelContext):
            self._bucket = self._bucket.took(now)
            self.breaker = self.breaker.began()
        self.type = item.channel_type
        self._budget.used += 1
        task = asyncio.ensure_future(self._deliver(context, item))
        self.under_way[item.key] = task
        task.add_done_callback(lambda done: self._on_task_done(item, done))

    def _on_task_done(self, item: ToSend, task: asyncio.Task[None]) -> None:
        self.under_way.pop(item.key, None)
        self._budget.used -= 1
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("send_crashed", message_id=item.message_id, error=repr(error))
            self.breaker = self.breaker.spared()

    async def _deliver(self, context: Context, item: ToSend) -> None:
        if isinstance(context, Failure):
            await self._record_failure(item, context)
        elif isinstance(context, SentElsewhere):
            await self._record_sent(item, item.parts_done, AcceptedRequest(None, time.time_ns() // 1_000_000))
        elif item.crashes > MAX_CRASHES:
            self.breaker = self.breaker.spared()
            await self._record_failure(item, CRASHED)
        else:
            await self._send(context, item)

    async def _send(self, context: ChannelContext, item: ToSend) -> None:
        requests = await self._sender.requests(context, item)
        if isinstance(requests, Failure):
            await self._on_failure(item, requests)
            return
        if item.told and len(requests) == 1:
            log.info("send_known_by_receipt", message_id=item.message_id)
            self.breaker = self.breaker.spared()
            await self._record_sent(item, 0, AcceptedRequest(None, time.time_ns() // 1_000_000))
            return
        for part in range(item.parts_done, len(requests)):
            if part > item.parts_done:
                self._bucket = self._bucket.took(time.monotonic())
            result = await self._sender.send(context, requests[part])
            if isinstance(result, Failure):
                await self._on_failure(item, result)
                return
            self.breaker = self.breaker.answered()
            if part == len(requests) - 1:
                await self._record_sent(item, part, result)
            elif not await self._record_part(item, part, result):
                return

    def _note_failure(self, failure: Failure) -> None:
        """Update breaker and bucket after a failure."""
        now = time.monotonic()
        if failure.provider:
            self.breaker = self.breaker.failed(now)
        elif failure.asked:
            self.breaker = self.breaker.answered()
        else:
            self.breaker = self.breaker.spared()
        if failure.slow_down or failure.retry_after:
            self._bucket = self._bucket.paused(now, min(failure.retry_after or SLOW_DOWN, MAX_RETRY_AFTER))

    async def _record_part(self, item: ToSend, part: int, accepted: AcceptedRequest) -> bool:
        held = await self._write_outcome(
            lambda: self._outbox.part_sent(self._incarnation, item, part, accepted.provider_id)
        )
        if not held:
            log.warning("claim_lost", message_id=item.message_id)
        return held

    async def _record_sent(self, item: ToSend, part: int, accepted: AcceptedRequest) -> None:
        delivery = await self._write_outcome(
            lambda: self._outbox.sent(self._incarnation, item, part, accepted.provider_id, accepted.left_at)
        )
        self._counts[self.type, "sent"] += 1
        await self._publish(item, delivery)
        if any(known != item.recipient for known in accepted.recipients):
            await self._note_recipients(item, accepted.recipients)

    async def _note_recipients(self, item: ToSend, recipients: tuple[str, ...]) -> None:
        """Once: the customer's own messages say the same, and the next send's answer does."""
        try:
            await self._outbox.learn(item, recipients)
        except TertuliaError as error:
            log.warning("recipient_not_noted", message_id=item.message_id, error=str(error))

    async def _on_failure(self, item: ToSend, failure: Failure) -> None:
        self._note_failure(failure)
        tries = Tries(item.attempts, item.lost_answers, item.age)
        delay = self._retries.next_try(failure, tries, random.random())
        if delay is None:
            await self._record_failure(item, failure)
            return
        self._counts[self.type, "retries"] += 1
        log.info("send_retried", message_id=item.message_id, code=failure.code, delay=round(delay, 1))
        await self._write_outcome(
            lambda: self._outbox.again(self._incarnation, item, delay, failure.error, unknown=failure.unknown)
        )
        asyncio.get_running_loop().call_later(delay, self.wake)

    async def _record_failure(self, item: ToSend, failure: Failure) -> None:
        delivery = await self._write_outcome(
            lambda: self._outbox.failed(self._incarnation, item, failure.error, unknown=failure.unknown)
        )
        log.warning("send_failed", message_id=item.message_id, code=failure.code, attempts=item.attempts)
        self._counts[self.type, "failed"] += 1
        await self._publish(item, delivery)

    async def _write_outcome(self, write: Callable[[], Awaitable[T]]) -> T:
        """Store an outcome, retrying without limit: nobody else knows it."""
        while True:
            try:
                return await write()
            except (StorageUnavailable, Overloaded, TimeoutError) as error:
                log.warning("outcome_waits_for_storage", channel_id=self.channel_id, error=str(error))
                await asyncio.sleep(RETRY_STORAGE)

    async def _publish(self, item: ToSend, delivery: Delivery | None) -> None:
        if delivery is None:
            log.warning("claim_lost", message_id=item.message_id)
            return
        data: dict[str, Any] = {"message_id": item.message_id, "delivery_status": delivery.status}
        if delivery.error is not None:
            data["delivery_error"] = delivery.error
        topics = [conversation_topic(item.conversation_id)]
        await self._hints.send(item.account_id, "conversation:receipt", data, topics, item.conversation_id)

    async def drain(self) -> None:
        """Claim nothing more, and finish what is in flight."""
        self.draining = True
        self._woken.set()
        await self._stopped.wait()  # a claim in progress may still bring messages
        if self.under_way:
            await asyncio.wait(list(self.under_way.values()))
