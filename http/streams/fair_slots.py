"""A fair semaphore: accounts, and users within an account, take turns, so a busy one delays only itself."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

_Waiting = deque[asyncio.Future[None]]


class FairSlots:
    """`total` slots, at most `per_account` and `per_user` of them for one account and one of its users.

    Slots go round-robin over waiting accounts, within an account over its users, and to a user's requests in order. The number of waiters is
    not bounded here: callers bound it, as each stream waits for one slot.
    """

    def __init__(self, total: int, *, per_account: int, per_user: int) -> None:
        self._free = total
        self._per_account = per_account
        self._per_user = per_user
        self._held_by_account: Counter[Hashable] = Counter()
        self._held_by_user: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[str, OrderedDict[Hashable, _Waiting]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, account: str, user: Hashable) -> AsyncIterator[None]:
        """Wait for a slot, and hold it during the block. `user` must be unique across accounts."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, OrderedDict()).setdefault(user, deque()).append(waiter)
        self._give()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._forget(account, user, waiter)
            else:  # it got a slot in the same turn of the loop
                self._take_back(account, user)
            raise
        try:
            yield
        finally:
            self._take_back(account, user)

    def _take_back(self, account: str, user: Hashable) -> None:
        self._free += 1
        for held, key in ((self._held_by_account, account), (self._held_by_user, user)):
            held[key] -= 1
            if not held[key]:
                del held[key]
        self._give()

    def _forget(self, account: str, user: Hashable, waiter: asyncio.Future[None]) -> None:
        users = self._waiting.get(account, OrderedDict())
        waiters = users.get(user, deque())
        if waiter in waiters:
            waiters.remove(waiter)
            self._tidy(account, users, user, waiters)

    def _give(self) -> None:
        while self._free and (found := self._next()) is not None:
            account, users, user, waiters = found
            waiter = waiters.popleft()
            self._waiting.move_to_end(account)
            users.move_to_end(user)
            self._tidy(account, users, user, waiters)
            if not waiter.cancelled():
                self._free -= 1
                self._held_by_account[account] += 1
                self._held_by_user[user] += 1
                waiter.set_result(None)

    def _next(self) -> tuple[str, OrderedDict[Hashable, _Waiting], Hashable, _Waiting] | None:
        """The next waiter. Skips only accounts and users at their bound, who hold slots, so few are visited."""
        for account, users in self._waiting.items():
            if self._held_by_account[account] < self._per_account:
                for user, waiters in users.items():
                    if self._held_by_user[user] < self._per_user:
                        return account, users, user, waiters
        return None

    def _tidy(
        self, account: str, users: OrderedDict[Hashable, _Waiting], user: Hashable, waiters: _Waiting
    ) -> None:
        if not waiters:
            del users[user]
            if not users:
                del self._waiting[account]
