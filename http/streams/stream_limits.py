"""Limits of the streams of one user, account or address at one gateway: their number, the frames they send, and their queued
bytes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final, Protocol

import msgspec

from ...core.accounts.principal import Principal, Role
from ...core.errors import Overloaded, RateLimited
from ...settings import Settings
from .token_bucket import Rate, TokenBuckets

BURST_SECONDS: Final = 4
"""Burst of frames, in seconds of the rate: a page may join all its conversations when it opens."""
CALM_SHARE: Final = 0.25
"""Share of a user's burst that must be free to open a stream, so that a flood cannot go on at once in a new connection."""
ACCOUNT_FRAMES: Final = 10
"""An account may send as many frames as so many users, per gateway."""
STAFF_SHARE: Final = 0.1
"""Share of an account's streams that is reserved for its agents."""
UNLIMITED: Final = 1e12
"""Frames a second that nobody reaches: the rate is off."""
BYTES_PER_FRAME: Final = 4096
"""Bytes received that count as one more frame, so that a few large messages cost as much as many small ones."""
RETRY_AFTER: Final = 5.0
"""Retry-After for too many streams, in seconds: a lost stream is noticed by about then."""
RELIEF_PAUSE: Final = 0.1
"""Seconds between two rounds of closing an account's slowest readers."""
TOLD: Final = Rate(0.1, 1)
"""Seconds between two log records of a user's refused streams."""

Clock = Callable[[], float]


