"""Rate limits: per account, per user, per address, shared by all gateways and spent without I/O.

A gateway leases permits from a shared token bucket (`core.ports.auth.PermitSource`) in chunks, at most a twentieth of a second's worth
at a time unless more requests are waiting, and spends them here. The server works without Valkey: when a lease fails, this gateway
limits each key by a bucket of its own at the full rate (with n gateways up to n times the rate: a degraded limit, not none), logs it
once, and tries Valkey again after a second.

Chunks grow while a key is busy and shrink while it is quiet, so that a quiet key does not leave its permits spread over many gateways.

A user's first permit at a gateway is granted on credit and charged to the shared bucket with the next lease, so that a new customer does not
wait for a lease. With n gateways, a user may thus have n permits more at once.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

import structlog

from ...core.accounts.principal import SERVICE, Principal
from ...core.errors import RateLimited, StorageUnavailable
from ...core.ports.auth import Lease, PermitSource
from ...settings import Settings

log = structlog.get_logger(__name__)

NEED_LEASE: Final = None
"""Returned by `try_spend` if a permit must be leased first, which `spend` does."""

CHUNKS_PER_SECOND: Final = 20
LEASE_LIFE: Final = 1.0  # seconds after which permits not spent are dropped
LEASE_DEADLINE: Final = 0.25
DEGRADED_FOR: Final = 1.0
MAX_KEYS: Final = 65_536

Clock = Callable[[], float]


class _Balance:
    """The permits of one key at this gateway: leased ones, or its own bucket while degraded."""

    __slots__ = (
        "chunk",
        "debt",
        "flight",
        "local",
        "local_at",
        "permits",
        "refused_until",
        "until",
        "waiting",
    )

    def __init__(self, chunk: int) -> None:
        self.debt = 0
        """Permits spent that no lease has been charged with."""
        self.permits = 0
        self.until = 0.0
        self.refused_until = 0.0
        self.chunk = chunk
        self.waiting = 0
        self.flight: asyncio.Task[None] | None = None
        self.local: float | None = None
        self.local_at = 0.0


class PermitLeases:
    """Leases permits from the shared buckets, and remembers, for all dimensions together, whether that works."""

    def __init__(self, source: PermitSource, *, clock: Clock = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._degraded_until = float("-inf")
        self._degraded = False

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Lease | None:
        """A grant of the shared bucket; None while degraded."""
        if self._clock() < self._degraded_until:
            return None
        try:
            async with asyncio.timeout(LEASE_DEADLINE):
                grant = await self._source.lease(bucket, rate=rate, burst=burst, wanted=wanted)
        except (StorageUnavailable, TimeoutError):
            self._degraded_until = self._clock() + DEGRADED_FOR
            if not self._degraded:
                self._degraded = True
                log.warning("rate_limits_degraded", consequence="each gateway limits on its own")
            return None
        if self._degraded:
            self._degraded = False
            log.info("rate_limits_shared_again")
        return grant


class Limiter:
    """One dimension of limits: `rate` a second for each key (None: no limit), `burst` at once. `settings`: their names, for operators.

    At most `max_keys` keys are remembered; the least recently used is forgotten first. It loses its leased permits and, while
    degraded, starts again with a full bucket. `advance`: an unknown key has its first permit without a lease, unless the rate is so
    low that it matters.
    """

    def __init__(
        self,
        dimension: str,
        leases: PermitLeases,
        *,
        rate: float | None,
        burst: int,
        settings: str = "",
        clock: Clock = time.monotonic,
        max_keys: int = MAX_KEYS,
        advance: bool = False,
    ) -> None:
        self._dimension = dimension
        self._leases = leases
        self._off = rate is None
        self._rate = rate = 1.0 if rate is None else rate
        self._detail = f"too many requests for one {dimension}: {rate:g} a second, {burst} at once" + (
            f"; set by {settings}" if settings else ""
        )
        self._burst = burst
        self._clock = clock
        self._max_keys = max_keys
        self._balances: OrderedDict[Hashable, _Balance] = OrderedDict()
        self._most = max(1, min(burst, int(rate / CHUNKS_PER_SECOND)))
        self._least = max(1, self._most // 8)
        self._advances = advance and self._most > 1

    def try_spend(self, key: Hashable) -> bool | None:
        """True if spent, False if refused for now, NEED_LEASE if `spend` must lease permits first. Never waits."""
        if self._off:
            return True
        balance = self._balances.get(key)
        if balance is None:
            if self._advances:
                self._balance(key).debt = 1
                return True
            return NEED_LEASE
        now = self._clock()
        if balance.permits > 0 and now < balance.until:
            balance.permits -= 1
            self._balances.move_to_end(key)
            return True
        return False if now < balance.refused_until else NEED_LEASE

    def has(self, key: Hashable) -> bool:
        """Whether `try_spend` would return True."""
        balance = self._balances.get(key)
        if balance is None:
            return self._off or self._advances
        return self._off or (balance.permits > 0 and self._clock() < balance.until)

    async def spend(self, key: Hashable) -> None:
        """Spend one permit, leasing more if needed. Raises RateLimited with `retry_after` in seconds."""
        if self._off:
            return
        balance = self._balance(key)
        while True:
            now = self._clock()
            if balance.permits > 0 and now < balance.until:
                balance.permits -= 1
                return
            if now < balance.refused_until:
                raise RateLimited(self._detail, retry_after=balance.refused_until - now)
            await self._top_up(key, balance)

    def __len__(self) -> int:
        return len(self._balances)

    def _balance(self, key: Hashable) -> _Balance:
        balance = self._balances.get(key)
        if balance is None:
            balance = self._balances[key] = _Balance(self._least)
            if len(self._balances) > self._max_keys:
                self._balances.popitem(last=False)
        else:
            self._balances.move_to_end(key)
        return balance

    async def _top_up(self, key: Hashable, balance: _Balance) -> None:
        if balance.flight is None:
            balance.flight = asyncio.create_task(self._lease(_text(key), balance))
        balance.waiting += 1
        try:
            # shielded: a cancelled request must not cancel the lease for the others
            await asyncio.shield(balance.flight)
        finally:
            balance.waiting -= 1

    async def _lease(self, key: str, balance: _Balance) -> None:
        try:
            if balance.permits == 0 and self._clock() < balance.until:
                balance.chunk = min(self._most, balance.chunk * 2)
            elif balance.permits > 0:
                balance.chunk = max(self._least, balance.chunk // 2)
            wanted = min(self._burst, max(balance.chunk, balance.waiting) + balance.debt)
            bucket = f"{self._dimension}:{key}"
            grant = await self._leases.lease(bucket, rate=self._rate, burst=self._burst, wanted=wanted)
            if grant is None:
                grant = self._own_grant(balance, wanted)
            else:
                balance.local = None
            now = self._clock()
            paid = min(balance.debt, grant.permits)
            balance.debt -= paid
            balance.permits, balance.until = grant.permits - paid, now + LEASE_LIFE
            if grant.permits < wanted:
                # the bucket is empty: asking again before a chunk has refilled would only cost I/O
                balance.refused_until = now + max(grant.wait, 1 / CHUNKS_PER_SECOND)
        finally:
            balance.flight = None

    def _own_grant(self, balance: _Balance, wanted: int) -> Lease:
        now = self._clock()
        tokens = float(self._burst)
        if balance.local is not None:
            tokens = min(tokens, balance.local + (now - balance.local_at) * self._rate)
        permits = min(wanted, int(tokens))
        balance.local, balance.local_at = tokens - permits, now
        return Lease(permits, 0.0 if permits else (1 - balance.local) / self._rate)


class RequestLimits:
    """The limits of the API: which keys a request counts for."""

    def __init__(self, settings: Settings, source: PermitSource, *, clock: Clock = time.monotonic) -> None:
        leases = PermitLeases(source, clock=clock)
        self.leases = leases
        self.account = _limiter("account", leases, clock, settings.rate_account, "TERTULIA_RATE_ACCOUNT")
        self.user = _limiter("user", leases, clock, settings.rate_user, "TERTULIA_RATE_USER", advance=True)
        names, burst = "TERTULIA_RATE_ADDRESS and TERTULIA_RATE_ADDRESS_BURST", settings.rate_address_burst
        self.address = _limiter("address", leases, clock, settings.rate_address, names, burst)
        self.preflights = _limiter("address's preflights", leases, clock, settings.rate_address, names, burst)

    async def admit(self, principal: Principal) -> None:
        """Count a request for its user, then its account; that of a service only for its account.

        Does not suspend while permits are at hand. Raises RateLimited.
        """
        account = principal.account_id
        if principal.role is not SERVICE:
            # the account is part of the key: users of two tenants may have the same id
            user = (account, principal.user_id)
            if not self.user.try_spend(user):
                await self.user.spend(user)
        if not self.account.try_spend(account):
            await self.account.spend(account)

    def at_hand(self, principal: Principal) -> bool:
        """Whether `admit` would find its permits without leasing."""
        if principal.role is not SERVICE and not self.user.has((principal.account_id, principal.user_id)):
            return False
        return self.account.has(principal.account_id)

    def admit_at_once(self, principal: Principal) -> None:
        """As `admit`; requires `at_hand`."""
        account = principal.account_id
        if principal.role is not SERVICE:
            self.user.try_spend((account, principal.user_id))
        self.account.try_spend(account)

    async def admit_account(self, account_id: str) -> None:
        """Count a verified webhook call for its account."""
        if not self.account.try_spend(account_id):
            await self.account.spend(account_id)

    async def admit_address(self, address: str | None) -> None:
        """Count a request without a token for its address."""
        key = address_key(address)
        if not self.address.try_spend(key):
            await self.address.spend(key)

    async def admit_preflight(self, address: str | None) -> None:
        """Count a preflight request for its address, apart from the others: a page must be able to read that it is refused."""
        key = address_key(address)
        if not self.preflights.try_spend(key):
            await self.preflights.spend(key)


def _limiter(
    dimension: str,
    leases: PermitLeases,
    clock: Clock,
    rate: float | None,
    settings: str,
    burst: int | None = None,
    *,
    advance: bool = False,
) -> Limiter:
    at_once = max(1, int(rate or 1)) if burst is None else burst
    named = f"{settings} (or off)"
    return Limiter(dimension, leases, rate=rate, burst=at_once, settings=named, clock=clock, advance=advance)


def _text(key: Hashable) -> str:
    return ":".join(map(str, key)) if isinstance(key, tuple) else str(key)


def address_key(address: str | None) -> str:
    """The key for an address: an IPv4 address, or the /64 of an IPv6 one, since a customer is assigned a whole /64."""
    if address is None:
        return "unknown"
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
