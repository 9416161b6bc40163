"""Copies every account's events to a sink: the Redis stream, or RabbitMQ.

Progress is in Postgres: any number of processes may copy, and each may die at any moment. While a sink cannot be written to, events wait
in the accounts' feeds, and the fault is noted where gateways read it for `/ready` and `/metrics`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from ...core.errors import TertuliaError
from ...core.ports.event_webhooks import EventLog, EventSink
from ...core.webhooks.events import OutgoingEvent

log = structlog.get_logger(__name__)

POLL: Final = 0.25
"""Seconds between polls without work."""
PAUSE: Final = 1.0
"""Seconds to pause after a failure of the database."""
LONGEST_PAUSE: Final = 30.0
LOOK_EVERY: Final = 10.0
"""Seconds after which a sink that had nothing to write is asked whether it could."""
SAY_AGAIN: Final = 60.0
"""Seconds after which the log repeats a fault that lasts."""


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 1, 2, 4 … 30, half of it random, so that processes do not come at once."""
    return min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10)) * (0.5 + 0.5 * random.random())


class _Watched:
    """A sink whose faults are told from those of the database. `fault`: of the last attempt."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self.fault: str | None = None

    async def open(self) -> None:
        try:
            await self._sink.open()
        except TertuliaError as error:
            self.fault = error.detail
            raise

    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        try:
            await self._sink.append(events)
        except TertuliaError as error:
            self.fault = error.detail
            raise


class EventStreamer:
    """The copying of events to one sink. `stream` names it in the database."""

    def __init__(
        self,
        positions: EventLog,
        sink: EventSink,
        stream: str,
        *,
        backoff: Callable[[int], float] = backoff,
        look_every: float = LOOK_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._positions = positions
        self._sink = _Watched(sink)
        self._backoff = backoff
        self._look_every = look_every
        self._clock = clock
        self.stream = stream
        self.fault: str | None = None
        """Why nothing can be written at the moment; None while it can."""
        self._failures = 0
        self._failing_since = self._said_at = 0.0

    async def main_loop(self) -> None:
        """Write until cancelled."""
        while True:
            self._sink.fault = None
            try:
                await self._positions.start(self.stream)
                await self._sink.open()
                await self._works()
                await self._copy()
            except TertuliaError as error:
                await asyncio.sleep(await self._failed(error))
            except Exception:
                log.exception("event_stream_failed", stream=self.stream)
                await asyncio.sleep(PAUSE)

    async def _copy(self) -> None:
        """Copy for as long as nothing fails."""
        looked = self._clock()
        while True:
            while await self._positions.pump(self.stream, self._sink):
                pass
            await asyncio.sleep(POLL)
            if self._clock() - looked >= self._look_every:
                await self._sink.open()
                looked = self._clock()

    async def _works(self) -> None:
        """Also noted at the first start: a process that is gone may have left a fault behind."""
        if self.fault is not None:
            seconds = self._clock() - self._failing_since
            log.info(
                "events_copied_again",
                detail=f"events are copied again after {seconds:.1f} s",
                fault=self.fault,
            )
        self.fault, self._failures = None, 0
        await self._positions.note(self.stream, None)

    async def _failed(self, error: TertuliaError) -> float:
        """Say what failed; returns the seconds to wait."""
        fault = self._sink.fault
        if fault is None:
            log.warning("event_stream_failed", stream=self.stream, error=repr(error))
            return PAUSE
        self.fault, now = fault, self._clock()
        self._failures += 1
        if self._failures == 1:
            self._failing_since = now
        pause = self._backoff(self._failures)
        if self._failures == 1 or now - self._said_at >= SAY_AGAIN:
            self._said_at = now
            log.warning(
                "events_not_copied",
                detail=f"{fault}; events wait in PostgreSQL, and the next attempt is in {pause:.1f} s",
                attempts=self._failures,
            )
        try:
            await self._positions.note(self.stream, fault)
        except TertuliaError as unnoted:
            log.warning("event_stream_failed", stream=self.stream, error=repr(unnoted))
        return pause
