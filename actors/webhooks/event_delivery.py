"""Event webhooks: loops that turn feeds into deliveries, and send them. The Redis stream and RabbitMQ: `event_streamer.py`.

All state is in Postgres: any number of processes may run any of these loops, and each may die at any moment. Events are
delivered at least once, and an account's in the order of its feed as long as nothing fails.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from ...core.errors import Internal, Overloaded, TertuliaError
from ...core.ports.event_webhooks import EventQueue, Poster, WebhookSecrets
from ...core.webhooks.delivery import Attempt, headers_of, judge, wait_before_retry
from ...core.webhooks.records import Claimed, EventWebhook
from ..recurring import Failures, recur

log = structlog.get_logger(__name__)

POLL = 0.25
"""Seconds between polls without work."""
TRIM_EVERY = 60.0
CONCURRENCY = 64
"""Deliveries that one process has in flight. Others stay in the queue."""


class EventPump:
    """Turns the accounts' feeds into deliveries. `pumped` is called when there are new ones."""

    def __init__(self, queue: EventQueue, pumped: Callable[[], None] = lambda: None) -> None:
        self._queue = queue
        self._pumped = pumped

    async def step(self) -> int:
        """Process one page; returns how many webhooks it was for."""
        moved = await self._queue.pump()
        if moved:
            self._pumped()
        return moved

    async def main_loop(self) -> None:
        """Pump, and trim the delivery log, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(recur(self.step, "event_pump", POLL, at_once=True, while_busy=True))
            group.create_task(
                recur(self._queue.trim, "event_trim", TRIM_EVERY, at_once=True, while_busy=True)
            )


class WebhookCaller:
    """Signs a body with a webhook's secrets and sends it in one attempt.

    At most `most` calls are in flight; beyond that raises Overloaded.
    """

    def __init__(self, poster: Poster, secrets: WebhookSecrets, *, most: int = CONCURRENCY) -> None:
        self._poster = poster
        self._secrets = secrets
        self._most = most
        self._under_way = 0

    async def call(self, webhook: EventWebhook, event_id: str, body: bytes) -> Attempt:
        if self._under_way >= self._most:
            raise Overloaded("too many webhooks are being called at the moment", retry_after=5)
        self._under_way += 1
        try:
            return await self._call(webhook, event_id, body)
        finally:
            self._under_way -= 1

    async def _call(self, webhook: EventWebhook, event_id: str, body: bytes) -> Attempt:
        now = time.time()
        try:
            secrets = self._secrets.open_secrets(webhook.account_id, webhook.id, webhook.secret)
        except Internal as error:
            return Attempt(None, error=error.detail)
        if webhook.previous_until is None or webhook.previous_until <= now * 1000:
            secrets = secrets[:1]
        return await self._poster.post(webhook.url, headers_of(secrets, event_id, int(now), body), body)


class EventSender:
    """Sends due deliveries, `concurrency` at a time. A webhook that only fails for `disable_after` seconds is disabled."""

    def __init__(
        self,
        queue: EventQueue,
        caller: WebhookCaller,
        *,
        disable_after: float,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._queue = queue
        self._caller = caller
        self._disable_after = disable_after
        self._concurrency = concurrency
        self._under_way: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to send, or a free slot."""
        self._woken.set()

    async def main_loop(self) -> None:
        """Send until cancelled. Deliveries then in flight are sent again by another process once their claims have expired."""
        failures = Failures("event_claim")
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                try:
                    while await self._start(group):
                        pass
                except Exception as error:
                    await asyncio.sleep(failures.note(error))
                    continue
                failures.end()
                try:
                    async with asyncio.timeout(POLL):
                        await self._woken.wait()
                except TimeoutError:
                    pass

    async def _start(self, group: asyncio.TaskGroup) -> int:
        room = self._concurrency - len(self._under_way)
        claimed = await self._queue.claim(room) if room else []
        for one in claimed:
            task = group.create_task(self._deliver(one))
            self._under_way.add(task)
            task.add_done_callback(self._done)
        return len(claimed)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self.wake()

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            answer = await self._caller.call(claimed.webhook, claimed.event_id, claimed.payload)
            judgement = judge(answer)
            wait = None
            if judgement == "failed":
                wait = wait_before_retry(claimed.attempts, answer, time.time(), random.random())
            disabled = await self._queue.finish(claimed, answer, judgement, wait, self._disable_after)
        except TertuliaError as error:  # its claim expires and it is sent again
            log.warning("event_outcome_lost", delivery=claimed.id, error=repr(error))
            return
        except Exception:
            log.exception("event_delivery_failed", delivery=claimed.id)
            return
        if disabled is not None:
            log.warning(
                "event_webhook_disabled",
                account=claimed.webhook.account_id,
                webhook=claimed.webhook.id,
                reason=disabled,
            )
