"""The watch over actors continues whatever errors Ray raises."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import ray
from no_ray import no_ray as no_ray
from ray.exceptions import ActorDiedError, RayError

from tertulia.serving.actor_watch import WatchIntervals, watch_over


@pytest.mark.usefixtures("no_ray")
async def test_an_actor_that_cannot_be_ended_is_watched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | None] = [*[TimeoutError()] * 20, ActorDiedError()]
    kills: list[Exception] = [ValueError("it is unknown"), RayError("the head is away")]
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    said: list[str] = []

    class Ping:
        async def remote(self) -> None:
            answer = answers.pop(0) if answers else None
            if answer is not None:
                raise answer

    class Handle:
        ping = Ping()

    def kill(*_: Any, **__: Any) -> None:
        if kills:
            raise kills.pop(0)

    def start(index: int) -> Any:
        started.get_loop().call_soon_threadsafe(started.set_result, index)
        return Handle()

    monkeypatch.setattr(ray, "kill", kill)
    handles: list[Any] = [first := Handle()]
    often = WatchIntervals(ping=0.001, frozen=0.001)
    watch = asyncio.create_task(watch_over("host:0", handles, 0, start, said.append, often))
    async with asyncio.timeout(5):
        assert await started == 0
        while handles == [first]:
            await asyncio.sleep(0)
    watch.cancel()
    assert said and not kills
