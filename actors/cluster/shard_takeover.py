"""A supervisor takes over the shards of others that are gone, as hosts take over partitions: by heartbeats in Postgres, without Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from ...core.errors import TertuliaError
from ...core.routing.supervision_messages import supervisor_of
from .peer_watch import LOOK_EVERY, PeerWatch

log = structlog.get_logger(__name__)


class ShardTakeover:
    """For supervisor `number` of `count`. `holders`: the incarnation that holds each shard; `take`: take shards over. Only shards whose
    holder is gone are taken: two supervisors never fight over one."""

    def __init__(
        self,
        peers: PeerWatch,
        holders: Callable[[], Awaitable[dict[int, str]]],
        take: Callable[[Sequence[int]], Awaitable[None]],
        *,
        number: int,
        count: int,
        every: float = LOOK_EVERY,
    ) -> None:
        self._peers = peers
        self._holders = holders
        self._take = take
        self._number = number
        self._count = count
        self._every = every

    async def main_loop(self) -> None:
        """Look and take over, until cancelled. With one supervisor there is nobody to look at."""
        while self._count > 1:
            await asyncio.sleep(self._every)
            try:
                await self.step()
            except TertuliaError as error:
                log.warning("shards_not_taken_over", error=repr(error))

    async def step(self) -> None:
        """Raises what `holders` and `take` raise, StorageUnavailable."""
        alive = await self._peers.look() | {self._number}
        if len(alive) == self._count:
            return
        orphans = [
            shard
            for shard, holder in (await self._holders()).items()
            if holder not in self._peers.incarnations
            and supervisor_of(shard, self._count, alive) == self._number
        ]
        if orphans:
            log.warning("shards_taken_over", shards=len(orphans), gone=sorted({*range(self._count)} - alive))
            await self._take(orphans)
