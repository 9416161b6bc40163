"""Stream tickets, which browsers put into URLs in place of tokens, and how an EventSource reconnects with a used one.

Owns a ticket's form, lifetime and content. It never accepts a ticket that the store has not confirmed: without the store the
answer is 503, and a client can fall back to a header or a cookie.

A ticket opens one stream. EventSource reconnects by itself, always with the same URL, whose ticket is used by then. If a page requested
the ticket, its browser holds a cookie that no script can read; ticket and cookie together reopen the stream while it is open and
RESUMABLE_FOR seconds longer. The URL alone, from a log or a history, opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from ...actors.recurring import recur
from ...core.accounts.principal import Principal
from ...core.errors import RateLimited, StorageUnavailable, Unauthenticated
from ...core.ports.auth import TicketStore

LIFETIME: Final = 30.0
MAX_UNREDEEMED: Final = 100
"""Outstanding tickets of one user at one gateway; beyond them RateLimited. One redeemed at another gateway counts until it would have
expired."""
COOKIE: Final = "tertulia_stream"
RESUMABLE_FOR: Final = 300.0
"""Seconds for which a stream can be reopened after it ended, at least two thirds of which remain at any moment."""
BATCH: Final = 500
"""Streams whose time is extended in one round trip."""
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Ticket(NamedTuple):
    """`expires_at` is in epoch seconds."""

    ticket: str
    expires_at: float


class _Content(msgspec.Struct, frozen=True):
    """The stored value of a ticket, or of an open stream, which has a `cursor`."""

    principal: Principal
    browser: str | None = None
    cursor: str | None = None


class Resumable(NamedTuple):
    """A stream that its page's browser may reopen. `cursor`: where it began, if this is not the first time."""

    digest: str
    browser: str
    cursor: str | None


RESUMABLE: Final[web.RequestKey[Resumable]] = web.RequestKey("resumable", Resumable)


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
        self._open: Counter[str] = Counter()

    async def issue(self, principal: Principal, browser: str | None = None) -> Ticket:
        """A ticket for `principal`, good for 30 s or until its token ends. `browser`: the cookie that may reopen the stream.

        Raises RateLimited, StorageUnavailable.
        """
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
        content = _Content(principal, None if browser is None else _digest(browser))
        try:
            await self._store.put(digest, msgspec.json.encode(content), lifetime)
        except BaseException:
            self._forget(digest)
            raise
        return Ticket(ticket, now + lifetime)

    async def redeem(self, ticket: str, browser: str | None = None) -> tuple[Principal, Resumable | None]:
        """Use a ticket up, or reopen its stream; returns its principal, which expires with the token.

        Raises Unauthenticated for an unknown or expired ticket, and for a used one without the cookie of its browser;
        StorageUnavailable without the store.
        """
        if not _FORM.fullmatch(ticket):
            raise Unauthenticated("the ticket is not valid")
        digest = _digest(ticket)
        payload = await self._store.take(digest)
        self._forget(digest)
        if payload is None and browser is not None:
            payload = await self._reopened(digest, _digest(browser))
        if payload is None:
            raise Unauthenticated("the ticket is unknown, used or expired")
        content = msgspec.json.decode(payload, type=_Content)
        if content.principal.expires_at <= self._clock():
            raise Unauthenticated("the token the ticket was made with has expired")
        if content.browser is None:
            return content.principal, None
        return content.principal, Resumable(digest, content.browser, content.cursor)

    async def _reopened(self, digest: str, browser: str) -> bytes | None:
        payload = await self._store.peek(_stream_key(digest))
        if payload is None:
            return None
        of = msgspec.json.decode(payload, type=_Content).browser
        return payload if of is not None and hmac.compare_digest(of, browser) else None

    # -- open streams

    async def opened(self, stream: Resumable, principal: Principal, cursor: str) -> None:
        """A stream has begun at `cursor`; `closed` must follow. Without the store its EventSource will need a new ticket."""
        lifetime = min(RESUMABLE_FOR, principal.expires_at - self._clock())
        content = _Content(principal, stream.browser, stream.cursor or cursor)
        if lifetime > 0:
            with suppress(StorageUnavailable):
                await self._store.put(_stream_key(stream.digest), msgspec.json.encode(content), lifetime)
        self._open[stream.digest] += 1

    def closed(self, stream: Resumable) -> None:
        """A stream that was `opened` has ended."""
        self._open[stream.digest] -= 1
        if self._open[stream.digest] <= 0:
            del self._open[stream.digest]

    async def main_loop(self) -> None:
        """Keep open streams resumable, until cancelled."""
        await recur(self.extend_open, "open_streams", RESUMABLE_FOR / 3)

    async def extend_open(self) -> None:
        """Keep the streams that are open now resumable for RESUMABLE_FOR seconds from now."""
        keys = [_stream_key(digest) for digest in self._open]
        for start in range(0, len(keys), BATCH):
            with suppress(StorageUnavailable):
                await self._store.extend(keys[start : start + BATCH], RESUMABLE_FOR)

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


def is_page(request: web.BaseRequest) -> bool:
    """Whether a script in a browser asks, or one that behaves so: browsers say where each request comes from."""
    return "Sec-Fetch-Mode" in request.headers or hdrs.ORIGIN in request.headers


def browser_of(request: web.BaseRequest) -> str | None:
    """The cookie of the request's browser, if it has a proper one."""
    cookie = request.cookies.get(COOKIE)
    return cookie if cookie is not None and _FORM.fullmatch(cookie) else None


def new_cookie(*, https: bool) -> tuple[str, str]:
    """A cookie for a browser, and the Set-Cookie that gives it to it until it is closed.

    With HTTPS pages of other sites get it too, each site one of its own (`Partitioned`: draft-cutler-httpbis-partitioned-cookies).
    """
    value = secrets.token_urlsafe(32)
    where = "SameSite=None; Secure; Partitioned" if https else "SameSite=Lax"
    return value, f"{COOKIE}={value}; Path=/; HttpOnly; {where}"


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def _stream_key(digest: str) -> str:
    return f"stream:{digest}"
