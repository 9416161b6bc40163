"""Keeps an embedded server running: restarts it after every unexpected exit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .errors import ServerError
from .server import Server

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
STEADY_AFTER = 30.0
"""Seconds of running after which the next pause is the shortest again."""


@dataclass(frozen=True)
class ServerEvent:
    """An event in a server's life. `seconds` is how long it ran (`exited`) or took to start (`restarted`)."""

    server: str
    kind: Literal["exited", "restarted", "failed"]
    detail: str
    seconds: float


async def keep_running(server: Server, on_event: Callable[[ServerEvent], None]) -> None:
    """Restart a started server after every unexpected exit; returns once it is stopped, or is cancelled.

    `on_event` is called for every exit, restart and failed restart. Pauses double from 0.05 to 5 seconds.
    """
    pause, since = FIRST_PAUSE, time.monotonic()
    while True:
        code = await server.wait_exited()
        if not server.wanted:
            return
        ran = time.monotonic() - since
        on_event(ServerEvent(server.name, "exited", f"{server.name} ended (exit code {code}).", ran))
        pause = FIRST_PAUSE if ran > STEADY_AFTER else pause
        while True:
            await asyncio.sleep(pause)
            pause, since = min(pause * 2, LONGEST_PAUSE), time.monotonic()
            try:
                if not await server.restart_if_wanted():
                    return
                break
            except ServerError as error:
                on_event(ServerEvent(server.name, "failed", str(error), time.monotonic() - since))
        took, since = time.monotonic() - since, time.monotonic()
        detail = f"{server.name} runs again (process {server.pid})."
        on_event(ServerEvent(server.name, "restarted", detail, took))
