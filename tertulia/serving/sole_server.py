"""Only one `tertulia serve` works on a database at a time. Another one stands by, and takes over when the first one ends.

Two at once would each enforce their own settings and release, and end each other's processes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable

import structlog

from ..storage.postgres.exclusive_session import ERRORS, ExclusiveSession

log = structlog.get_logger(__name__)

LOCK = 0x7E5E
CHECK_EVERY = 1.0
SURE_FOR = 5.0
"""Seconds for which we still have the lock after Postgres has last confirmed it; Postgres itself waits for longer before it passes it
on (`exclusive_session.KEEPALIVES`)."""
GIVE_WAY = 5.0
"""Seconds that one that stands by waits after Postgres was away: the one that works takes its lock again first."""


def label() -> str:
    """Who we are, for another one that stands by."""
    return f"tertulia serve on {socket.gethostname()[:32]} (pid {os.getpid()})"


class SoleServer:
    """`url`: the owner's. `say`: for the operator. `own`: our label, which no other has."""

    def __init__(
        self,
        url: str,
        say: Callable[[str], None],
        own: str = "",
        *,
        every: float = CHECK_EVERY,
        give_way: float = GIVE_WAY,
    ) -> None:
        self._own = own or label()
        self._session = ExclusiveSession(url, LOCK, self._own)
        self._say = say
        self._every = every
        self._give_way = give_way
        self._confirmed = float("-inf")

    @property
    def sure(self) -> bool:
        """Whether nobody else can have taken our place."""
        return time.monotonic() - self._confirmed < SURE_FOR

    async def wait(self) -> None:
        """Return when we are the only one. Raises what Postgres raises if it cannot be reached at first."""
        told, holder = "", await self._session.try_acquire()
        while holder is not None:
            if holder and holder != told:
                self._say(
                    f"standing by: {holder} serves this database; this one takes over when that one ends"
                )
                told = holder
            await asyncio.sleep(self._every)
            try:
                holder = await self._session.try_acquire()
            except ERRORS as error:
                log.warning("standing_by_without_database", error=repr(error))
                await self._reached()
                await asyncio.sleep(self._give_way)
        if told:
            self._say("the other one has ended; taking over")
        self._confirmed = time.monotonic()

    async def _reached(self) -> None:
        """Wait until Postgres is back."""
        while True:
            try:
                return await self._session.reach()
            except ERRORS:
                await asyncio.sleep(self._every)

    async def until_replaced(self) -> str:
        """Return when another one has taken our place while Postgres could not be reached from here: who."""
        while True:
            await asyncio.sleep(self._every)
            began = time.monotonic()
            try:
                holder = await self._session.try_acquire()
            except ERRORS as error:
                log.warning("sole_server_not_confirmed", error=repr(error))
                continue
            if holder is None:
                self._confirmed = began
            elif holder not in ("", self._own):
                return holder

    async def close(self) -> None:
        """Let another one take over."""
        await self._session.close()
