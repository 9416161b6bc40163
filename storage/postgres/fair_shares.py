"""Whose turn it is at a pool of connections: accounts take turns, so that no account's reads keep the others' waiting.

Owns nothing but the order. An account that asks for much gets what nobody else wants, but never the last of several
connections; everybody else's next read comes before its next one.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...core.errors import Overloaded


class FairShares:
    """`slots` turns at once, of one account at most three quarters of them, and never all of several.

    Within an account the first to come is the first to get a turn. Whoever waits longer than `wait` seconds is refused with
    Overloaded. How many wait is for the callers to bound: each is a request under way.
    """

    def __init__(self, slots: int, *, wait: float) -> None:
        self._free = slots
        self._share = max(1, slots - max(1, slots // 4))
        self._wait = wait
        self._running: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def idle(self) -> bool:
        """Whether nobody has a turn or waits for one."""
        return not self._running and not self._queues

    @asynccontextmanager
    async def turn(self, account: str) -> AsyncIterator[None]:
        """Hold one of the slots. Raises Overloaded."""
        if self._free and self._running[account] < self._share and account not in self._queues:
            self._start(account)
        else:
            await self._queue(account)
        try:
            yield
        finally:
            self._end(account)

    async def _queue(self, account: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(account, deque()).append(turn)
        timer = asyncio.get_running_loop().call_later(self._wait, self._refuse, account, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled() or turn.exception() is not None:
                self._leave(account, turn)
            else:  # it came in the very moment
                self._end(account)
            raise
        finally:
            timer.cancel()

    def _refuse(self, account: str, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._leave(account, turn)
            turn.set_exception(Overloaded("no database connection came free in time", retry_after=1))

    def _leave(self, account: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(account, deque())
        if turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[account]

    def _start(self, account: str) -> None:
        self._free -= 1
        self._running[account] += 1

    def _end(self, account: str) -> None:
        self._free += 1
        self._running[account] -= 1
        if not self._running[account]:
            del self._running[account]
        self._next()

    def _next(self) -> None:
        """Give what is free to those who wait: account by account, each account's in the order they came."""
        for account in list(self._queues):
            if not self._free:
                return
            if self._running[account] < self._share:
                queue = self._queues[account]
                turn = queue.popleft()
                self._queues.move_to_end(account)
                if not queue:
                    del self._queues[account]
                if not turn.done():  # cancelled, and its task has not run since
                    self._start(account)
                    turn.set_result(None)
