"""The watch over actors continues whatever errors Ray raises."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from no_ray import no_ray as no_ray
from ray.exceptions import ActorDiedError, RayError

from tertulia.serving import actor_watch


@pytest.mark.usefixtures("no_ray")
async def test_an_actor_that_cannot_be_ended_is_watched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor_watch, "PING_EVERY", 0.001)
    monkeypatch.setattr(actor_watch, "FROZEN_AFTER", 0.001)
    answers: list[Exception | None] = [*[TimeoutError()] * 20, ActorDiedError()]
    kills: list[Exception] = [ValueError("it is unknown"), RayError("the head is away")]
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    said: list[str] = []

    async def call(*_: Any, **__: Any) -> None:
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer

    def kill(*_: Any, **__: Any) -> None:
        if kills:
            raise kills.pop(0)

    def start(index: int) -> Any:
        started.get_loop().call_soon_threadsafe(started.set_result, index)
        return "anew"

    monkeypatch.setattr(actor_watch, "call", call)
    monkeypatch.setattr(actor_watch.ray, "kill", kill)
    handles: list[Any] = ["first"]
    watch = asyncio.create_task(actor_watch.watch_over("host:0", handles, 0, start, said.append))
    async with asyncio.timeout(5):
        assert await started == 0
        while handles == ["first"]:
            await asyncio.sleep(0)
    watch.cancel()
    assert said and not kills
