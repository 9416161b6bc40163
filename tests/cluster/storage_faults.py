"""Faults of Postgres and Valkey, which serve all machines."""

from __future__ import annotations

import asyncio
import random

from service import Service


async def postgres(service: Service, dice: random.Random) -> None:
    """Postgres is restarted."""
    await service.site.postgres.serving.stop()
    await asyncio.sleep(dice.uniform(0, 3))
    await service.site.postgres.serving.start()
    await asyncio.sleep(3)


async def postgres_failover(service: Service, dice: random.Random) -> None:
    """Postgres is killed, and its synchronous standby takes its place."""
    await service.site.postgres.add_standby()
    await asyncio.sleep(dice.uniform(1, 2))
    await service.site.postgres.fail_over()
    await asyncio.sleep(3)


async def valkey_failover(service: Service, dice: random.Random) -> None:
    """Valkey is killed, and its replica takes its place."""
    await service.site.valkey.fail_over()
    await asyncio.sleep(3)


async def valkey_gone(service: Service, dice: random.Random) -> None:
    """Valkey is away for ten seconds, and comes back empty."""
    await service.site.valkey.stop()
    await asyncio.sleep(10)
    service.site.valkey.start()
    await asyncio.sleep(3)
