"""Single-use stream tickets: what a browser puts into a URL in place of its token.

Owns a ticket's form, life and content. It must never accept a ticket the store has not confirmed: without
the store the answer is 503, and a client falls back to a header or a cookie.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from ..core.errors import Unauthenticated
from ..core.ports_auth import TicketStore
from ..core.principal import Principal

LIFETIME: Final = 30.0
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

    async def issue(self, principal: Principal) -> Ticket:
        """A ticket for `principal`, good for 30 s or until its token ends. Raises StorageUnavailable."""
        now = self._clock()
        lifetime = min(LIFETIME, principal.expires_at - now)
        if lifetime <= 0:
            raise Unauthenticated("the token has expired")
        ticket = self._new_ticket()
        await self._store.put(_digest(ticket), msgspec.json.encode(principal), lifetime)
        return Ticket(ticket, now + lifetime)

    async def redeem(self, ticket: str) -> Principal:
        """The principal the ticket was made for, with the end of its token; the ticket is used up.

        Raises Unauthenticated for a ticket unknown, used or expired, StorageUnavailable when nobody can say.
        """
        if not _FORM.fullmatch(ticket):
            raise Unauthenticated("the ticket is not valid")
        payload = await self._store.take(_digest(ticket))
        if payload is None:
            raise Unauthenticated("the ticket is unknown, used or expired")
        principal = msgspec.json.decode(payload, type=Principal)
        if principal.expires_at <= self._clock():
            raise Unauthenticated("the token the ticket was made with has expired")
        return principal


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
