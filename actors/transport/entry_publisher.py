"""Pushes a host's committed entries to the gateways that watch their accounts, and all but messages to the supervisors.

Best effort and bounded. A gateway notices a lost entry by the gap in the account's feed and reads it from Postgres.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...core.conversation.entries import Entry, Message

_NONE: frozenset[str] = frozenset()


class GatewayLink(Protocol):
    """Sends entries to one gateway, see `host_listener.py`. `send` never blocks and is bounded."""

    def send(self, entries: list[Entry]) -> None: ...


class Publisher(Protocol):
    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        """Push committed entries to the gateways that watch them."""
        ...


class FeedPublisher:
    """Knows which gateways watch which accounts, and sends them their entries."""

    def __init__(self) -> None:
        self._links: dict[str, GatewayLink] = {}
        self._watchers: dict[str, set[str]] = {}
        self._event_watchers: set[str] = set()

    def watch(self, gateway: str, link: GatewayLink, accounts: Sequence[str]) -> None:
        """Replace the accounts that `gateway` watches."""
        self.unwatch(gateway)
        self._links[gateway] = link
        for account in accounts:
            self._watchers.setdefault(account, set()).add(gateway)

    def watch_events(self, name: str, link: GatewayLink) -> None:
        """Send `name` the entries of all accounts, except messages."""
        self.unwatch(name)
        self._links[name] = link
        self._event_watchers.add(name)

    def drop(self, gateway: str, link: GatewayLink) -> None:
        """Forget a lost link. A newer link of the same gateway stays."""
        if self._links.get(gateway) is link:
            self.unwatch(gateway)

    def unwatch(self, gateway: str) -> None:
        self._links.pop(gateway, None)
        self._event_watchers.discard(gateway)
        for account in [a for a, names in self._watchers.items() if gateway in names]:
            names = self._watchers[account]
            names.discard(gateway)
            if not names:
                del self._watchers[account]

    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        """Send committed entries with their feed positions to the watchers of their accounts."""
        if not self._watchers and not self._event_watchers:
            return
        outgoing: dict[str, list[Entry]] = {}
        for e, position in zip(entries, positions, strict=True):
            names = self._watchers.get(e.account_id, _NONE)
            if self._event_watchers and not isinstance(e.data, Message):
                names = names | self._event_watchers
            if names:
                placed = Entry(e.account_id, e.conversation_id, e.seq, e.at, e.actor, e.data, position)
                for name in names:
                    outgoing.setdefault(name, []).append(placed)
        for name, placed_entries in outgoing.items():
            self._links[name].send(placed_entries)
