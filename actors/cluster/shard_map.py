"""Which supervisor each shard belongs to: its holder, as Postgres says, as long as that one lives.

So processes that expect different numbers of supervisors, as while that setting changes, agree all the same: a shard changes hands only
when its new holder has taken it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...core.errors import TertuliaError
from ...core.routing.supervision_messages import supervisor_of
from .peer_watch import PeerWatch


class ShardMap:
    """`holders` reads the incarnation that holds each shard; `count`: how many supervisors there should be."""

    def __init__(
        self, peers: PeerWatch, holders: Callable[[], Awaitable[dict[int, str]]], *, count: int
    ) -> None:
        self._peers = peers
        self._read_holders = holders
        self._count = count
        self._holders: dict[int, str] = {}

    @property
    def alive(self) -> frozenset[int]:
        """The numbers of the supervisors that live."""
        return self._peers.alive

    @property
    def known(self) -> frozenset[int]:
        """The numbers of those, and of the others that there should be."""
        return self._peers.alive | frozenset(range(self._count))

    async def look(self) -> None:
        """Read the holders and the heartbeats. Raises StorageUnavailable."""
        try:
            holders = await self._read_holders()
        except TertuliaError:
            self._peers.forget_silence()
            raise
        await self._peers.look()  # after the holders: whoever holds a shard had announced itself before
        self._holders = holders

    def supervisor_of(self, shard: int) -> int:
        """The number of the supervisor to ask: the shard's holder or, if that is gone, whoever will take it over."""
        holder = self._peers.numbers.get(self._holders.get(shard, ""))
        return supervisor_of(shard, self._count, self._peers.alive) if holder is None else holder

    def orphans(self, heir: int) -> list[int]:
        """The shards whose holder is gone, and which supervisor `heir`, who asks, should take over."""
        alive = self._peers.alive | {heir}
        return [
            shard
            for shard, holder in self._holders.items()
            if holder not in self._peers.numbers and supervisor_of(shard, self._count, alive) == heir
        ]
