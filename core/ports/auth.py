"""The ports of authentication and rate limits: tickets and permits in a store that all gateways share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class TicketStore(Protocol):
    """Short-lived secrets. Every method raises StorageUnavailable, and none answers without the store."""

    async def put(self, digest: str, payload: bytes, lifetime: float) -> None:
        """Keep `payload` under `digest` for `lifetime` seconds."""
        ...

    async def take(self, digest: str) -> bytes | None:
        """Take the payload: at most one of any number of concurrent callers gets it."""
        ...

    async def peek(self, digest: str) -> bytes | None:
        """The payload, which stays."""
        ...

    async def extend(self, digests: Sequence[str], lifetime: float) -> None:
        """Keep what is under these digests for `lifetime` seconds from now; those that are gone stay gone."""
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
