"""From a host's commits to the gateways that have readers, and to the supervisors, which hear what is no message. Best effort and bounded: what is lost here, a gateway
notices by the gap in the account's feed and reads from Postgres.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...core.conversation.entries import Entry, Message

_NOBODY: frozenset[str] = frozenset()


class GatewayLink(Protocol):
    """The way to one gateway, as `host_listener.py` makes it: `send` never waits, and is bounded there."""

    def send(self, entries: list[Entry]) -> None: ...


class FeedPublisher:
    """Which gateways watch which accounts, and the sending to them."""

    def __init__(self) -> None:
        self._links: dict[str, GatewayLink] = {}
        self._watchers: dict[str, set[str]] = {}
        self._heeding: set[str] = set()

    def watch(self, gateway: str, link: GatewayLink, accounts: Sequence[str]) -> None:
        """Replace what `gateway` watches."""
        self.forget(gateway)
        self._links[gateway] = link
        for account in accounts:
            self._watchers.setdefault(account, set()).add(gateway)

    def watch_events(self, name: str, link: GatewayLink) -> None:
        """`name` wants to hear of all accounts, but of messages nothing."""
        self.forget(name)
        self._links[name] = link
        self._heeding.add(name)

    def lost(self, gateway: str, link: GatewayLink) -> None:
        """A link that does not reach its gateway any more; a newer one of that name stays."""
        if self._links.get(gateway) is link:
            self.forget(gateway)

    def forget(self, gateway: str) -> None:
        self._links.pop(gateway, None)
        self._heeding.discard(gateway)
        for account in [a for a, names in self._watchers.items() if gateway in names]:
            names = self._watchers[account]
            names.discard(gateway)
            if not names:
                del self._watchers[account]

    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        """Send committed entries, with their places in the feed, to whoever watches their accounts."""
        if not self._watchers and not self._heeding:
            return
        outgoing: dict[str, list[Entry]] = {}
        for e, position in zip(entries, positions, strict=True):
            names = self._watchers.get(e.account_id, _NOBODY)
            if self._heeding and not isinstance(e.data, Message):
                names = names | self._heeding
            if names:
                placed = Entry(e.account_id, e.conversation_id, e.seq, e.at, e.actor, e.data, position)
                for name in names:
                    outgoing.setdefault(name, []).append(placed)
        for name, placed_entries in outgoing.items():
            self._links[name].send(placed_entries)
