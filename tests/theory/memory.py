"""The memory of a server's processes and of this one over time."""

from __future__ import annotations

import asyncio
import contextlib
import time

import psutil
from serving import OwnServer

EVERY = 10.0
MEGABYTE = 1 << 20
TITLES = ("HostProcess", "GatewayProcess", "SupervisorProcess", "DispatcherProcess")
LATE = 0.25
"""Parts of a run whose means are compared: the second quarter and the last."""


class Memory:
    """Samples of each role's memory in bytes: what its processes have for themselves (USS). Times are seconds since `began`, an epoch second."""

    def __init__(self, server: OwnServer) -> None:
        self._server = server
        self.began = time.time()
        self.samples: list[tuple[float, dict[str, int]]] = []

    async def watch(self) -> None:
        """Sample until cancelled."""
        while True:
            found = await asyncio.to_thread(self._sample)
            self.samples.append((time.time() - self.began, found))
            await asyncio.sleep(EVERY)

    def _sample(self) -> dict[str, int]:
        found = {"generator": psutil.Process().memory_full_info().uss}
        for process in self._server.descendants():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                words = process.cmdline()
                role = next((t for t in TITLES if words and t in words[0]), "other processes")
                found[role] = found.get(role, 0) + process.memory_full_info().uss
        return found

    def mean(self, role: str, begin: float, end: float) -> float:
        """In MB, from one second of the watch to another."""
        kept = [of.get(role, 0) for at, of in self.samples if begin <= at <= end]
        return sum(kept) / len(kept) / MEGABYTE if kept else 0.0

    def growth(self, begin: float, end: float) -> dict[str, tuple[float, float]]:
        """Role → its mean in the second quarter of a time and in its last, in MB."""
        quarter = (end - begin) * LATE
        roles = sorted({role for _, of in self.samples for role in of})
        return {
            role: (
                self.mean(role, begin + quarter, begin + 2 * quarter),
                self.mean(role, end - quarter, end),
            )
            for role in roles
        }
