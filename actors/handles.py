"""The handles between actors: the only module that calls `.remote()`.

Batching: what queues while a call is under way goes with the next one. Every call has a deadline; a call whose
outcome is unknown is said to be so, and its commands are asked again under the same ids.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError

from ..core.commands import Envelope, Outcome, Refused
from ..core.delivery import shard_of
from ..core.entries import Entry
from . import wire
from .conversation import Taken, Turning
from .publishing import MAX_QUEUED

log = structlog.get_logger(__name__)

NAMESPACE = "tertulia"
MAX_BATCH = 512
"""Commands in one call to a host."""
IN_FLIGHT = 3
"""Calls under way between one gateway and one host."""
NAME_DEADLINE = 20.0
TURN_DEADLINE = 30.0
DELIVER_DEADLINE = 10.0
DISPATCHER_NAME = "dispatcher:{0}"
MAX_WOKEN = 10_000
"""Channels waiting to be named to one dispatcher. It finds those beyond by itself."""
LOST_WAKE_PAUSE = 0.5

BROKEN = Refused("internal", "the command could not be sent")

Settle = Callable[[Envelope, Outcome | None], None]


def find(name: str) -> ActorHandle:
    """A named actor's handle. Raises ValueError where there is none. Asks Ray's GCS: not on a hot path."""
    return ray.get_actor(name, namespace=NAMESPACE)


class HostLink:
    """A gateway's way to one host.

    `settle(envelope, outcome)` hears of every command sent, with None when the call failed and nothing is known.
    The queue is bounded by the router, which counts what it lets in.
    """

    def __init__(
        self, name: str, incarnation: str, handle: ActorHandle, settle: Settle, deadline: float
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self._handle = handle
        self._settle = settle
        self._deadline = deadline
        self._queue: list[Envelope] = []
        self._scheduled = False
        self._calls: dict[asyncio.Task[None], list[Envelope]] = {}

    def send(self, envelope: Envelope) -> None:
        """Queue a command; it leaves with the next call."""
        self._queue.append(envelope)
        if not self._scheduled and len(self._calls) < IN_FLIGHT:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while self._queue and len(self._calls) < IN_FLIGHT:
            batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
            task = asyncio.ensure_future(self._call(batch))
            self._calls[task] = batch
            task.add_done_callback(self._called)

    async def _call(self, batch: list[Envelope]) -> None:
        outcomes: Sequence[Outcome | None]
        try:
            answer = await asyncio.wait_for(self._handle.submit.remote(wire.encode(batch)), self._deadline)
            outcomes = wire.decode_outcomes(answer)
        except (RayError, TimeoutError, OSError) as error:
            log.warning("host_call_failed", host=self.name, error=type(error).__name__, commands=len(batch))
            outcomes = [None] * len(batch)
        except Exception:  # a fault of ours: whoever waits must hear of it all the same
            log.exception("host_call_broken", host=self.name, commands=len(batch))
            outcomes = [BROKEN] * len(batch)
        for envelope, outcome in zip(batch, outcomes, strict=True):
            self._settle(envelope, outcome)

    def _called(self, task: asyncio.Task[None]) -> None:
        if self._calls.pop(task, None) is not None:
            self._flush()

    async def watch(self, gateway: str, accounts: list[str]) -> bool:
        """Tell the host what this gateway wants to hear of; False when it could not be told."""
        me = ray.get_runtime_context().current_actor
        try:
            await asyncio.wait_for(self._handle.watch.remote(gateway, me, accounts), self._deadline)
        except (RayError, TimeoutError, OSError) as error:
            log.warning("watch_failed", host=self.name, error=type(error).__name__)
            return False
        return True

    async def statistics(self, deadline: float) -> dict[str, float] | None:
        """The host's figures; None when it does not give them in time."""
        try:
            return await call(self._handle, "statistics", deadline=deadline)
        except (RayError, TimeoutError, OSError):
            return None

    def close(self) -> None:
        """Give up on this host: what is queued or under way is settled as unknown."""
        calls, self._calls = self._calls, {}
        queue, self._queue = self._queue, []
        for task in calls:
            task.cancel()
        for envelope in [e for batch in calls.values() for e in batch] + queue:
            self._settle(envelope, None)


class RayGatewayLink:
    """A host's way to one gateway: one call under way, the rest gathers, the surplus is dropped (see `publishing`)."""

    def __init__(self, name: str, handle: ActorHandle, lost: Callable[[str, RayGatewayLink], None]) -> None:
        self._name = name
        self._handle = handle
        self._lost = lost
        self._queue: list[Entry] = []
        self._task: asyncio.Task[None] | None = None

    def send(self, entries: list[Entry]) -> None:
        if len(self._queue) < MAX_QUEUED:
            self._queue.extend(entries)
        if self._task is None:
            self._task = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue, []
                try:
                    await asyncio.wait_for(self._handle.deliver.remote(wire.encode(batch)), DELIVER_DEADLINE)
                except ActorDiedError as error:
                    log.warning("gateway_lost", gateway=self._name, error=type(error).__name__)
                    self._lost(self._name, self)
                    self._queue = []
                except (RayError, TimeoutError, OSError) as error:
                    # It may be slow or out of reach for a moment. What it missed it reads from Postgres.
                    log.warning(
                        "delivery_lost", gateway=self._name, error=type(error).__name__, entries=len(batch)
                    )
        finally:
            self._task = None


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


class DispatcherLinks:
    """The ways to the dispatchers: wakes gather while a call is under way, one for each dispatcher; lost ones do no harm."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._woken: list[set[str]] = [set() for _ in range(shards)]
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._handles: dict[int, ActorHandle] = {}

    def wake(self, channels: set[str]) -> None:
        """Messages wait to be sent on these channels. Never waits."""
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
            loop = asyncio.get_running_loop()
            self._handles[shard] = await loop.run_in_executor(None, find, DISPATCHER_NAME.format(shard))
        return self._handles[shard]

    async def statistics(self, deadline: float) -> dict[str, dict[str, dict[str, float]] | None]:
        """Each dispatcher's figures by its name; None for one that does not answer in `deadline` seconds."""

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


async def call(handle: ActorHandle, method: str, *arguments: Any, deadline: float = 30) -> Any:
    """Any other call, for start-up, drain and statistics. Raises RayError or TimeoutError."""
    answer: Awaitable[Any] = getattr(handle, method).remote(*arguments)
    return await asyncio.wait_for(answer, deadline)
