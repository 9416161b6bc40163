"""The health of conversation sync: counts, and a circuit breaker so that an unreachable server does not delay messages.

Shared by the whole process; an event loop and threads may use it together.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

FAILURES = 3
"""Consecutive failures of a server after which calls are skipped."""
REST = 15.0
"""Seconds for which they are skipped; then one call is tried."""


class SyncMetrics:
    """`total_syncs` succeeded, `failed_syncs` did not; `avg_sync_time` is that of the successful ones, in seconds.

    `skipped_syncs` were not tried, since the server had failed just before. `by_call` counts each by call and outcome.
    """

    def __init__(self) -> None:
        self.total_syncs = 0
        self.failed_syncs = 0
        self.skipped_syncs = 0
        self.avg_sync_time = 0.0
        self.by_call: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def succeeded(self, call: str, seconds: float) -> None:
        with self._lock:
            self.total_syncs += 1
            self.avg_sync_time += (seconds - self.avg_sync_time) / self.total_syncs
            self.by_call[call, "succeeded"] += 1

    def failed(self, call: str) -> None:
        with self._lock:
            self.failed_syncs += 1
            self.by_call[call, "failed"] += 1

    def skipped(self, call: str) -> None:
        with self._lock:
            self.skipped_syncs += 1
            self.by_call[call, "skipped"] += 1

    async def sync_with_metrics(
        self, sync: Callable[..., Awaitable[bool]], *args: Any, **kwargs: Any
    ) -> bool:
        """Call a function that says whether it succeeded, and count it. Its errors are raised."""
        name, start = getattr(sync, "__name__", "sync"), time.monotonic()
        try:
            done = await sync(*args, **kwargs)
        except Exception:
            self.failed(name)
            raise
        if done:
            self.succeeded(name, time.monotonic() - start)
        else:
            self.failed(name)
        return done


class Breaker:
    """Skips calls to a server that failed FAILURES times in a row, until REST has passed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def allows(self, server: str) -> bool:
        """Whether a call may be tried. After the rest only one is, until it is known how it went."""
        count, since = self._failures.get(server, (0, 0.0))
        if count < FAILURES:
            return True
        if self._clock() - since < REST:
            return False
        self._failures[server] = (count, self._clock())
        return True

    def failed(self, server: str) -> None:
        count, _ = self._failures.get(server, (0, 0.0))
        self._failures[server] = (count + 1, self._clock())

    def succeeded(self, server: str) -> None:
        self._failures.pop(server, None)


sync_metrics = SyncMetrics()
"""Every call that the sync client makes in this process."""
breaker = Breaker()
