"""The handles between actors: the only module that calls `.remote()`. Every call has a deadline."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError

from . import wire
from .connections import Way
from .conversation import Taken, Turning

NAMESPACE = "tertulia"
NAME_DEADLINE = 20.0
TURN_DEADLINE = 30.0


def find(name: str) -> ActorHandle:
    """A named actor's handle. Raises ValueError where there is none. Asks Ray's GCS: not on a hot path."""
    return ray.get_actor(name, namespace=NAMESPACE)


class HostHandle:
    """What a gateway asks a host through Ray: rare things. Commands and entries go over a connection (`links.py`)."""

    def __init__(self, name: str) -> None:
        self._handle = find(name)

    async def way(self) -> Way:
        """Where it listens. Raises RayError or TimeoutError."""
        return wire.decode_way(await call(self._handle, "way", deadline=NAME_DEADLINE))

    async def statistics(self, deadline: float) -> dict[str, float] | None:
        """The host's figures; None when it does not give them in time."""
        try:
            return await call(self._handle, "statistics", deadline=deadline)
        except (RayError, TimeoutError, OSError):
            return None


class RayConversation:
    """A host's way to a conversation actor in a process of its own."""

    def __init__(self, name: str, start: Callable[[], ActorHandle]) -> None:
        self._name = name
        self._start = start
        self._handle: ActorHandle | None = None
        self._stopped = False

    async def turns(self, turnings: list[Turning]) -> list[Taken]:
        if self._handle is None:
            async with asyncio.timeout(NAME_DEADLINE):
                self._handle = await self._started()
        if self._stopped:
            self.stop()
        answer = await asyncio.wait_for(self._handle.turns.remote(wire.encode(turnings)), TURN_DEADLINE)
        return wire.decode_taken(answer)

    async def _started(self) -> ActorHandle:
        """Start the actor; one of that name that a dead host left behind is ended first."""
        while True:
            try:
                return self._start()
            except ValueError:
                with contextlib.suppress(ValueError):
                    ray.kill(find(self._name))
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._stopped = True
        if self._handle is not None:
            ray.kill(self._handle)


async def call(handle: ActorHandle, method: str, *arguments: Any, deadline: float = 30) -> Any:
    """Any other call, for start-up, drain and statistics. Raises RayError or TimeoutError."""
    answer: Awaitable[Any] = getattr(handle, method).remote(*arguments)
    return await asyncio.wait_for(answer, deadline)
