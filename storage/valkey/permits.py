"""Rate-limit buckets in Valkey, leased in batches.

Owns the call of `lua/lease_permits.lua`, not who is limited or how much. The `limits` package does not fit: its strategies
count windows, take a cost completely or not at all, and have no burst apart from the rate. A gateway that leases ahead
asks a token bucket for "up to n, and when is the next one".
"""

from __future__ import annotations

from redis.asyncio import Redis

from ...core.ports.auth import Lease
from .client import Prefix, failures, script


class ValkeyPermits:
    """`core.ports.auth.PermitSource`, by Valkey's clock."""

    def __init__(self, client: Redis) -> None:
        self._lease = script(client, "lease_permits")

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Lease:
        with failures():
            permits, wait_us = await self._lease(keys=[Prefix.PERMITS + bucket], args=[rate, burst, wanted])
        return Lease(int(permits), int(wait_us) / 1e6)
