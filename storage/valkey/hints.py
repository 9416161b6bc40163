"""Hints between gateways over Valkey's publish/subscribe: typing, presence, read markers. They may be lost."""

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


class ValkeyHints:
    """Sends hints to all gateways and receives those of all. Without Valkey, hints reach only this gateway's own readers.

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
        self._listening = False

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
        """Like `send`, in one round trip."""
        try:
            if len(hints) == 1:
                await self._client.publish(CHANNEL, msgspec.msgpack.encode(hints[0]))
            elif hints:
                async with self._client.pipeline(transaction=False) as pipeline:
                    for hint in hints:
                        pipeline.publish(CHANNEL, msgspec.msgpack.encode(hint))
                    await pipeline.execute()
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
                    await pubsub.subscribe(CHANNEL)
                    while True:
                        message = await pubsub.get_message(timeout=None)
                        if message is not None and message["type"] == "subscribe":
                            self._listening = True
                            self._joined()
                        elif message is not None and message["type"] == "message":
                            self._deliver(self._decode(message["data"]))
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("hints_lost", error=repr(error))
            finally:
                self._listening = False
            await asyncio.sleep(0.5)
