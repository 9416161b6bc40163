"""Where a stream resumes, and when it reconnects. Pure: no I/O, no clock; randomness is an argument.

The cursor moves when an event is handed to the caller, so after a reconnect the server sends exactly the events that were not handed
over. Before the first event the cursor is that of `ready`, so an early cut loses nothing either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ApiError, StreamClosed

Event = dict[str, Any]

SILENCE = 45.0
"""Seconds without a byte after which a connection counts as dead. The server sends a heartbeat every 15 s."""
OPEN_WITHIN = 20.0
"""Seconds in which a connection must be open and say `ready`."""
MAX_EVENT = 16 * 1024 * 1024
"""Bytes of one event; a larger one ends the connection."""
LONGEST_PAUSE = 10.0
FINAL_CODES = frozenset({1002, 1003, 1007, 1009})
"""Close codes after which a new connection would end in the same way."""
OVERLOADED = 1013
POLICY = 1008
"""The token has ended, or the client sends too fast."""
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of an opening that is tried again."""


class Resume:
    """One stream over all its connections."""

    def __init__(self, topics: Iterable[str] | None, since: str | None) -> None:
        names = [topics] if isinstance(topics, str) else topics
        self._topics = None if names is None else ",".join(names)
        self.cursor = since
        self.connections = 0
        self._failures = 0

    def query(self) -> dict[str, str]:
        """The parameters of the next connection."""
        known = {"topics": self._topics, "since": self.cursor}
        return {name: value for name, value in known.items() if value is not None}

    def received(self, event: Mapping[str, Any]) -> bool:
        """Note what a connection received. True if it is for the caller."""
        self._failures = 0
        if event["type"] != "ready":
            return True
        self.connections += 1
        self.cursor = self.cursor or event["data"]["cursor"]
        return False

    def handed_over(self, event: Mapping[str, Any]) -> None:
        """Move the cursor past an event that the caller gets. Hints carry the cursor of the last event before them."""
        self.cursor = event["data"]["cursor"] if event["type"] == "reset" else event["id"] or self.cursor

    def after_close(self, code: int | None, reason: str, chance: float) -> float:
        """Seconds until the next connection, after one that was open. `chance` is in [0, 1). Raises StreamClosed."""
        if code in FINAL_CODES:
            assert code is not None
            raise StreamClosed(code, reason)
        least = 0.5 if code == OVERLOADED else 0.0
        return least + self._pause(chance)

    def after_refusal(self, error: ApiError, chance: float) -> float:
        """The same after an opening that was refused. Raises the error if another try would end in the same way."""
        if error.status not in RETRIED:
            raise error
        return (error.retry_after or 0.0) + self._pause(chance)

    def after_failure(self, chance: float) -> float:
        """The same after a connection that could not be opened, or broke."""
        return self._pause(chance)

    def _pause(self, chance: float) -> float:
        self._failures += 1
        return min(LONGEST_PAUSE, 0.1 * 2.0 ** min(self._failures, 10)) * (0.5 + chance / 2)
