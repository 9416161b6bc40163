"""The rules of sending to providers: which status follows which, when an attempt is repeated, when a channel pauses. Pure.

Times are seconds, and `now` is any monotonic clock. Randomness (`jitter`, 0 … 1) is an argument.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

MAX_CRASHES: Final = 8
"""Deaths of a dispatcher while it sends one message, after which the message itself is suspected."""
MAX_RETRY_AFTER: Final = 3600.0
"""The longest pause that a provider may ask for; a longer one is cut to this."""
SLOW_DOWN: Final = 5.0
"""Seconds that a channel pauses when a provider asks it to slow down without saying for how long."""

AUTOMATIC_PER_SENDER: Final = {"email": 10, "sms": 60}
"""Messages that no person wrote, to one customer within an hour in all their conversations on a channel, by its type. Beyond them
they are not sent, since machines may answer machines there. Elsewhere only people and their own bots write to a business."""


def shard_of(channel_id: str, shards: int) -> int:
    """The dispatcher that a channel belongs to."""
    return int.from_bytes(blake2b(channel_id.encode(), digest_size=8).digest()) % shards


class Failure(msgspec.Struct, frozen=True):
    """An attempt that failed, and why.

    `retry`: another attempt may succeed. `provider`: the provider itself failed (not reached, no answer, 5xx), whatever the
    message. `unknown`: the provider may have accepted the message all the same. `asked`: the provider got a request at all.
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


def too_automatic(channel_type: str, sent_before: int) -> Failure | None:
    """Why a message that no person wrote is not sent, if its customer has had enough of them."""
    most = AUTOMATIC_PER_SENDER.get(channel_type)
    if most is None or sent_before < most:
        return None
    detail = f"this customer has had {most} messages that no person wrote within an hour: an agent may write, or a retry later"
    return Failure("too_many_automatic", detail, asked=False)


class Tries(msgspec.Struct, frozen=True):
    """A message's attempts so far, this one included; the answers lost before it; its age since it was queued."""

    attempts: int
    lost_answers: int
    age: float


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of repeated attempts."""

    attempts: int = 8
    """Attempts of one message."""
    give_up_after: float = 3600.0
    """Failures that say nothing about the message (the provider is down, or the channel too fast) allow more attempts than
    that, until the message is this old."""
    lost_answers: int = 1
    """The most repetitions after attempts without an answer: the customer may have the message already."""
    backoff: float = 1.0
    backoff_factor: float = 4.0
    longest_backoff: float = 300.0

    def delay(self, attempts: int, jitter: float, retry_after: float | None = None) -> float:
        """The wait in seconds after so many attempts: exponential, half of it random, and as long as the provider asks for."""
        wait = self.backoff * self.backoff_factor ** min(attempts - 1, 32)
        wait = min(self.longest_backoff, wait) * (0.5 + 0.5 * jitter)
        return max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER))

    def next_try(self, failure: Failure, tries: Tries, jitter: float) -> float | None:
        """After how many seconds to try again; None: the message has failed."""
        if not failure.retry or (failure.unknown and tries.lost_answers >= self.lost_answers):
            return None
        blameless = failure.provider or failure.slow_down
        if tries.attempts >= self.attempts and not (blameless and tries.age < self.give_up_after):
            return None
        return self.delay(tries.attempts, jitter, failure.retry_after)


class BreakerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The thresholds of a circuit breaker, and how long it stays open."""

    failures: int = 5
    """Consecutive failures of the provider after which it opens."""
    rest: float = 5.0
    longest_rest: float = 60.0


class Breaker(msgspec.Struct, frozen=True):
    """A circuit breaker: after `limits.failures` failures in a row the channel rests, then one message probes whether the
    provider is back. Each failed probe doubles the rest.
    """

    limits: BreakerLimits = BreakerLimits()
    failures: int = 0
    rests: int = 0
    open_until: float | None = None
    probing: bool = False

    @property
    def closed(self) -> bool:
        return self.open_until is None

    def room(self, now: float) -> tuple[int | None, float]:
        """The number of sends that may begin (None: any number), and if it is 0, when to ask again."""
        if self.open_until is None:
            return None, 0.0
        if now < self.open_until:
            return 0, self.open_until - now
        return (0, self.limits.rest) if self.probing else (1, 0.0)

    def began(self) -> Breaker:
        """A send begins; call it only if there was room."""
        return self if self.closed else msgspec.structs.replace(self, probing=True)

    def answered(self) -> Breaker:
        """The provider answered, whatever it said."""
        return Breaker(self.limits)

    def failed(self, now: float) -> Breaker:
        """The provider failed."""
        failures = self.failures + 1
        waiting = self.open_until is not None and now < self.open_until
        if failures < self.limits.failures or waiting:  # while it rests: sends that began before
            return msgspec.structs.replace(self, failures=failures)
        rest = min(self.limits.longest_rest, self.limits.rest * 2 ** min(self.rests, 16))
        return Breaker(self.limits, failures, self.rests + 1, now + rest)

    def spared(self) -> Breaker:
        """A send ended before the provider got a request: another message probes."""
        return msgspec.structs.replace(self, probing=False)


class Bucket(msgspec.Struct, frozen=True):
    """A token bucket: `rate` requests a second, a second's worth at once. `paused_until`: the provider asked for a pause."""

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
        """The number of requests that may leave, and if it is 0, when to ask again."""
        if now < self.paused_until:
            return 0, self.paused_until - now
        tokens = self._filled(now)
        return (int(tokens), 0.0) if tokens >= 1 else (0, (1 - tokens) / self.rate)

    def took(self, now: float, count: int = 1) -> Bucket:
        """After `count` requests. Requests beyond the tokens (a message's further parts) delay later ones."""
        return msgspec.structs.replace(self, tokens=self._filled(now) - count, at=max(now, self.at))

    def paused(self, now: float, seconds: float) -> Bucket:
        """Nothing leaves for so long, or until the end of an earlier pause."""
        return msgspec.structs.replace(self, paused_until=max(self.paused_until, now + seconds))

    def at_rate(self, rate: float) -> Bucket:
        return self if rate == self.rate else msgspec.structs.replace(self, rate=rate)
