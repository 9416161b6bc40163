"""Tasks that nobody awaits: kept alive until they end, and logged if they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from ..core.errors import TertuliaError

log = structlog.get_logger(__name__)


class BackgroundTasks:
    """Owns tasks from their start to their end. Bounds nothing: whoever starts them does."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, TertuliaError):  # the storage may be unreachable
                log.warning("background_task_failed", error=repr(error))
            else:
                log.error("background_task_failed", exc_info=error)

    async def wait(self) -> None:
        """Wait until all that run now have ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
