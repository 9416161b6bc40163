"""Writes all accounts' events to the Redis stream. Its progress: `postgres/delivery/event_log.py`."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from ...core.webhooks.events import OutgoingEvent
from .client import failures


class ValkeyEventStream:
    """`core.ports.event_webhooks.EventSink`: XADD with the fields id, type, account_id, event (JSON).

    `most`: about how many entries the stream keeps; the oldest are dropped first.
    """

    def __init__(self, client: Redis, name: str, most: int) -> None:
        self._client = client
        self._name = name
        self._most = most

    async def open(self) -> None:
        with failures():
            await self._client.ping()

    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        if not events:
            return
        with failures():
            async with self._client.pipeline(transaction=False) as pipe:
                for e in events:
                    fields = {"id": e.id, "type": e.type, "account_id": e.account_id, "event": e.event}
                    pipe.xadd(self._name, fields, maxlen=self._most, approximate=True)  # type: ignore[arg-type]
                await pipe.execute()
