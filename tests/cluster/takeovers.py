"""Watches who owns the partitions: when the first owner that a fault took away had been replaced everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from service import Service

EVERY = 0.1


class Owners:
    """`left`: incarnation → when it was last seen to own a partition, on the monotonic clock."""

    def __init__(self) -> None:
        self.left: dict[str, float] = {}
        self.present: frozenset[str] = frozenset()

    def takeover(self, broken: float) -> float | None:
        """Seconds from then until an owner was without partitions; None if all kept some."""
        gone = [
            at for incarnation, at in self.left.items() if incarnation not in self.present and at > broken
        ]
        return min(gone) - broken if gone else None


@asynccontextmanager
async def owners(service: Service) -> AsyncIterator[Owners]:
    found = Owners()

    async def watch() -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                rows = await service.sql(
                    "SELECT DISTINCT owner::text FROM partitions WHERE owner IS NOT NULL"
                )
                found.present = frozenset(row[0] for row in rows)
                found.left.update(dict.fromkeys(found.present, time.monotonic()))
            await asyncio.sleep(EVERY)

    watching = asyncio.ensure_future(watch())
    try:
        yield found
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
