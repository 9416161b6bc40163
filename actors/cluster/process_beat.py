"""A process's heartbeat, which also says when the process must leave its node.

The heartbeat is a proof of life that depends neither on Ray nor on a connection to whoever watches. A node is to be drained
if an operator says so (in Postgres) or if Ray does: `ray drain-node`, the autoscaler, or SIGTERM to `ray start --block`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ...core.ports.journal import StaleEpoch
from ...core.ports.ownership import Process, Processes
from .ray_nodes import is_draining

log = structlog.get_logger(__name__)

BEAT = 1.0
"""Seconds between heartbeats, and between questions to Ray whether the node drains."""


class ProcessBeat:
    """One process's heartbeat. `node_drains`: whether Ray drains the node."""

    def __init__(
        self,
        processes: Processes,
        process: Process,
        *,
        node_drains: Callable[[str], Awaitable[bool]] = is_draining,
        every: float = BEAT,
    ) -> None:
        self.process = process
        self._processes = processes
        self._node_drains = node_drains
        self._every = every
        self._draining = False

    async def startup(self) -> None:
        """Announce the process. Raises StorageUnavailable."""
        await self._processes.register(self.process)

    async def main_loop(self) -> None:
        """Beat until the node is to be drained. Raises StaleEpoch if a newer incarnation has the name."""
        ray = asyncio.ensure_future(self._until_ray_drains())
        beat = asyncio.ensure_future(self._until_operator_drains())
        try:
            done, _ = await asyncio.wait({ray, beat}, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            ray.cancel()
            beat.cancel()
        log.info("node_drains", process=self.process.name, node=self.process.node)

    async def beat_draining(self) -> None:
        """Go on beating, as a process that leaves, until cancelled."""
        self._draining = True
        while True:
            await self._beat()
            await asyncio.sleep(self._every)

    async def remove(self) -> None:
        """The process ends for good. What cannot be written now is noticed later, by its silence."""
        try:
            await self._processes.remove(self.process.name, self.process.incarnation)
        except Exception as error:
            log.warning("process_not_removed", process=self.process.name, error=repr(error))

    async def _until_operator_drains(self) -> None:
        while True:
            if await self._beat():
                return
            await asyncio.sleep(self._every)

    async def _beat(self) -> bool:
        try:
            return await self._processes.beat(
                self.process.name, self.process.incarnation, draining=self._draining
            )
        except StaleEpoch:
            raise
        except Exception as error:
            log.warning("process_beat_failed", error=repr(error))
            return False

    async def _until_ray_drains(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                if await self._node_drains(self.process.node):
                    return
            except Exception as error:  # the head is away
                log.debug("ray_not_asked", error=repr(error))
