"""Watches the actors: ends one that does not answer, and recreates one that Ray has given up.

Ray itself restarts actors that die, once its head is available. A head without external storage that is restarted has
lost its state and refuses everyone who knew the old one: running actors carry on, and those that die stay dead until the
cluster and this server are restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError

from ..actors.transport.ray_calls import call

log = structlog.get_logger(__name__)

T = TypeVar("T")


class WatchIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    ping: float = 1.0
    """Between pings, and for an answer."""
    frozen: float = 8.0
    """Without an answer after which an actor counts as frozen. Its partitions are taken over much earlier."""


async def watch_over(
    name: str,
    handles: list[ActorHandle],
    index: int,
    start: Callable[[int], ActorHandle],
    say: Callable[[str], None],
    intervals: WatchIntervals = WatchIntervals(),  # noqa: B008 - it is immutable
) -> None:
    """Watch `handles[index]` until cancelled. When `start` has to recreate the actor, the handle is replaced."""
    silent_since: float | None = None
    while True:
        await asyncio.sleep(intervals.ping)
        try:
            await call(handles[index], "ping", deadline=intervals.ping)
            silent_since = None
        except TimeoutError:
            now = time.monotonic()
            silent_since = silent_since or now
            if now - silent_since > intervals.frozen:
                say(f"{name} does not answer; restarting it")
                with contextlib.suppress(ValueError, RayError):  # if it is gone, the next ping reports it
                    await in_thread(partial(ray.kill, handles[index], no_restart=False))
                silent_since = None
        except ActorDiedError:
            log.error("actor_given_up", name=name)
            with contextlib.suppress(ValueError, RayError):
                handles[index] = await in_thread(partial(start, index))
            silent_since = None
        except RayError:
            silent_since = None


async def in_thread(work: Callable[[], T]) -> T:
    """Run a call to Ray's head, which may be away. Then the call blocks, but neither the loop nor the process's exit does."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is waiting
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="ask-ray", daemon=True).start()
    return await done
