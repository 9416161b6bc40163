"""How many connections there may be, of one address and in all.

Owns who gets in and who makes way. A client that is full makes way for itself: its own oldest idle connection is closed for its
new one, nobody else's. Only where the gateway is full does somebody else's make way, of those that are idle longest one of the
address that has most.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

import structlog

from ..auth.client_address import TrustedProxies
from ..auth.rate_limits import address_key

log = structlog.get_logger(__name__)

LOOKS: Final = 32
"""Connections that are looked at for one that is idle, the oldest first; those that are busy then count as the youngest. So a
connection costs the same to accept however many there are."""
TOLD_EVERY: Final = 10.0
"""Seconds between two records of refused connections."""


class Member(Protocol):
    """A connection, as its table sees it."""

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a request, silent or half told."""
        ...

    def make_way(self) -> None:
        """Close: another one needs the place."""
        ...


class ConnectionTable:
    """The open connections of a gateway: at most `most`, and of one address `most_of_address`; trusted proxies', who speak for
    many, are bounded by `most` alone."""

    def __init__(
        self,
        most: int,
        most_of_address: int,
        proxies: TrustedProxies,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most = most
        self.most_of_address = most_of_address
        self.refused = 0
        self._proxies = proxies
        self._clock = clock
        self._all: OrderedDict[Member, str] = OrderedDict()
        self._of: dict[str, OrderedDict[Member, None]] = {}
        self._told_at = float("-inf")

    def __len__(self) -> int:
        return len(self._all)

    def of(self, address: str | None) -> int:
        """How many connections an address has."""
        return len(self._of.get(address_key(address), ()))

    def enter(self, member: Member, address: str | None) -> bool:
        """Take in a connection; False: there is no place, and none that could be made."""
        key = address_key(address)
        own = self._of.get(key)
        bounded = not self._proxies.trusts(address)
        if bounded and own is not None and len(own) >= self.most_of_address and not self._clear(own):
            return self._refuse(address, "address")
        if len(self._all) >= self.most and not self._clear(self._all):
            return self._refuse(address, "gateway")
        self._all[member] = key
        self._of.setdefault(key, OrderedDict())[member] = None
        return True

    def leave(self, member: Member) -> None:
        """A connection has ended, or makes way. Told twice, nothing happens."""
        key = self._all.pop(member, None)
        if key is not None:
            own = self._of[key]
            del own[member]
            if not own:
                del self._of[key]

    def _clear(self, members: OrderedDict[Member, str] | OrderedDict[Member, None]) -> bool:
        """Make a place among `members`."""
        oldest = list(islice(members, LOOKS))
        idle = [member for member in oldest if member.is_waiting]
        if not idle:
            for member in oldest:
                members.move_to_end(member)
            return False
        leaving = max(idle, key=lambda member: len(self._of[self._all[member]]))
        self.leave(leaving)
        leaving.make_way()
        return True

    def _refuse(self, address: str | None, bound: str) -> bool:
        self.refused += 1
        now = self._clock()
        if now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            log.warning(
                "connections_refused", full=bound, address=address, refused=self.refused, open=len(self)
            )
        return False
