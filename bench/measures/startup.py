"""From the start of the program to its first served request: embedded servers, data folder present."""

from __future__ import annotations

import time

import aiohttp

from ..processes import BenchError, Server, open_conversations
from ..results import Figure, Series
from .bench import Bench


async def startup(bench: Bench) -> list[Figure]:
    """The first request is a message, answered 201 after its commit."""
    await bench.stop_servers()
    folder = "startup"
    bench.step("making the data folder")
    async with bench.other_server(folder) as server:
        tenant = await bench.make_tenant(server.database_url)
        (conversation,) = await open_conversations(server, tenant, 1)
    values, stops = [], []
    for number in range(bench.rounds):
        bench.step(f"round {number + 1}")
        server = Server(bench.folder / folder)
        began = time.monotonic()
        await server.start()
        try:
            headers = {"Authorization": f"Bearer {tenant.service}"}
            async with aiohttp.ClientSession(server.url, headers=headers) as session:
                path = f"/v1/conversations/{conversation}/messages"
                async with session.post(path, json={"content": "first"}) as response:
                    if response.status != 201:
                        raise BenchError(f"the first request: {response.status}")
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
        )
    ]
