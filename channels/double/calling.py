"""Delivers webhooks, duplicated, shuffled or concurrently if the channel is set up so, and sends receipts automatically."""

from __future__ import annotations

import asyncio
import io
import random
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final

import aiohttp

from .model import Answered, Channel, Receipt, ReceiptPlan, Sent, Status, Webhook

DEADLINE: Final = 15.0
"""Seconds that a receiver may take; providers wait about as long."""
MAX_ANSWER: Final = 10_000
MAX_UNDER_WAY: Final = 10_000
"""Messages with receipts still to send. A message beyond that gets none, and `receipts_dropped` counts it."""
AT_ONCE: Final = 100
TRIES: Final = 5
STATUSES: Final[tuple[Status, ...]] = ("sent", "delivered", "read")

MakeReceipt = Callable[[Channel, Sent, Receipt], Webhook | None]


class Caller:
    """Calls webhooks. Used as an async context manager."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self.receipts_dropped = 0

    async def __aenter__(self) -> Caller:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def call(self, channel: Channel, webhook: Webhook) -> Answered:
        """Call a webhook once, and return its response."""
        assert self._session is not None
        url, began = webhook.url or channel.webhook_url, time.monotonic()
        if not url:
            channel.updates.append(webhook.body)
            channel.arrived.set()
            return Answered(webhook.provider_id, 0, "no webhook: the update waits for getUpdates", 0.0)
        async with self._places:
            try:
                async with self._session.post(
                    url, data=io.BytesIO(webhook.body), headers=webhook.headers
                ) as response:
                    body = (await response.content.read(MAX_ANSWER)).decode("utf-8", "replace")
                    status = response.status
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                status, body = 0, str(error) or type(error).__name__
        return Answered(webhook.provider_id, status, body, round((time.monotonic() - began) * 1000, 1))

    async def ask(self, channel: Channel, query: dict[str, str]) -> tuple[int, str]:
        """GET the channel's webhook. Returns status and body; the status is 0 if it could not be reached."""
        assert self._session is not None
        try:
            async with self._session.get(channel.webhook_url, params=query) as response:
                return response.status, (await response.content.read(MAX_ANSWER)).decode("utf-8", "replace")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return 0, str(error) or type(error).__name__

    async def deliver(self, channel: Channel, webhooks: Sequence[Webhook]) -> list[Answered]:
        """Call them all under the channel's webhook faults. Returns the responses in the order of the calls."""
        faults = channel.webhooks
        calls = [webhook for webhook in webhooks for _ in range(faults.duplicate)]
        if faults.shuffle:
            random.shuffle(calls)
        if faults.concurrent:
            return list(await asyncio.gather(*(self.call(channel, webhook) for webhook in calls)))
        return [await self.call(channel, webhook) for webhook in calls]

    def follow(self, channel: Channel, sent: Sent, make: MakeReceipt) -> None:
        """Send the receipts of a message in the background, each after the one before is answered."""
        plan = channel.receipts
        if not (plan.sent or plan.delivered or plan.read):
            return
        if len(self._under_way) >= MAX_UNDER_WAY:
            self.receipts_dropped += 1
            return
        task = asyncio.create_task(self._follow(channel, sent, plan, make))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _follow(self, channel: Channel, sent: Sent, plan: ReceiptPlan, make: MakeReceipt) -> None:
        for status in STATUSES:
            webhook = (
                make(channel, sent, Receipt(sent.provider_id, status)) if getattr(plan, status) else None
            )
            if webhook is None:
                continue
            await asyncio.sleep(plan.delay)
            channel.statuses[sent.provider_id] = status
            for again in range(TRIES):
                answers = await self.deliver(channel, [webhook])
                if all(200 <= answer.status < 300 for answer in answers):
                    break
                await asyncio.sleep(2.0**again)
