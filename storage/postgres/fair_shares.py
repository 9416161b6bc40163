"""Fair queueing for a pool of connections: accounts take turns, so that no account's reads delay the others'.

Owns only the order. A busy account gets the connections that nobody else needs, but never the last of several, and every other
account's next read goes before its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...core.errors import Overloaded


class FairShares:
    """Grants `slots` turns at once. One account gets at most three quarters of them, and never all if there are several.

    First come, first served within an account. Waiting longer than `wait` seconds raises Overloaded. Callers bound how many
    wait: each is a request in progress.
    """

    def __init__(self, slots: int, *, wait: float) -> None:
        self._free = slots
        self._share = max(1, slots - max(1, slots // 4))
        self._wait = wait
        self._running: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def idle(self) -> bool:
        """Whether no turn is held or awaited."""
        return not self._running and not self._queues

    @asynccontextmanager
    async def turn(self, account: str) -> AsyncIterator[None]:
        """Hold a slot. Raises Overloaded."""
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
            else:  # granted at the same moment
                self._end(account)
            raise
        finally:
            timer.cancel()

    def _refuse(self, account: str, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._leave(account, turn)
            turn.set_exception(Overloaded("no database connection became free in time", retry_after=1))

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
        """Grant free slots: to the accounts in turn, and first come, first served within each."""
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
