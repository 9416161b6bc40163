"""A cache of conversation sync's tenant look-ups."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

MAXSIZE = 1_000
TTL = 300.0
"""Seconds. A look-up names the conversation's session, which ends with the conversation: an hour would be too long."""

Key = tuple[str, str | None, str]
"""Server, API key, phone: tenants never see each other's."""


class TenantCache:
    """At most MAXSIZE look-ups; the oldest are dropped. Failed look-ups are not cached."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: OrderedDict[Key, tuple[float, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> dict[str, Any] | None:
        with self._lock:
            until, tenant = self._found.get(key, (0.0, None))
            if tenant is None or self._clock() >= until:
                self._found.pop(key, None)
                return None
            return dict(tenant)

    def put(self, key: Key, tenant: dict[str, Any]) -> None:
        with self._lock:
            self._found[key] = (self._clock() + TTL, dict(tenant))
            self._found.move_to_end(key)
            while len(self._found) > MAXSIZE:
                self._found.popitem(last=False)

    def forget_session(self, session_id: str) -> None:
        """Forget look-ups of a session that the server no longer accepts."""
        with self._lock:
            for key in [k for k, (_, t) in self._found.items() if t.get("sessionId") == session_id]:
                del self._found[key]

    def clear(self) -> None:
        with self._lock:
            self._found.clear()


tenant_cache = TenantCache()
