"""Hints between gateways over Valkey's publish/subscribe: typing, presence, read markers. They may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

CHANNEL = "tertulia:hints"


class Hint(msgspec.Struct, frozen=True, array_like=True):
    """An event that is not an entry, on its way to every gateway."""

    account_id: str
    type: str
    data: dict[str, Any]
    topics: list[str]
    conversation_id: str | None = None


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
        hint = Hint(account_id, type, data, topics, conversation_id)
        try:
            await self._client.publish(CHANNEL, msgspec.msgpack.encode(hint))
        except (RedisError, OSError, TimeoutError):
            self._deliver(hint)
            return False
        if not self._listening:
            self._deliver(hint)
        return True

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
