"""Hints between gateways over Valkey's publish/subscribe: typing, presence, read markers. Lost without harm."""

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
    """An event that is no entry, on its way to every gateway."""

    account_id: str
    type: str
    data: dict[str, Any]
    topics: list[str]
    conversation_id: str | None = None


class ValkeyHints:
    """Sends hints to all gateways, this one included, and hears those of all. Without Valkey only our own readers hear.
    `listening` is called whenever we hear those of others from then on; what came before may have been lost."""

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
        """Whether it went out; False where only our own readers hear of it."""
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
        """Listen until cancelled; reconnect when Valkey comes back."""
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
