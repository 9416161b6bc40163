"""Whether and when a call is retried. Pure: the caller passes in time and randomness.

A call answered with 429 or 503 has had no effect, so any such call is retried after its `Retry-After`. A call whose answer was lost is
retried only if that cannot double its effect.
"""

from __future__ import annotations

from dataclasses import dataclass

REFUSED = (429, 503)
UNREACHED = (502, 504)
"""Statuses of proxies: the server may have done what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a call is sent at most, and the pauses between in seconds where the server names none."""

    attempts: int = 8
    first_pause: float = 0.2
    longest_pause: float = 10.0


class Attempts:
    """One call. `deadline` is in the seconds of the clock that `now` comes from."""

    def __init__(self, policy: RetryPolicy, repeatable: bool, deadline: float) -> None:
        self._policy = policy
        self._repeatable = repeatable
        self.deadline = deadline
        self.made = 1

    def after_answer(self, status: int, retry_after: float | None, now: float, chance: float) -> float | None:
        """Seconds to wait before the next attempt, or None if the answer is final. `chance` is in [0, 1)."""
        if status in REFUSED or (status in UNREACHED and self._repeatable):
            return self._pause(retry_after, now, chance)
        return None

    def after_failure(self, sent: bool, now: float, chance: float) -> float | None:
        """The same after a failure of the connection. `sent`: the server may have received the request."""
        if sent and not self._repeatable:
            return None
        return self._pause(None, now, chance)

    def _pause(self, retry_after: float | None, now: float, chance: float) -> float | None:
        if self.made >= self._policy.attempts:
            return None
        pause = min(self._policy.longest_pause, self._policy.first_pause * 2.0 ** (self.made - 1))
        # jitter spreads the clients that were refused together
        wait = pause * (0.5 + chance / 2) if retry_after is None else retry_after + pause * chance / 2
        if now + wait >= self.deadline:
            return None
        self.made += 1
        return wait
