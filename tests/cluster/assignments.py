"""Assigns a conversation to one agent and another in turn, all the time: how long nobody can be assigned while a fault lasts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from service import Service

from tertulia.serving.demo import WEBCHAT

EVERY = 0.2
DEADLINE = 10.0


class Assignments:
    """`done`: when assignments succeeded, on the monotonic clock."""

    def __init__(self) -> None:
        self.done: list[float] = []
        self.refused: Counter[int | str] = Counter()
        """What else the answers were: by status, or by the error of the connection."""

    def longest_gap(self, begin: float, end: float) -> float:
        """The longest time without a success within a span, counted to its end if none came."""
        times = [begin, *(t for t in self.done if begin < t < end), end]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


@asynccontextmanager
async def assignments(service: Service) -> AsyncIterator[Assignments]:
    probe = Assignments()
    session = aiohttp.ClientSession(
        base_url=service.url,
        headers={"Authorization": f"Bearer {service.token('service', 'assignments')}"},
        timeout=aiohttp.ClientTimeout(total=DEADLINE),
        connector=aiohttp.TCPConnector(force_close=True),  # each to another gateway
    )
    async with session:
        body = {"channel_id": WEBCHAT, "contact_identifier": "assignments"}
        async with session.post("/v1/conversations", json=body) as answer:
            path = f"/v1/conversations/{(await answer.json())['id']}/assign"

        async def assign() -> None:
            for number in itertools.count():
                try:
                    async with session.post(path, json={"agent_id": f"assigned-{number % 2}"}) as answer:
                        if answer.status == 200:
                            probe.done.append(time.monotonic())
                        else:
                            probe.refused[answer.status] += 1
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    probe.refused[type(error).__name__] += 1
                await asyncio.sleep(EVERY)

        working = asyncio.ensure_future(assign())
        try:
            yield probe
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
