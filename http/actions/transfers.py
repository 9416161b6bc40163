"""Bounds concurrent uploads and downloads of a gateway: by user, by an account's customers, by account, and in total.

A transfer beyond a bound waits a moment for a slot, because browsers send a message's files all at once. Then it is refused: with 429
for a bound of the client, with 503 for the total. Its body is not read meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from ...core.accounts.principal import Principal, Role
from ...core.errors import Overloaded, RateLimited, TertuliaError
from ..auth.rate_limits import address_key

WAIT: Final = 3.0
"""Seconds that a transfer may wait for a slot."""
WAITERS: Final = 2
"""Waiting transfers per slot, for each bound; more are refused at once."""
RETRY_AFTER: Final = 5.0


class Client:
    """The client of a transfer: the scopes whose limits it counts against, from the narrowest to the widest."""

    __slots__ = ("account", "name", "shared")

    def __init__(self, account: str, name: str | None, shared: str | None) -> None:
        self.account = account
        self.name = name
        """None for a service, which counts for its account only."""
        self.shared = shared
        """The scope shared by all customers and link holders of the account, so that they leave room for its staff."""

    @classmethod
    def of(cls, principal: Principal) -> Client:
        """The holder of a token."""
        if principal.role is Role.SERVICE:
            return cls(principal.account_id, None, None)
        shared = "customers" if principal.role is Role.CUSTOMER else None
        return cls(principal.account_id, principal.user_id, shared)

    @classmethod
    def at(cls, account: str, address: str | None) -> Client:
        """The holder of a signed link, known by address only."""
        return cls(account, f"address {address_key(address)}", "links")


class Transfers:
    """The transfers of one kind (`what`: uploads, downloads). Bounds: `process` > `account` > `user`."""

    def __init__(self, what: str, *, process: int, account: int, user: int, wait: float = WAIT) -> None:
        self._what = what
        self._wait_at_most = wait
        self._process = process
        self._account = min(account, process)
        self._shared = max(1, self._account // 2)
        self._user = min(user, self._account)
        self._under_way: Counter[Hashable] = Counter()
        self._waiting: Counter[Hashable] = Counter()
        self._freed: asyncio.Future[None] | None = None

    @property
    def under_way(self) -> int:
        return self._under_way[None]

    @asynccontextmanager
    async def one(self, client: Client) -> AsyncIterator[None]:
        """Hold a slot during the block. Raises RateLimited, Overloaded."""
        scopes = self._scopes(client)
        await self._wait(scopes)
        self._under_way.update(key for key, _, _ in scopes)
        try:
            yield
        finally:
            _less(self._under_way, (key for key, _, _ in scopes))
            if self._freed is not None and not self._freed.done():
                self._freed.set_result(None)

    def _scopes(self, client: Client) -> list[tuple[Hashable, int, str]]:
        """The bounds of a transfer: key (None: the process), bound, and owner's name."""
        found: list[tuple[Hashable, int, str]] = []
        setting = f"TERTULIA_MAX_{self._what.upper()}"
        if client.name is not None:
            found.append(
                ((client.account, "user", client.name), self._user, f"for one user ({setting}_USER)")
            )
        if client.shared is not None:
            found.append(
                (
                    (client.account, client.shared),
                    self._shared,
                    f"for one account's visitors ({setting}_ACCOUNT)",
                )
            )
        found.append(((client.account,), self._account, f"for one account ({setting}_ACCOUNT)"))
        return [*found, (None, self._process, f"at once ({setting})")]

    def _refusal(self, scopes: list[tuple[Hashable, int, str]]) -> TertuliaError | None:
        for key, most, whose in scopes:
            if self._under_way[key] >= most:
                kind = Overloaded if key is None else RateLimited
                return kind(f"too many {self._what} {whose}", retry_after=RETRY_AFTER)
        return None

    async def _wait(self, scopes: list[tuple[Hashable, int, str]]) -> None:
        """Wait for a slot. Raises RateLimited or Overloaded if none becomes free in time."""
        refusal = self._refusal(scopes)
        if refusal is None:
            return
        ends = (scopes[0], scopes[-1])
        if any(self._waiting[key] >= WAITERS * most for key, most, _ in ends):
            raise refusal
        keys = {key for key, _, _ in ends}
        self._waiting.update(keys)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait_at_most
        try:
            while (refusal := self._refusal(scopes)) is not None:
                if loop.time() >= until:
                    raise refusal
                if self._freed is None or self._freed.done():
                    self._freed = loop.create_future()
                await asyncio.wait([self._freed], timeout=until - loop.time())
        finally:
            _less(self._waiting, keys)


def _less(counts: Counter[Hashable], keys: Iterable[Hashable]) -> None:
    for key in keys:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


UPLOADS: web.AppKey[Transfers] = web.AppKey("uploads", Transfers)
DOWNLOADS: web.AppKey[Transfers] = web.AppKey("downloads", Transfers)
