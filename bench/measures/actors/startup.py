"""From the start of the program to its first served request: embedded servers, data folder present; and the same after a crash."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from ...processes import BenchError, Server, Tenant, connected, open_conversations
from ...results import Figure, Series
from ...seed import seed
from ..bench import Bench

LIVE = 50_000
LIVE_QUICK = 10_000
SEEDED = 10_000
"""Conversations written at once."""
QUEUED_WITHIN = 120.0
"""Seconds until all conversations must be back in the queue."""


async def startup(bench: Bench) -> list[Figure]:
    """The first request is a message, answered 201 after its commit."""
    await bench.stop_servers()
    folder = "startup"
    bench.step("making the data folder")
    async with bench.other_server(folder) as server:
        tenant = await bench.make_tenant(server.database_url)
        (conversation,) = await open_conversations(server, tenant, 1)
    values, stops = [], []
    for number in range(bench.steady_rounds):
        bench.step(f"round {number + 1}")
        server = Server(bench.folder / folder)
        began = time.monotonic()
        await server.start()
        try:
            await _first_message(server, tenant, conversation)
            values.append(time.monotonic() - began)
        finally:
            began = time.monotonic()
            await server.stop()
        stops.append(time.monotonic() - began)
    return [
        Figure(
            measure="startup",
            what="start to first served request, embedded, data folder present",
            value=Series("start", "s", values),
            goal=8,
            most=True,
            parts=[Series("SIGTERM to exit", "s", stops)],
        ),
        await _crash(bench, folder, tenant),
    ]


async def _first_message(server: Server, tenant: Tenant, conversation: str) -> None:
    headers = {"Authorization": f"Bearer {tenant.service}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        path = f"/v1/conversations/{conversation}/messages"
        async with session.post(path, json={"content": "first"}) as response:
            if response.status != 201:
                raise BenchError(f"the first request: {response.status}")


async def _crash(bench: Bench, folder: str, tenant: Tenant) -> Figure:
    """Every process of a server dies at once, Postgres included, while many conversations wait for an agent."""
    live = LIVE_QUICK if bench.quick else LIVE
    server = Server(bench.folder / folder)
    await server.start()
    try:
        async with connected(server.database_url) as connection:
            for first in range(0, live, SEEDED):
                bench.step(f"{first:,} of {live:,} conversations")
                states = await seed(connection, tenant, f"live{first}", SEEDED, 2)
        conversation = states[-1].conversation.id
        await _first_message(server, tenant, conversation)
    finally:
        await server.kill()
    bench.step("starting after the crash")
    server = Server(bench.folder / folder)
    began = time.monotonic()
    await server.start()
    try:
        await _first_message(server, tenant, conversation)
        served = time.monotonic() - began
        await _queued(server, tenant, live)
        queued = time.monotonic() - began
    finally:
        await server.stop()
    return Figure(
        measure="startup",
        what=f"start to first served request after a crash, {live:,} live conversations",
        value=Series("start", "s", [served]),
        parts=[Series("until the queue lists them all", "s", [queued])],
    )


async def _queued(server: Server, tenant: Tenant, count: int) -> None:
    """Wait until at least `count` conversations are in the queue."""
    headers = {"Authorization": f"Bearer {tenant.service}"}
    async with asyncio.timeout(QUEUED_WITHIN), aiohttp.ClientSession(server.url, headers=headers) as session:
        while True:
            async with session.get("/v1/queue", params={"limit": "1"}) as response:
                found = await response.json()
            if response.status == 200 and found["total"] >= count:
                return
            if response.status not in (200, 503):
                raise BenchError(f"the queue: {response.status} {found}")
            await asyncio.sleep(0.05)
