"""Rate-limit buckets in Valkey, handed out in leases.

Owns the call of `lua/lease_permits.lua`, nothing of who is limited or how much. Lua and not the `limits`
package: its strategies count windows and take a cost whole or not at all, and have no burst apart from the
rate; a gateway that leases ahead needs "up to n, and when is the next" of a token bucket.
"""

from __future__ import annotations

from redis.asyncio import Redis

from ...core.ports.auth import Lease
from .client import Prefix, failures, script


class ValkeyPermits:
    """`core.ports.auth.PermitSource`, timed by Valkey's own clock."""

    def __init__(self, client: Redis) -> None:
        self._lease = script(client, "lease_permits")

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Lease:
        with failures():
            permits, wait_us = await self._lease(keys=[Prefix.PERMITS + bucket], args=[rate, burst, wanted])
        return Lease(int(permits), int(wait_us) / 1e6)
