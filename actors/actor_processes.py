"""The classes that run as Ray actors: thin shells around the objects that `tertulia/composition` builds.

A shell starts its loops, forwards calls, and ends its own process when it must not continue; Ray then starts a new incarnation.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import ray.actor
import structlog

from ..core.errors import Overloaded, StorageUnavailable
from .clock import fresh_id
from .cluster.process_beat import ProcessBeat
from .cluster.process_life import ProcessLife
from .cluster.ray_nodes import own_address
from .dispatcher.dispatcher import Dispatcher
from .gateway.supervisor_client import answer_command, answer_query
from .host.conversation_actor import ConversationActor
from .host.host import ConversationHost
from .host.membership import MembershipKeeper
from .recurring import failed_steps
from .supervisor.supervisor import Supervisor
from .transport import codec
from .transport.entry_publisher import FeedPublisher
from .transport.host_listener import HostListener
from .transport.link_transport import ListeningSocket, Tls

log = structlog.get_logger(__name__)

T = TypeVar("T")


START_PAUSE = 0.2
"""Seconds between attempts to start while the storage is unavailable."""


async def when_storage_is_up(start: Callable[[], Awaitable[T]]) -> T:
    """Call `start` until the storage is available, and return its result.

    Ray restarts a process that dies, but gives up on an actor whose constructor fails.
    """
    while True:
        try:
            return await start()
        except (StorageUnavailable, Overloaded) as error:
            log.warning("start_waits_for_storage", error=str(error))
            await asyncio.sleep(START_PAUSE)


class Parts(Protocol):
    """The composed parts of a process."""

    beat: ProcessBeat

    async def main_loop(self) -> None: ...


class ActorProcess(ABC):
    """Shared by the processes of all roles."""

    role: ClassVar[str]
    _work: asyncio.Task[None] | None = None

    async def _start(
        self, parts: Parts, *steps: Callable[[], Awaitable[None]], announced: bool = False
    ) -> None:
        """Take the steps in their order, then say that the process lives (before them if `announced`), and start its loops."""
        self._life = ProcessLife(parts.beat, self._finish)
        for step in (self._life.startup, *steps) if announced else (*steps, self._life.startup):
            await when_storage_is_up(step)
        self._work = asyncio.ensure_future(self._run(parts))

    def _stop_work(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _run(self, parts: Parts) -> None:
        try:
            await parts.main_loop()
        except Exception:
            log.exception(f"{self.role}_failed")
        # Superseded or broken: nothing in this memory can be trusted, and what was in flight is its successor's.
        os._exit(1)

    async def ping(self) -> int:
        return os.getpid()

    async def failed_steps(self) -> dict[str, int]:
        """How many steps of each kind of background work have failed."""
        return failed_steps()

    async def drain(self) -> None:
        """Take nothing new, finish what is in flight, and end the loops."""
        await self._life.drain()

    async def leave(self) -> None:
        """End the process for good."""
        ray.actor.exit_actor()

    @abstractmethod
    async def _finish(self) -> None:
        """End the work in order."""


class HostParts(Parts, Protocol):
    """The composed parts of a host."""

    host: ConversationHost
    membership: MembershipKeeper
    publisher: FeedPublisher
    stale: asyncio.Event
    secret: bytes
    """The key that host and peers prove to know."""
    socket: Path | None
    """The Unix socket to listen on; None: TLS on the node's address."""
    tls: Tls | None
    """Set if there is no socket."""

    async def close(self) -> None: ...


