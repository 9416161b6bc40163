"""Expensive reads: statistics, searches, exports. A few at a time, in turns between accounts, so that no account's keep others waiting.

Owns who may have Postgres work on such a read, and who waits for it. Which reads count: `Route.expensive`, and the handlers
that call `shared`. Their queries use `Database.expensive`, a pool of as many connections as there are slots here, so a cheap
read never waits for an expensive one. Bounds hold for one gateway. It must never do I/O.

When they are full: an account's or a user's bound refuses with 429; a slot that does not come free in time, with 503.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

from ..core.errors import Overloaded, RateLimited
from ..core.principal import Principal
from ..settings import Settings

T = TypeVar("T")

WAIT: Final = 10.0
"""Seconds for which an expensive read waits for a slot; then 503."""
RETRY_AFTER: Final = 2.0
"""Seconds after which a client may try again."""


class ExpensiveReads:
    """`slots` reads run at once, of one account at most half of them, rounded up. An account has at most `account` running and
    waiting, a user of it at most `user`.
    """

    def __init__(self, *, slots: int, account: int, user: int, wait: float = WAIT) -> None:
        self._free = slots
        self._share = (slots + 1) // 2
        self._of_account, self._of_user = account, user
        self._wait = wait
        self._accounts: Counter[str] = Counter()
        self._users: Counter[tuple[str, str]] = Counter()
        self._running: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> ExpensiveReads:
        return cls(
            slots=settings.expensive_reads,
            account=settings.expensive_reads_account,
            user=settings.expensive_reads_user,
        )

    @asynccontextmanager
    async def counted(self, principal: Principal) -> AsyncIterator[None]:
        """Count one read for its account and user, without a slot: for those that last as long as their reader likes.

        Raises RateLimited.
        """
        account, user = principal.account_id, (principal.account_id, principal.user_id)
        for found, most, whose in (
            (self._users[user], self._of_user, "user"),
            (self._accounts[account], self._of_account, "account"),
        ):
            if found >= most:
                detail = f"too many statistics, searches and exports of one {whose} at once (at most {most})"
                raise RateLimited(detail, retry_after=RETRY_AFTER)
        self._accounts[account] += 1
        self._users[user] += 1
        try:
            yield
        finally:
            _take(self._accounts, account)
            _take(self._users, user)

    @asynccontextmanager
    async def admitted(self, principal: Principal) -> AsyncIterator[None]:
        """Count one read and hold a slot for it. Raises RateLimited, Overloaded (no slot came free in time)."""
        async with self.counted(principal):
            account = principal.account_id
            await self._acquire(account)
            try:
                yield
            finally:
                self._release(account)

    async def shared(self, principal: Principal, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, admitted; whoever asks for the same of the same account meanwhile gets the same.

        `key` names what is asked. A reader that goes away does not take the result from the others.
        """
        whole = (principal.account_id, key)
        flight = self._flights.get(whole)
        if flight is None:
            flight = self._flights[whole] = asyncio.ensure_future(self._read(principal, read))
            flight.add_done_callback(partial(self._landed, whole))
        return await asyncio.shield(flight)

    def _landed(self, whole: Hashable, flight: asyncio.Task[Any]) -> None:
        del self._flights[whole]
        if not flight.cancelled():
            flight.exception()  # seen, even where every reader has gone

    async def _read(self, principal: Principal, read: Callable[[], Awaitable[T]]) -> T:
        async with self.admitted(principal):
            return await read()

    async def _acquire(self, account: str) -> None:
        if self._free and self._running[account] < self._share and account not in self._queues:
            self._start(account)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(account, deque()).append(turn)
        self._next()
        try:
            await asyncio.wait_for(asyncio.shield(turn), self._wait)
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done():  # the slot came in the very moment
                self._release(account)
            else:
                self._leave(account, turn)
            if isinstance(error, TimeoutError):
                detail = "other statistics, searches and exports took too long to come to this one"
                raise Overloaded(detail, retry_after=RETRY_AFTER) from error
            raise

    def _leave(self, account: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues[account]
        queue.remove(turn)
        if not queue:
            del self._queues[account]

    def _start(self, account: str) -> None:
        self._free -= 1
        self._running[account] += 1

    def _release(self, account: str) -> None:
        self._free += 1
        _take(self._running, account)
        self._next()

    def _next(self) -> None:
        """Give free slots to those who wait: account by account, each account's in the order they came."""
        for account in list(self._queues):
            if not self._free:
                return
            if self._running[account] >= self._share:
                continue
            queue = self._queues[account]
            self._start(account)
            queue.popleft().set_result(None)
            self._queues.move_to_end(account)
            if not queue:
                del self._queues[account]


def _take(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
