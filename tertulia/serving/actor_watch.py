"""Watching over the actors: one that answers nothing is ended, one that Ray has given up is made anew.

Those that die Ray restarts by itself, once its head is there. A head that comes back without what it knew (it has no external
storage) refuses everybody of before: what runs then goes on, and what dies stays dead until the cluster and this server are
started anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError

from ..actors.transport.ray_calls import call

log = structlog.get_logger(__name__)

T = TypeVar("T")

PING_EVERY = 1.0
FROZEN_AFTER = 8.0
"""Seconds without an answer after which an actor counts as frozen. Its partitions are taken over long before."""


async def watch_over(
    name: str,
    handles: list[ActorHandle],
    index: int,
    start: Callable[[int], ActorHandle],
    say: Callable[[str], None],
) -> None:
    """Until cancelled, over `handles[index]`, which is replaced when `start` has to make it anew."""
    silent_since: float | None = None
    while True:
        await asyncio.sleep(PING_EVERY)
        try:
            await call(handles[index], "ping", deadline=PING_EVERY)
            silent_since = None
        except TimeoutError:
            now = time.monotonic()
            silent_since = silent_since or now
            if now - silent_since > FROZEN_AFTER:
                say(f"{name} answers nothing: it is ended and started anew")
                with contextlib.suppress(ValueError, RayError):  # if it is not there, the next ping says so
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
    """For what asks Ray's head, which may be away: the call stands still then, but neither the loop nor the process's end."""
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
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="ask-ray", daemon=True).start()
    return await done
