"""The ports of authentication and rate limits: tickets and permits in a store that all gateways share."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class TicketStore(Protocol):
    """Single-use secrets. Both methods raise StorageUnavailable, and never answer without the store."""

    async def put(self, digest: str, payload: bytes, lifetime: float) -> None:
        """Keep `payload` under `digest` for `lifetime` seconds."""
        ...

    async def take(self, digest: str) -> bytes | None:
        """Take the payload: at most one of any number of concurrent callers gets it."""
        ...


class Lease(NamedTuple):
    """Permits granted: `permits` may be fewer than wanted; if 0, one is available in `wait` seconds."""

    permits: int
    wait: float


class PermitSource(Protocol):
    """Token buckets shared by all gateways. A lost bucket counts as full, so limits may only err upwards."""

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Lease:
        """Take up to `wanted` permits from a bucket that is refilled at `rate` a second, up to `burst`.

        Atomic across gateways. Raises StorageUnavailable.
        """
        ...
