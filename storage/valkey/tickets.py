"""Stream tickets in Valkey. Never sees a ticket, only its digest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from redis.asyncio import Redis

from .client import Prefix, failures


class ValkeyTickets:
    """`core.ports.auth.TicketStore`. GETDEL makes a ticket single-use across gateways."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def put(self, digest: str, payload: bytes, lifetime: float) -> None:
        with failures():
            await self._client.set(Prefix.TICKET + digest, payload, px=max(1, math.ceil(lifetime * 1000)))

    async def take(self, digest: str) -> bytes | None:
        with failures():
            payload = await self._client.getdel(Prefix.TICKET + digest)
        return payload.encode() if isinstance(payload, str) else payload

    async def peek(self, digest: str) -> bytes | None:
        with failures():
            payload = await self._client.get(Prefix.TICKET + digest)
        return payload.encode() if isinstance(payload, str) else payload

    async def extend(self, digests: Sequence[str], lifetime: float) -> None:
        with failures():
            async with self._client.pipeline(transaction=False) as pipeline:
                for digest in digests:
                    pipeline.pexpire(Prefix.TICKET + digest, max(1, math.ceil(lifetime * 1000)))
                await pipeline.execute()
