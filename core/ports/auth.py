"""What authentication and rate limits need of a shared store: the ports that storage fulfils.

A port states its guarantee; it owns no behaviour and must import no implementation.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class TicketStore(Protocol):
    """Single-use secrets. Both raise StorageUnavailable; neither may answer without the store."""

    async def put(self, digest: str, payload: bytes, lifetime: float) -> None:
        """Keeps `payload` under `digest` for `lifetime` seconds."""
        ...

    async def take(self, digest: str) -> bytes | None:
        """The payload, once: of any number of concurrent callers at most one gets it."""
        ...


class Grant(NamedTuple):
    """Permits handed out: `permits` may be fewer than wanted; at 0 `wait` says in how many seconds one is due."""

    permits: int
    wait: float


class PermitSource(Protocol):
    """Token buckets shared by all gateways. Losing one (a flush) refills it: limits may err upwards only."""

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Grant:
        """Takes up to `wanted` permits of a bucket refilled at `rate` a second up to `burst`.

        Atomic between gateways; raises StorageUnavailable.
        """
        ...
