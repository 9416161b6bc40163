"""Who is there: what an account's agents' connections said, and until when. Pure: time is passed in, in ms.

Every connection's word lives until it expires, whatever became of the store it was written to. Of several the best counts.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.routing.facts import PresenceStatus
from ..core.supervision import Presence

_RANK: dict[PresenceStatus, int] = {"online": 2, "away": 1, "offline": 0}


class Attendance:
    """One account's. `absent_since` has those who were there once and are not any more."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, tuple[PresenceStatus, int]]] = {}
        self._status: dict[str, PresenceStatus] = {}
        self.absent_since: dict[str, int] = {}
        self.last_seen: dict[str, int] = {}

    def status(self, user_id: str) -> PresenceStatus:
        return self._status.get(user_id, "offline")

    def hear(self, said: Iterable[Presence], now: int) -> dict[str, PresenceStatus]:
        """Take in what connections say; whose status is another one now."""
        changed: dict[str, PresenceStatus] = {}
        for p in said:
            connections = self._said.setdefault(p.user_id, {})
            before = connections.get(p.connection)
            if before is not None and before[1] > p.expires_at:
                continue  # an older word that came late
            connections[p.connection] = p.status, p.expires_at
            if p.status != "offline" and p.expires_at > now:
                self.last_seen[p.user_id] = now
            changed |= self._look(p.user_id, now)
        return changed

    def pass_time(self, now: int) -> dict[str, PresenceStatus]:
        """Let expire what has; whose status is another one now."""
        changed: dict[str, PresenceStatus] = {}
        for user_id, connections in list(self._said.items()):
            if any(until <= now for _, until in connections.values()):
                changed |= self._look(user_id, now)
        return changed

    def move(self, ms: int) -> None:
        """The clock was set by so much: what was to come is as far away as before."""
        for connections in self._said.values():
            for name, (status, until) in connections.items():
                connections[name] = status, until + ms
        for times in (self.absent_since, self.last_seen):
            times.update({user_id: at + ms for user_id, at in times.items()})

    def _look(self, user_id: str, now: int) -> dict[str, PresenceStatus]:
        connections = self._said[user_id]
        over = max((until for _, until in connections.values()), default=now)
        for name in [n for n, (_, until) in connections.items() if until <= now]:
            del connections[name]
        if not connections:
            del self._said[user_id]
        said: list[PresenceStatus] = ["offline", *(s for s, _ in connections.values())]
        status = max(said, key=_RANK.__getitem__)
        if status == self._status.get(user_id):
            return {}
        self._status[user_id] = status
        if status == "offline":
            self.absent_since[user_id] = min(now, over)
        else:
            self.absent_since.pop(user_id, None)
        return {user_id: status}
