"""A supervisor takes over the shards of others that are gone, as hosts take over partitions: by heartbeats in Postgres, without Ray."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from ..recurring import recur
from .peer_watch import LOOK_EVERY
from .shard_map import ShardMap

log = structlog.get_logger(__name__)


class ShardTakeover:
    """For supervisor `number`. `take`: take shards over. Only shards whose holder is gone are taken: two supervisors never fight over
    one."""

    def __init__(
        self,
        shards: ShardMap,
        take: Callable[[Sequence[int]], Awaitable[None]],
        *,
        number: int,
        every: float = LOOK_EVERY,
    ) -> None:
        self._shards = shards
        self._take = take
        self._number = number
        self._every = every

    async def main_loop(self) -> None:
        """Look and take over, until cancelled."""
        await recur(self.step, "shard_takeover", self._every)

    async def step(self) -> None:
        """Raises what `ShardMap.look` and `take` raise."""
        await self._shards.look()
        if orphans := self._shards.orphans(self._number):
            log.warning("shards_taken_over", shards=len(orphans), alive=sorted(self._shards.alive))
            await self._take(orphans)
