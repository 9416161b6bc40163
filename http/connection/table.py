"""Bounds the number of connections, per address and in total.

Decides which connection is accepted, and which one is closed to make room for it. An address at its bound loses its own oldest idle connection to its new one. When
the gateway is full, one of the connections that have been idle longest is closed, of the address that has the most.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

import structlog

from ..auth.client_address import TrustedProxies
from ..auth.rate_limits import address_key

log = structlog.get_logger(__name__)

LOOKS: Final = 32
"""Connections checked for an idle one, oldest first; if all are busy, they move to the end. Accepting thus costs the same however
many connections there are."""
LOG_INTERVAL: Final = 10.0
"""Seconds between two log records of refused connections."""


class Member(Protocol):
    """A connection, as seen by the table."""

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a request, or for the rest of a header."""
        ...

    def make_way(self) -> None:
        """Close, so that a new connection can be accepted."""
        ...


class ConnectionTable:
    """The open connections of a gateway: at most `most`, and `most_of_address` of one address. Trusted proxies, which carry many
    clients, are bounded by `most` alone."""

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
        self.refused: Counter[str] = Counter()
        """Connections refused since the start, by the bound that was reached: address, gateway."""
        self.made_way = 0
        """Idle connections that were closed to accept others."""
        self._proxies = proxies
        self._clock = clock
        self._all: OrderedDict[Member, str] = OrderedDict()
        self._of: dict[str, OrderedDict[Member, None]] = {}
        self._logged_at = float("-inf")

    def __len__(self) -> int:
        return len(self._all)

    def of(self, address: str | None) -> int:
        """The number of an address's connections."""
        return len(self._of.get(address_key(address), ()))

    def enter(self, member: Member, address: str | None) -> bool:
        """Accept a connection; False if it is full and no connection is idle."""
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
        """Remove a connection. Idempotent."""
        key = self._all.pop(member, None)
        if key is not None:
            own = self._of[key]
            del own[member]
            if not own:
                del self._of[key]

    def _clear(self, members: OrderedDict[Member, str] | OrderedDict[Member, None]) -> bool:
        """Close an idle one of `members`; returns whether there was one."""
        oldest = list(islice(members, LOOKS))
        idle = [member for member in oldest if member.is_waiting]
        if not idle:
            for member in oldest:
                members.move_to_end(member)
            return False
        leaving = max(idle, key=lambda member: len(self._of[self._all[member]]))
        self.leave(leaving)
        leaving.make_way()
        self.made_way += 1
        return True

    def _refuse(self, address: str | None, bound: str) -> bool:
        self.refused[bound] += 1
        now = self._clock()
        if now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            log.warning(
                "connections_refused",
                full=bound,
                address=address,
                refused=self.refused.total(),
                open=len(self),
            )
        return False
