"""The rules of sending to providers: what a status may become, when a try is repeated, when a channel rests. Pure.

Times are seconds; `now` is any clock that only goes forward. Randomness (`jitter`, 0 … 1) is passed in.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

MAX_ATTEMPTS: Final = 8
"""Tries of one message."""
GIVE_UP_AFTER: Final = 3600.0
"""Tries in vain that say nothing about the message (the provider is down, or the channel too fast) may be more than
that, until the message is this old."""
MAX_LOST_ANSWERS: Final = 1
"""A message whose try ended without an answer is tried again at most this often: the customer may have it already."""
MAX_CRASHES: Final = 8
"""Deaths of a dispatcher during tries of one message, after which the message itself is suspected."""

BACKOFF_BASE: Final = 1.0
BACKOFF_FACTOR: Final = 4.0
BACKOFF_CAP: Final = 300.0
MAX_RETRY_AFTER: Final = 3600.0
"""What a provider asks for beyond this is not believed."""
SLOW_DOWN: Final = 5.0
"""How long a channel rests that was told to slow down without being told for how long."""

STATUSES: Final = ("queued", "sending", "sent", "delivered", "read", "failed")
"""In the order in which they overrule each other. `sending` is shown as `queued`."""
_RANK: Final = {status: rank for rank, status in enumerate(STATUSES)}


def later(current: str, told: str) -> str:
    """The status after a receipt: the one of higher rank, so that order and repeats of receipts do not matter."""
    return max(current, told, key=_RANK.__getitem__)


def shard_of(channel_id: str, shards: int) -> int:
    """The dispatcher that a channel belongs to."""
    return int.from_bytes(blake2b(channel_id.encode(), digest_size=8).digest()) % shards


class Failure(msgspec.Struct, frozen=True):
    """A try that did not succeed, and why.

    `retry`: another try may. `provider`: the provider itself failed (not reached, no answer, 5xx), whatever the message.
    `unknown`: the provider may have taken the message all the same. `asked`: it was asked at all.
    """

    code: str
    detail: str
    retry: bool = False
    retry_after: float | None = None
    slow_down: bool = False
    provider: bool = False
    unknown: bool = False
    asked: bool = True

    @property
    def error(self) -> dict[str, Any]:
        """As it stands in `delivery_error`."""
        return {"code": "outcome_unknown" if self.unknown else self.code, "detail": self.detail}


class Tries(msgspec.Struct, frozen=True):
    """What a message has been through: tries begun, this one included; answers lost before it; time since it was queued."""

    attempts: int
    lost_answers: int
    age: float


def retry_delay(attempts: int, jitter: float, retry_after: float | None = None) -> float:
    """How long to wait after so many tries: exponential, half of it random, and no shorter than the provider wants."""
    wait = min(BACKOFF_CAP, BACKOFF_BASE * BACKOFF_FACTOR ** min(attempts - 1, 32)) * (0.5 + 0.5 * jitter)
    return max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER))


def next_try(failure: Failure, tries: Tries, jitter: float) -> float | None:
    """After how many seconds to try again; None: the message has failed."""
    if not failure.retry or (failure.unknown and tries.lost_answers >= MAX_LOST_ANSWERS):
        return None
    blameless = failure.provider or failure.slow_down
    if tries.attempts >= MAX_ATTEMPTS and not (blameless and tries.age < GIVE_UP_AFTER):
        return None
    return retry_delay(tries.attempts, jitter, failure.retry_after)


class Breaker(msgspec.Struct, frozen=True):
    """A circuit breaker: after `OPEN_AFTER` failures of the provider in a row the channel rests, then one message
    probes whether it is back. Each probe in vain doubles the rest.
    """

    failures: int = 0
    rests: int = 0
    open_until: float | None = None
    probing: bool = False

    OPEN_AFTER = 5
    REST = 5.0
    MAX_REST = 60.0

    @property
    def closed(self) -> bool:
        return self.open_until is None

    def room(self, now: float) -> tuple[int | None, float]:
        """How many sends may begin (None: any number), and when to ask again where none may."""
        if self.open_until is None:
            return None, 0.0
        if now < self.open_until:
            return 0, self.open_until - now
        return (0, self.REST) if self.probing else (1, 0.0)

    def began(self) -> Breaker:
        """A send begins; only called where there was room."""
        return self if self.closed else msgspec.structs.replace(self, probing=True)

    def answered(self) -> Breaker:
        """The provider answered, whatever it said."""
        return Breaker()

    def failed(self, now: float) -> Breaker:
        """The provider failed."""
        failures = self.failures + 1
        waiting = self.open_until is not None and now < self.open_until
        if failures < self.OPEN_AFTER or waiting:  # while it rests: sends that began before
            return msgspec.structs.replace(self, failures=failures)
        rest = min(self.MAX_REST, self.REST * 2 ** min(self.rests, 16))
        return Breaker(failures, self.rests + 1, now + rest)

    def spared(self) -> Breaker:
        """A send that began did not come to ask the provider anything: another message probes."""
        return msgspec.structs.replace(self, probing=False)


class Bucket(msgspec.Struct, frozen=True):
    """A token bucket: `rate` requests a second, a second's worth at once. `paused_until`: told to slow down."""

    rate: float
    tokens: float
    at: float
    paused_until: float = 0.0

    @classmethod
    def full(cls, rate: float, now: float) -> Bucket:
        return cls(rate, max(1.0, rate), now)

    def _filled(self, now: float) -> float:
        return min(max(1.0, self.rate), self.tokens + max(0.0, now - self.at) * self.rate)

    def room(self, now: float) -> tuple[int, float]:
        """How many requests may leave, and when to ask again where none may."""
        if now < self.paused_until:
            return 0, self.paused_until - now
        tokens = self._filled(now)
        return (int(tokens), 0.0) if tokens >= 1 else (0, (1 - tokens) / self.rate)

    def took(self, now: float, count: int = 1) -> Bucket:
        """After `count` requests. What leaves in spite of the bucket (a message's further parts) is made up for."""
        return msgspec.structs.replace(self, tokens=self._filled(now) - count, at=max(now, self.at))

    def paused(self, now: float, seconds: float) -> Bucket:
        """Nothing leaves for so long; never shorter than asked before."""
        return msgspec.structs.replace(self, paused_until=max(self.paused_until, now + seconds))

    def at_rate(self, rate: float) -> Bucket:
        return self if rate == self.rate else msgspec.structs.replace(self, rate=rate)