class HostProcess(ActorProcess):
    """A conversation host in a process of its own. Draining gives its partitions to other hosts."""

    role = "host"

    async def __init__(
        self, compose: Callable[[Any, str], Awaitable[HostParts]], settings: Any, name: str
    ) -> None:
        self._parts = await when_storage_is_up(lambda: compose(settings, name))
        host, membership = self._parts.host, self._parts.membership
        self._listener = HostListener(
            host.submit, host.refresh_rules, self._parts.publisher, self._parts.secret, adopt=membership.adopt
        )
        at = self._listen()
        await self._start(self._parts, lambda: membership.startup(at.address, at.port))

    def _listen(self) -> ListeningSocket:
        if self._parts.socket is not None:
            return self._listener.open_unix(self._parts.socket)
        assert self._parts.tls is not None, "a host without a socket has TLS"
        return self._listener.open_tls(own_address(), self._parts.tls)

    async def statistics(self) -> dict[str, float]:
        return {**self._parts.host.statistics(), **self._parts.membership.statistics()}

    async def _finish(self) -> None:
        await self._parts.membership.leave()
        self._stop_work()
        await self._listener.close()
        await self._parts.close()


class GatewayParts(Parts, Protocol):
    """The composed parts of a gateway."""

    async def startup(self) -> None: ...
    def statistics(self) -> dict[str, float]: ...
    async def drain(self) -> None: ...


class GatewayProcess(ActorProcess):
    """A gateway in a process of its own. Draining closes its streams with their cursors."""

    role = "gateway"

    async def __init__(
        self, compose: Callable[[Any, str], Awaitable[GatewayParts]], settings: Any, name: str
    ) -> None:
        self._parts = await when_storage_is_up(lambda: compose(settings, name))
        await self._start(self._parts, self._parts.startup)

    async def statistics(self) -> dict[str, float]:
        return self._parts.statistics()

    async def _finish(self) -> None:
        self._stop_work()
        await self._parts.drain()


class DispatcherParts(Parts, Protocol):
    """The composed parts of a dispatcher."""

    dispatcher: Dispatcher

    async def drain(self) -> None: ...


class DispatcherProcess(ActorProcess):
    """A dispatcher in a process of its own. Draining claims nothing more and finishes sends in flight."""

    role = "dispatcher"

    async def __init__(
        self, compose: Callable[[Any, int], Awaitable[DispatcherParts]], settings: Any, shard: int
    ) -> None:
        self._parts = await when_storage_is_up(lambda: compose(settings, shard))
        await self._start(self._parts, self._parts.dispatcher.startup)

    async def wake(self, channels: list[str]) -> None:
        self._parts.dispatcher.wake(channels)

    async def statistics(self) -> dict[str, dict[str, float]]:
        return await self._parts.dispatcher.statistics()

    async def _finish(self) -> None:
        await self._parts.drain()
        self._stop_work()


class SupervisorParts(Parts, Protocol):
    """The composed parts of a supervisor."""

    supervisor: Supervisor

    async def close(self) -> None: ...


class SupervisorProcess(ActorProcess):
    """A supervisor in a process of its own. Commands, queries and their results are encoded (`codec.py`). Draining ends its decisions."""

    role = "supervisor"

    async def __init__(
        self, compose: Callable[[Any, int], Awaitable[SupervisorParts]], settings: Any, number: int
    ) -> None:
        self._parts = await when_storage_is_up(lambda: compose(settings, number))
        # Others take over the shards of whoever has not announced itself.
        await self._start(self._parts, self._parts.supervisor.startup, announced=True)

    async def command(self, payload: bytes) -> bytes:
        """An encoded command in, its encoded outcome out."""
        return await answer_command(self._parts.supervisor, payload)

    async def query(self, payload: bytes) -> bytes:
        """An encoded query in, its encoded result out."""
        return await answer_query(self._parts.supervisor, payload)

    async def statistics(self) -> dict[str, float]:
        return self._parts.supervisor.statistics()

    async def _finish(self) -> None:
        self._stop_work()
        self._parts.supervisor.close()
        await self._parts.close()


class ConversationProcess:
    """A conversation actor in a process of its own (placement `dedicated`)."""

    def __init__(self, state: bytes) -> None:
        self._actor = ConversationActor(codec.decode_state(state), fresh_id)

    def turns(self, payload: bytes) -> bytes:
        return codec.encode([self._actor.turn(t) for t in codec.decode_turn_requests(payload)])
