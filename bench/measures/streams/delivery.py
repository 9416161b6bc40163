"""From a POST to another agent's WebSocket, at half load."""

from __future__ import annotations

import asyncio

from ... import readers
from ...processes import BenchError, reader_process
from ...results import Figure, Series
from ..bench import Bench
from ..requests.ingest import LATENCY_CONNECTIONS, calibrate, run_side


async def delivery(bench: Bench) -> list[Figure]:
    """From when the POST was due to when the reader has the frame. Every message must arrive."""
    server = await bench.server()
    half = await calibrate(bench, "tertulia") / 2
    found: list[dict[str, float]] = []
    for number in range(bench.rounds):
        bench.step(f"round {number + 1} at {half:,.0f}/s")
        wanted = readers.Spec(
            port=server.port, path="/v1/ws?topics=account", token=bench.tenant.agent, streams=1, timed=True
        )
        async with reader_process(wanted) as reader:
            report = await run_side(bench, "tertulia", f"deliver{number}", LATENCY_CONNECTIONS, half)
            try:
                await reader.ask(f"until {report.statuses['201']}", within=20)
            except TimeoutError:
                (count, closed, _) = await reader.ask("count")
                raise BenchError(
                    f"{count} of {report.statuses['201']} messages arrived; closed: {closed}"
                ) from None
            found.append(await reader.ask("report"))
        await asyncio.sleep(0.2)
    figures = [
        Figure(
            measure="delivery",
            what=f"POST to another agent's WebSocket, {name}, at half load",
            value=Series(name, "ms", [f[name] for f in found]),
            goal=goal,
            most=True,
        )
        for name, goal in (("p50", 10.0), ("p99", 50.0))
    ]
    figures[0].note = f"at {half:,.0f} messages/s, warm-up included; every message arrived"
    return figures
