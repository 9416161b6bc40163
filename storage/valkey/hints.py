"""Hints between gateways over Valkey's publish/subscribe: typing, presence, read markers, assistants' frames. They may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ...core.ports.http import Hint

log = structlog.get_logger(__name__)

CHANNEL = "tertulia:hints"
"""One hint a message."""
BATCHES = "tertulia:hint-batches"
"""Several hints a message."""


class ValkeyHints:
    """Sends hints to all gateways and receives those of all, in the order in which each process sends its own. Without Valkey, hints
    reach only this gateway's own readers.

    While one message is on its way, later hints gather and share the next: under load, dozens cost hardly more than one.
    Whoever sends waits, so no process has more of them waiting than it has senders.
    `listening` is called after each (re)subscription; earlier hints of other gateways may have been lost.
    """

    def __init__(
        self,
        client: Redis,
        deliver: Callable[[Hint], None],
        listening: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._deliver = deliver
        self._joined = listening
        self._decode = msgspec.msgpack.Decoder(Hint).decode
        self._decode_batch = msgspec.msgpack.Decoder(list[Hint]).decode
        self._listening = False
        self._gathered: list[Hint] = []
        self._next: asyncio.Task[bool] | None = None
        self._sending = asyncio.Lock()

    async def send(
        self,
        account_id: str,
        type: str,
        data: dict[str, Any],
        topics: list[str],
        conversation_id: str | None = None,
    ) -> bool:
        """Returns whether it was published; otherwise only this gateway's readers get it."""
        return await self.send_all([Hint(account_id, type, data, topics, conversation_id)])

    async def send_all(self, hints: Sequence[Hint]) -> bool:
        """Like `send`, in one message."""
        if not hints:
            return True
        self._gathered += hints
        if self._next is None:
            self._next = asyncio.ensure_future(self._send_gathered())
        return await asyncio.shield(self._next)

    async def _send_gathered(self) -> bool:
        async with self._sending:
            hints, self._gathered, self._next = self._gathered, [], None
            try:
                if len(hints) == 1:
                    await self._client.publish(CHANNEL, msgspec.msgpack.encode(hints[0]))
                else:
                    await self._client.publish(BATCHES, msgspec.msgpack.encode(hints))
            except (RedisError, OSError, TimeoutError):
                self._deliver_all(hints)
                return False
            if not self._listening:
                self._deliver_all(hints)
            return True

    def _deliver_all(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            self._deliver(hint)

    async def main_loop(self) -> None:
        """Receive until cancelled; reconnect when Valkey comes back."""
        while True:
            try:
                async with self._client.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL, BATCHES)
                    while True:
                        self._take(await pubsub.get_message(timeout=None))
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("hints_lost", error=repr(error))
            finally:
                self._listening = False
            await asyncio.sleep(0.5)

    def _take(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe" and message["data"] == 2:  # to both channels
            self._listening = True
            self._joined()
        elif message["type"] == "message":
            try:
                if message["channel"] == BATCHES.encode():
                    hints = self._decode_batch(message["data"])
                else:
                    hints = [self._decode(message["data"])]
            except msgspec.MsgspecError as error:  # somebody else's message
                log.warning("hints_not_readable", error=str(error))
                return
            self._deliver_all(hints)
