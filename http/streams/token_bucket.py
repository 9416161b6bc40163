"""Token buckets of one gateway, spent without waiting; they bound what streams cost it.

Uses the generic cell rate algorithm (ITU-T I.371): a bucket is stored as the time at which it will be full again. Unlike the buckets of
`rate_limits.py`, these are not shared between gateways, because they protect this process's event loop and memory.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

import msgspec

MAX_KEYS: Final = 65_536
"""Buckets remembered; with one more, the least recently used is forgotten, which fills it."""

Clock = Callable[[], float]


class Rate(msgspec.Struct, frozen=True):
    """`rate` tokens a second, `burst` at once."""

    rate: float
    burst: float

    def times(self, factor: float) -> Rate:
        """The rate of `factor` users together."""
        return Rate(self.rate * factor, self.burst * factor)

    def left(self, full_at: float, now: float) -> float:
        """The tokens of a bucket that will be full at `full_at`; negative if in debt."""
        return self.burst - max(0.0, full_at - now) * self.rate

    def spend(self, full_at: float, now: float, cost: float) -> tuple[bool, float]:
        """Take `cost` tokens; returns whether there were enough, and when the bucket will be full. Too few are taken as well: a client
        that keeps asking for too much gets nothing."""
        enough = cost <= self.left(full_at, now)
        taken = max(full_at, now) + cost / self.rate
        return enough, taken if enough else max(full_at, now + self.burst / self.rate)


class TokenBuckets:
    """A bucket of `rate` for each key."""

    def __init__(self, rate: Rate, *, clock: Clock = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._rate = rate
        self._clock = clock
        self._max_keys = max_keys
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def left(self, key: Hashable) -> float:
        """The key's tokens."""
        return self._rate.left(self._full_at.get(key, 0.0), self._clock())

    def spend(self, key: Hashable, cost: float) -> bool:
        """Take `cost` tokens; returns whether there were enough. If not, none are left."""
        enough, full_at = self._rate.spend(self._full_at.get(key, 0.0), self._clock(), cost)
        self._keep(key, full_at)
        return enough

    def charge(self, key: Hashable, cost: float) -> None:
        """Take `cost` tokens for work already done, going into debt if there are fewer."""
        self._keep(key, max(self._full_at.get(key, 0.0), self._clock()) + cost / self._rate.rate)

    def wait(self, key: Hashable) -> float:
        """Seconds until the bucket is out of debt."""
        return max(0.0, -self.left(key) / self._rate.rate)

    def _keep(self, key: Hashable, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
