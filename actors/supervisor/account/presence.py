"""The presence of an account's agents, from what their connections report. Pure: time is an argument, in ms.

A connection's status expires on its own, whatever happens to the presence store. A status set over REST is the agent's: it
overrides earlier reports of streams. Later reports override it, and of several the most present one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ....core.routing.facts import PresenceStatus
from ....core.routing.supervision_messages import REST, Presence, is_older, shifted

_RANK: dict[PresenceStatus, int] = {"online": 2, "away": 1, "offline": 0}


class PresenceTable:
    """One account's presence. `absent_since` has agents who were present before or are expected, and are offline now."""

    def __init__(self) -> None:
        self._presences: dict[str, dict[str, Presence]] = {}
        self._status: dict[str, PresenceStatus] = {}
        self.absent_since: dict[str, int] = {}
        self.last_seen: dict[str, int] = {}

    @property
    def anyone_present(self) -> bool:
        """Whether any agent is not offline."""
        return any(status != "offline" for status in self._status.values())

    def status(self, user_id: str) -> PresenceStatus:
        return self._status.get(user_id, "offline")

    def update(self, presences: Iterable[Presence], now: int) -> dict[str, PresenceStatus]:
        """Apply connections' reports; returns the agents whose status changed."""
        changed: dict[str, PresenceStatus] = {}
        for p in presences:
            connections = self._presences.setdefault(p.user_id, {})
            before = connections.get(p.connection)
            if before is not None and is_older(p, before):
                continue
            connections[p.connection] = p
            if p.status != "offline" and p.expires_at > now:
                self.last_seen[p.user_id] = now
            changed |= self._update_status(p.user_id, now)
        return changed

    def expect(self, user_ids: Iterable[str], now: int) -> None:
        """These agents hold conversations: those never present count as absent from now on."""
        for user_id in user_ids:
            if user_id not in self._status:
                self._status[user_id] = "offline"
                self.absent_since[user_id] = now

    def expire(self, now: int) -> dict[str, PresenceStatus]:
        """Expire reports; returns the agents whose status changed."""
        changed: dict[str, PresenceStatus] = {}
        for user_id, connections in list(self._presences.items()):
            if any(p.expires_at <= now for p in connections.values()):
                changed |= self._update_status(user_id, now)
        return changed

    def shift(self, ms: int) -> None:
        """The clock was stepped: shift all times by as much."""
        for connections in self._presences.values():
            for name, p in connections.items():
                connections[name] = shifted(p, ms)
        for times in (self.absent_since, self.last_seen):
            times.update({user_id: at + ms for user_id, at in times.items()})

    def _update_status(self, user_id: str, now: int) -> dict[str, PresenceStatus]:
        connections = self._presences[user_id]
        expired_at = max((p.expires_at for p in connections.values()), default=now)
        for name in [n for n, p in connections.items() if p.expires_at <= now]:
            del connections[name]
        if not connections:
            del self._presences[user_id]
        status = _status(connections)
        if status == self._status.get(user_id):
            return {}
        self._status[user_id] = status
        if status == "offline":
            self.absent_since[user_id] = min(now, expired_at)
        else:
            self.absent_since.pop(user_id, None)
        return {user_id: status}


def _status(connections: Mapping[str, Presence]) -> PresenceStatus:
    rest = connections.get(REST)
    later = [p for p in connections.values() if rest is None or p.reported_at > rest.reported_at]
    if rest is not None and not later:
        return rest.status
    presences: list[PresenceStatus] = ["offline", *(p.status for p in later)]
    return max(presences, key=_RANK.__getitem__)