class StreamLimits(msgspec.Struct, frozen=True):
    """The settings of the same names. Beyond `gateway` 503, beyond the others 429; beyond `frames` a second 1008; beyond
    `account_queue` bytes the account's slowest readers are closed with 1013."""

    gateway: int = 20_000
    user: int = 50
    customer: int = 10
    account: int = 10_000
    address: int | None = None
    frames: float = 500
    account_queue: int = 64 * 1024 * 1024

    @classmethod
    def of(cls, settings: Settings) -> StreamLimits:
        """From the settings."""
        return cls(
            gateway=settings.max_streams,
            user=settings.max_streams_per_user,
            customer=settings.max_streams_per_customer,
            account=settings.max_streams_per_account or max(1, settings.max_streams // 2),
            address=settings.max_streams_per_address,
            frames=settings.rate_frames or UNLIMITED,
            account_queue=settings.stream_queue_per_account,
        )


class CountedSession(Protocol):
    """A session as far as it is counted here."""

    principal: Principal
    account: AccountStreams
    address: str

    @property
    def queued(self) -> int: ...
    def cut(self, reason: str) -> None: ...
    def release(self) -> None: ...


class AccountStreams:
    """The open streams of one account and their queued bytes; a frame queued for several streams counts once."""

    __slots__ = ("_relief", "limit", "queued", "sessions")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.queued = 0
        self.sessions: set[CountedSession] = set()
        self._relief = 0.0

    def relieve(self, now: float) -> None:
        """Close the readers with the longest queues, until a quarter of the limit is free again.

        Their memory is freed a moment later, so no more are closed until then.
        """
        if now - self._relief < RELIEF_PAUSE:
            return
        self._relief = now
        excess = self.queued - self.limit * 3 // 4
        for session in sorted(self.sessions, key=lambda s: s.queued, reverse=True):
            if excess <= 0 or not session.queued:
                return
            excess -= session.queued
            session.cut("the account's readers are too slow: reconnect with your last event id")


UNCOUNTED: Final = AccountStreams(1 << 62)
"""The account of a session that has not been counted yet."""


def user_key(principal: Principal) -> Hashable:
    """The key under which a user's streams are counted. It includes the account: users of two tenants may have the same id."""
    return principal.account_id, principal.user_id


class StreamCounts:
    """Counts streams by user, address and account, and frames by user and account: whoever sends them has a valid token."""

    def __init__(self, limits: StreamLimits, *, clock: Clock = time.monotonic) -> None:
        self.limits = limits
        self._total = 0
        self.refused: Counter[str] = Counter()
        """Streams refused since the start, by whose bound was reached: gateway, account, user, customer, address, frames; or because
        the gateway is `draining`, or the page's `origin` may not open them."""
        self._users: Counter[Hashable] = Counter()
        self._addresses: Counter[str] = Counter()
        self._accounts: dict[str, AccountStreams] = {}
        self.frame_rate = Rate(limits.frames, limits.frames * BURST_SECONDS)
        self._user_frames = TokenBuckets(self.frame_rate, clock=clock)
        self._account_frames = TokenBuckets(self.frame_rate.times(ACCOUNT_FRAMES), clock=clock)
        self._told = TokenBuckets(TOLD, clock=clock)

    def __len__(self) -> int:
        return self._total

    def take(self, session: CountedSession, address: str) -> None:
        """Count a session. Raises Overloaded, RateLimited."""
        limits, principal = self.limits, session.principal
        if self._total >= limits.gateway:
            self.refused["gateway"] += 1
            raise Overloaded("this gateway has reached its limit of open streams", retry_after=RETRY_AFTER)
        user = user_key(principal)
        if self._user_frames.left(user) < self.frame_rate.burst * CALM_SHARE:
            self.refused["frames"] += 1
            detail = "this user has sent too many frames (TERTULIA_RATE_FRAMES)"
            raise RateLimited(detail, retry_after=BURST_SECONDS * CALM_SHARE)
        customer = principal.role is Role.CUSTOMER
        per_user = limits.customer if customer else limits.user
        account = self._accounts.get(principal.account_id)
        per_account = limits.account
        if customer:
            per_account -= int(per_account * STAFF_SHARE)
        for who, count, most in (
            ("customer" if customer else "user", self._users[user], per_user),
            ("account", 0 if account is None else len(account.sessions), per_account),
            ("address", self._addresses[address], limits.address if customer else None),
        ):
            if most is not None and count >= most:
                self.refused[who] += 1
                setting = f"TERTULIA_MAX_STREAMS_PER_{who.upper()}"
                detail = (
                    f"this {who} has {count} open streams, as many as it may ({setting}): close one first"
                )
                raise RateLimited(detail, retry_after=RETRY_AFTER)
        self._total += 1
        self._users[user] += 1
        if customer:
            self._addresses[address] += 1
        if account is None:
            account = self._accounts[principal.account_id] = AccountStreams(limits.account_queue)
        account.sessions.add(session)
        session.account, session.address = account, address

    def give_back(self, session: CountedSession) -> None:
        """Stop counting a session, and drop its queue."""
        principal = session.principal
        self._total -= 1
        _less(self._users, user_key(principal))
        if principal.role is Role.CUSTOMER:
            _less(self._addresses, session.address)
        session.release()
        session.account.sessions.discard(session)
        if not session.account.sessions:
            self._accounts.pop(principal.account_id, None)

    def frames_left(self, principal: Principal) -> float:
        """Frames that a connection may still send, by its user and account."""
        customer = principal.role is Role.CUSTOMER
        return min(
            self._user_frames.left(user_key(principal)),
            self._account_frames.left((principal.account_id, customer)),
        )

    def spend_frames(self, principal: Principal, cost: float) -> str | None:
        """Count frames for their user and account; returns whose rate is exceeded, if any.

        Customers are counted apart from the others of their account: visitors must not silence agents.
        """
        customer = principal.role is Role.CUSTOMER
        if not self._user_frames.spend(user_key(principal), cost):
            return "user"
        return None if self._account_frames.spend((principal.account_id, customer), cost) else "account"

    def is_news(self, principal: Principal) -> bool:
        """Whether to log a refused stream of this user again."""
        return self._told.spend(user_key(principal), 1)


def _less(counter: Counter, key: Hashable) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
