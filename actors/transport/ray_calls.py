"""Ray calls between actors: the only module that calls `.remote()`. Every call has a deadline.

A call that needs Ray's head blocks while the head is down. It blocks one dedicated thread, so the event loop and other
threads keep working.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import RayError

from ...core.channels.delivery_policy import shard_of
from . import codec
from .turns import TurnRequest, TurnResult

log = structlog.get_logger(__name__)

NAMESPACE = "tertulia"
NAME_DEADLINE = 20.0
TURN_DEADLINE = 30.0
DISPATCHER_NAME = "dispatcher:{0}"
SUPERVISOR_NAME = "supervisor:{0}"
MAX_WOKEN = 10_000
"""Channels to wake at one dispatcher. It finds any beyond this by its own poll."""
DELIVER_DEADLINE = 10.0
LOST_WAKE_PAUSE = 0.5


_HEAD = ThreadPoolExecutor(1, "ray-head")
_looked_up: dict[str, asyncio.Future[ActorHandle]] = {}


async def find(name: str) -> ActorHandle:
    """A named actor's handle. Raises ValueError if there is none. Asks Ray's head: not for a hot path.

    Concurrent callers for a name share one lookup, so callers that give up while the head is down leave nothing behind.
    """
    looking = _looked_up.get(name)
    if looking is None:
        find_it = partial(ray.get_actor, name, namespace=NAMESPACE)
        looking = _looked_up[name] = asyncio.get_running_loop().run_in_executor(_HEAD, find_it)
        looking.add_done_callback(partial(_found, name))
    return await asyncio.shield(looking)


def _found(name: str, looking: asyncio.Future[ActorHandle]) -> None:
    del _looked_up[name]
    if not looking.cancelled():
        looking.exception()  # retrieved, in case every caller has given up


async def host_statistics(name: str, deadline: float) -> dict[str, float] | None:
    """A host's statistics; None if it does not answer within `deadline` seconds."""
    try:
        async with asyncio.timeout(deadline):
            return await call(await find(name), "statistics", deadline=deadline)
    except (RayError, TimeoutError, OSError, ValueError):
        return None


class RayConversation:
    """A host's handle of a conversation actor in a process of its own."""

    def __init__(self, name: str, start: Callable[[], ActorHandle]) -> None:
        self._name = name
        self._start = start
        self._handle: ActorHandle | None = None
        self._stopped = False

    async def turns(self, requests: list[TurnRequest]) -> list[TurnResult]:
        if self._handle is None:
            async with asyncio.timeout(NAME_DEADLINE):
                self._handle = await self._started()
        if self._stopped:
            self.stop()
        answer = await asyncio.wait_for(self._handle.turns.remote(codec.encode(requests)), TURN_DEADLINE)
        return codec.decode_turn_results(answer)

    async def _started(self) -> ActorHandle:
        """Start the actor. An actor of that name left behind by a dead host is killed first."""
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(_HEAD, self._start)
            except ValueError:
                with contextlib.suppress(ValueError):
                    _HEAD.submit(ray.kill, await find(self._name))
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._stopped = True
        if self._handle is not None:
            _HEAD.submit(ray.kill, self._handle)


class DispatcherWaker:
    """Wakes the dispatchers. Wakes are gathered while a call to a dispatcher is in flight; a lost wake is harmless."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._woken: list[set[str]] = [set() for _ in range(shards)]
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._handles: dict[int, ActorHandle] = {}

    def wake(self, channels: set[str]) -> None:
        """Tell the dispatchers that these channels have messages to send. Never blocks."""
        for channel in channels:
            shard = shard_of(channel, self._shards)
            if len(self._woken[shard]) < MAX_WOKEN:
                self._woken[shard].add(channel)
            if shard not in self._tasks:
                self._tasks[shard] = asyncio.ensure_future(self._send(shard))

    async def _send(self, shard: int) -> None:
        try:
            while self._woken[shard]:
                channels, self._woken[shard] = self._woken[shard], set()
                try:
                    handle = await self._handle(shard)
                    await asyncio.wait_for(handle.wake.remote(list(channels)), DELIVER_DEADLINE)
                except (RayError, TimeoutError, OSError, ValueError) as error:
                    log.warning("wake_lost", dispatcher=shard, error=type(error).__name__)
                    self._handles.pop(shard, None)
                    await asyncio.sleep(LOST_WAKE_PAUSE)
        finally:
            del self._tasks[shard]

    async def _handle(self, shard: int) -> ActorHandle:
        if shard not in self._handles:
            self._handles[shard] = await find(DISPATCHER_NAME.format(shard))
        return self._handles[shard]

    async def statistics(self, deadline: float) -> dict[str, dict[str, dict[str, float]] | None]:
        """Each dispatcher's statistics by its name; None for one that does not answer within `deadline` seconds."""

        async def ask(shard: int) -> dict[str, dict[str, float]] | None:
            try:
                async with asyncio.timeout(deadline):
                    handle = await self._handle(shard)
                    return await call(handle, "statistics", deadline=deadline)
            except (RayError, TimeoutError, OSError, ValueError):
                self._handles.pop(shard, None)
                return None

        found = await asyncio.gather(*(ask(shard) for shard in range(self._shards)))
        return {DISPATCHER_NAME.format(shard): figures for shard, figures in enumerate(found)}


async def failed_steps(names: Iterable[str], deadline: float) -> dict[str, dict[str, int]]:
    """How many steps of each kind of background work have failed, by process. Those that do not answer within `deadline` seconds, or are
    of an older release, are left out."""

    async def ask(name: str) -> dict[str, int]:
        try:
            async with asyncio.timeout(deadline):
                return await call(await find(name), "failed_steps", deadline=deadline)
        except (RayError, TimeoutError, OSError, ValueError, AttributeError):
            return {}

    wanted = list(names)
    return dict(zip(wanted, await asyncio.gather(*map(ask, wanted)), strict=True))


async def leave_for_good() -> None:
    """Call `leave` of the actor that this process is, which ends it such that Ray does not restart it."""
    await call(ray.get_runtime_context().current_actor, "leave")


async def call(handle: ActorHandle, method: str, *arguments: Any, deadline: float = 30) -> Any:
    """Any other call: start-up, drain, statistics. Raises RayError or TimeoutError."""
    answer: Awaitable[Any] = getattr(handle, method).remote(*arguments)
    return await asyncio.wait_for(answer, deadline)
