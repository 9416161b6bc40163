"""Memory: of a live conversation in a host, of an idle WebSocket and an idle event stream in a gateway."""

from __future__ import annotations

import asyncio

from ... import probe, readers
from ...processes import BenchError, Helper, Tenant, make_id, reader_process, resident_bytes
from ...results import Figure, Series
from ..bench import Bench

STREAMS = 2000
CONVERSATIONS = 20_000
FIRST = 300
"""Streams opened before the first look, so that what is made once is not counted."""


async def streams(bench: Bench) -> list[Figure]:
    """Growth of the gateway's private memory over 2,000 streams, each kind in a fresh server."""
    await bench.stop_servers()
    figures = []
    for name, path, sse, goal in (
        ("WebSocket", "/v1/ws", False, 20),
        ("event stream", "/v1/stream", True, 16),
    ):
        bench.step(f"idle {name}s")
        async with bench.other_server("streams") as server:
            tenant = await bench.make_tenant(server.database_url)
            wanted = readers.Spec(port=server.port, path=path, token=tenant.agent, streams=FIRST, sse=sse)
            async with reader_process(wanted) as reader:
                await asyncio.sleep(1)
                gateway = server.process_of("GatewayProcess")
                before = resident_bytes(gateway)
                live = await reader.ask(f"open {STREAMS}")
                if live != FIRST + STREAMS:
                    raise BenchError(f"{live} of {FIRST + STREAMS} streams are open")
                await asyncio.sleep(1)
                grown = (resident_bytes(gateway) - before) / STREAMS / 1024
        figures.append(
            Figure(
                measure="memory",
                what=f"per idle {name}",
                value=Series(name, "KB", [grown]),
                goal=goal,
                most=True,
            )
        )
    return figures


async def conversations(bench: Bench) -> list[Figure]:
    """Growth of a host's private memory over 20,000 conversations of eight messages."""
    tenant = Tenant(make_id(1, 900), make_id(2, 900), "", "")
    values = []
    for number in range(bench.rounds if not bench.quick else 1):
        bench.step(f"round {number + 1}: {CONVERSATIONS:,} conversations")
        async with Helper("bench.probe", probe.Spec(url=None, tenant=tenant, prefix=f"m{number}")) as host:
            found = await host.ask(f"memory {CONVERSATIONS}")
            if found["count"] < CONVERSATIONS:
                raise BenchError(f"only {found['count']} conversations stayed in memory")
            values.append(found["bytes"] / 1024)
    return [
        Figure(
            measure="memory",
            what="per live conversation with 8 messages of context",
            value=Series("conversation", "KB", values),
            goal=4,
            most=True,
        )
    ]
