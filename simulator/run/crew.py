"""The workers of a run, wherever they run: in this process, in several, or on a Ray cluster."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from ..plan import Plan
from .worker import Outcome, State, Worker


class CrewError(Exception):
    """Why a worker cannot work, as one sentence."""


class Member(ABC):
    """One worker, by remote control."""

    @abstractmethod
    async def open(self) -> None:
        """Start it and connect it. Raises CrewError, TertuliaError, TimeoutError."""

    @abstractmethod
    async def start(self, began: float) -> None:
        """Let it run from epoch second `began`."""

    @abstractmethod
    async def state(self) -> State:
        """How far it is. Raises CrewError if it has ended before its time."""

    @abstractmethod
    async def figures(self) -> Outcome:
        """Its figures so far. They take milliseconds to gather: not for a glance."""

    @abstractmethod
    async def finish(self) -> Outcome:
        """Let it end; its result. Raises CrewError."""

    @abstractmethod
    async def close(self) -> None:
        """Free everything, whatever state it is in."""


class Here(Member):
    """A worker in this process."""

    def __init__(self, plan: Plan) -> None:
        self.worker = Worker(plan)
        self._task: asyncio.Task[Outcome] | None = None

    async def open(self) -> None:
        await self.worker.open()

    async def start(self, began: float) -> None:
        self._task = asyncio.ensure_future(self.worker.run(began))

    async def state(self) -> State:
        assert self._task is not None
        if self._task.done():
            self._task.result()
        return self.worker.state()

    async def figures(self) -> Outcome:
        return self.worker.outcome()

    async def finish(self) -> Outcome:
        assert self._task is not None
        self.worker.finish.set()
        return await self._task

    async def close(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.worker.close()
