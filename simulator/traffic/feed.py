"""The account's feed, as each worker follows it: from it customers learn what happens, and the audit what was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...client import AsyncClient
from ..figures.figures import Figures

Event = Mapping[str, Any]
Tamper = Callable[[str, Event], Iterable[Event]]
"""Changes what a reader gets, by the reader's name: tests prove the audit by breaking with it."""

OPEN_WITHIN = 30.0


def untouched(reader: str, event: Event) -> Iterable[Event]:
    del reader
    return (event,)


class Feed:
    """Reads the account's events over a WebSocket until closed, resuming without gap or repeat."""

    def __init__(
        self, client: AsyncClient, figures: Figures, on_event: Callable[[Event], None], tamper: Tamper
    ) -> None:
        self._client = client
        self._figures = figures
        self._on_event = on_event
        self._tamper = tamper
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Wait until it is followed. Raises TertuliaError, TimeoutError."""
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(lambda _: self._ready.set())
        async with asyncio.timeout(OPEN_WITHIN):
            await self._ready.wait()
        if self._task.done():
            self._task.result()

    async def _run(self) -> None:
        async with self._client.stream(["account"], over="websocket") as stream:
            self._ready.set()
            connections = stream.connections
            async for event in stream:
                if stream.connections != connections:
                    self._figures.counts["reconnects"] += stream.connections - connections
                    connections = stream.connections
                if event["type"] == "reset":
                    self._figures.error("the account's feed was reset: the audit has a gap")
                for one in self._tamper("feed", event):
                    self._on_event(one)

    async def close(self) -> None:
        if self._task is not None:
            if self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
                self._figures.error(f"the account's feed ended: {type(error).__name__}", str(error))
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
