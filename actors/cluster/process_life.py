"""The life of every process besides its work: it sends heartbeats, and leaves in order when its node is to be drained."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import structlog

from ...core.ports.journal import StaleEpoch
from ..transport.ray_calls import leave_for_good
from .process_beat import ProcessBeat

log = structlog.get_logger(__name__)


class ProcessLife:
    """`finish` ends the process's work in order; it is called once, however many ask."""

    def __init__(self, beat: ProcessBeat, finish: Callable[[], Awaitable[None]]) -> None:
        self._beat = beat
        self._finish = finish
        self._finishing: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Announce the process, and beat from now on. Raises StorageUnavailable."""
        await self._beat.startup()
        self._task = asyncio.ensure_future(self._run())

    async def drain(self) -> None:
        """End the work in order. On return the process does nothing more, and has said so."""
        if self._finishing is None:
            self._finishing = asyncio.ensure_future(self._drain())
        await asyncio.shield(self._finishing)

    async def _drain(self) -> None:
        beating = asyncio.ensure_future(self._beat.beat_draining())
        try:
            await self._finish()
        finally:
            beating.cancel()
            if self._task is not None and self._task is not asyncio.current_task():
                self._task.cancel()
            await self._beat.remove()

    async def _run(self) -> None:
        try:
            await self._beat.main_loop()
        except StaleEpoch as error:
            log.error("process_superseded", reason=str(error))
            os._exit(1)
        try:
            await self.drain()
        except Exception:
            log.exception("drain_failed")
        log.info("process_leaves", process=self._beat.process.name)
        await leave_for_good()
