"""Single-use stream tickets, which browsers put into URLs in place of tokens.

Owns a ticket's form, lifetime and content. It never accepts a ticket that the store has not confirmed: without the store the
answer is 503, and a client can fall back to a header or a cookie.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

import msgspec

from ...core.accounts.principal import Principal
from ...core.errors import RateLimited, Unauthenticated
from ...core.ports.auth import TicketStore

LIFETIME: Final = 30.0
MAX_UNREDEEMED: Final = 100
"""Outstanding tickets of one user at one gateway; beyond them RateLimited. One redeemed at another gateway counts until it would have
expired."""
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Ticket(NamedTuple):
    """`expires_at` is in epoch seconds."""

    ticket: str
    expires_at: float


class Tickets:
    """Issues and redeems tickets. `clock` gives epoch seconds, `new_ticket` 256 random bits as text."""

    def __init__(
        self,
        store: TicketStore,
        *,
        clock: Callable[[], float] = time.time,
        new_ticket: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_ticket = new_ticket
        self._issued: OrderedDict[str, tuple[float, Hashable]] = (
            OrderedDict()
        )  # in the order in which they expire
        self._unredeemed: Counter[Hashable] = Counter()

    async def issue(self, principal: Principal) -> Ticket:
        """A ticket for `principal`, good for 30 s or until its token ends. Raises RateLimited, StorageUnavailable."""
        now = self._clock()
        lifetime = min(LIFETIME, principal.expires_at - now)
        if lifetime <= 0:
            raise Unauthenticated("the token has expired")
        user = principal.account_id, principal.user_id
        self._forget_expired(now)
        if self._unredeemed[user] >= MAX_UNREDEEMED:
            detail = f"{MAX_UNREDEEMED} tickets of this user wait to be redeemed: open streams with them, or let them expire"
            raise RateLimited(detail, retry_after=LIFETIME)
        ticket = self._new_ticket()
        digest = _digest(ticket)
        self._issued[digest] = now + LIFETIME, user
        self._unredeemed[user] += 1
        try:
            await self._store.put(digest, msgspec.json.encode(principal), lifetime)
        except BaseException:
            self._forget(digest)
            raise
        return Ticket(ticket, now + lifetime)

    async def redeem(self, ticket: str) -> Principal:
        """Use a ticket up; returns its principal, which expires with the token.

        Raises Unauthenticated for an unknown, used or expired ticket, and StorageUnavailable without the store.
        """
        if not _FORM.fullmatch(ticket):
            raise Unauthenticated("the ticket is not valid")
        digest = _digest(ticket)
        payload = await self._store.take(digest)
        self._forget(digest)
        if payload is None:
            raise Unauthenticated("the ticket is unknown, used or expired")
        principal = msgspec.json.decode(payload, type=Principal)
        if principal.expires_at <= self._clock():
            raise Unauthenticated("the token the ticket was made with has expired")
        return principal

    def _forget_expired(self, now: float) -> None:
        while self._issued and next(iter(self._issued.values()))[0] <= now:
            self._forget(next(iter(self._issued)))

    def _forget(self, digest: str) -> None:
        if digest not in self._issued:
            return
        _, user = self._issued.pop(digest)
        self._unredeemed[user] -= 1
        if self._unredeemed[user] <= 0:
            del self._unredeemed[user]


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
