"""The generator's own load: a run in which the generator was the bottleneck says nothing about the server, and is marked."""

from __future__ import annotations

import asyncio
import time

from .figures import Figures

TICK = 0.02
MOST_LAG = 0.05
"""Seconds that the event loop may be late at the 99th percentile before the run counts as limited by the generator."""
MOST_CPU = 0.9
"""Share of one core that a worker may need on average."""


async def watch(figures: Figures, began: float) -> None:
    """Measure this process's event loop and CPU time until cancelled."""
    last, cpu = time.monotonic(), time.process_time()
    second, second_cpu = last, cpu
    while True:
        await asyncio.sleep(TICK)
        now = time.monotonic()
        figures.time("lag", max(0.0, now - last - TICK))
        last = now
        if now - second >= 1:
            used = time.process_time()
            figures.time("cpu", (used - second_cpu) / (now - second))
            figures.highest("generator cpu", now - began, (used - second_cpu) / (now - second))
            second, second_cpu = now, used


def limits(figures: Figures) -> list[str]:
    """Why the figures may be the generator's rather than the server's; empty if they are not."""
    found = []
    lag, cpu = figures.times.get("lag"), figures.times.get("cpu")
    if lag is not None and lag.percentile(99) > MOST_LAG:
        found.append(f"its event loop was {lag.percentile(99) * 1000:.0f} ms late at the 99th percentile")
    if cpu is not None and cpu.mean > MOST_CPU:
        found.append(f"a worker needed {cpu.mean:.0%} of a core on average; use more --processes, or --ray")
    return found
