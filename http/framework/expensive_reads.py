"""Expensive reads (statistics, searches, exports): bounded by account and by user, and shared by concurrent equal requests.

Counts those in progress at this gateway: the ones of `Route.expensive`, and of handlers that call `counted` or `shared`. Their queries
use `Database.expensive`, a pool of its own at which accounts take turns (`storage/postgres/fair_shares.py`), so a cheap read never
waits for an expensive one, and no account waits for all reads of another. This module does no I/O.

Beyond a bound: 429. If no connection becomes free in time: 503, from the storage.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

from ...core.accounts.principal import Principal
from ...core.errors import RateLimited
from ...settings import Settings

T = TypeVar("T")

RETRY_AFTER: Final = 2.0
"""Seconds after which a client may try again."""


class ExpensiveReads:
    """At most `account` reads per account and `user` per user, including those that wait for a connection."""

    def __init__(self, *, account: int, user: int) -> None:
        self._of_account, self._of_user = account, user
        self._accounts: Counter[str] = Counter()
        self._users: Counter[tuple[str, str]] = Counter()
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> ExpensiveReads:
        return cls(account=settings.expensive_reads_account, user=settings.expensive_reads_user)

    @property
    def idle(self) -> bool:
        """Whether no read is in progress."""
        return not self._accounts and not self._users and not self._flights

    @asynccontextmanager
    async def counted(self, principal: Principal) -> AsyncIterator[None]:
        """Count one read for its account and user. Raises RateLimited."""
        account, user = principal.account_id, (principal.account_id, principal.user_id)
        for found, most, whose in (
            (self._users[user], self._of_user, "user"),
            (self._accounts[account], self._of_account, "account"),
        ):
            if found >= most:
                detail = f"too many statistics, searches and exports of one {whose} at once (at most {most}: TERTULIA_EXPENSIVE_READS_{whose.upper()})"
                raise RateLimited(detail, retry_after=RETRY_AFTER)
        self._accounts[account] += 1
        self._users[user] += 1
        try:
            yield
        finally:
            _take(self._accounts, account)
            _take(self._users, user)

    async def shared(self, principal: Principal, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, counted; concurrent calls of the same account with the same `key` share it.

        A caller that is cancelled does not cancel the read for the others.
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
            flight.exception()  # retrieved, even if all callers have gone

    async def _read(self, principal: Principal, read: Callable[[], Awaitable[T]]) -> T:
        async with self.counted(principal):
            return await read()


def _take(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
