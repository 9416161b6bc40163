"""The shards that a supervisor owns: takes them over, notices when another supervisor has one, and reclaims it on demand.

The number of supervisors determines which shards one takes at its start; it takes those of others that are gone, too. If two
supervisors take the same shard (as while the number changes), the later one has it: each shard has its own epoch, which fences the
earlier one's commands. The earlier one drops the shard's accounts and keeps the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import structlog

from ...core.errors import Overloaded
from ...core.ports.supervision import SupervisionStore
from ...core.routing.supervision_messages import TAKEN_OVER, shard_of

log = structlog.get_logger(__name__)

CONCURRENT_TAKEOVERS = 4
"""Shards taken over concurrently. Each has its own transaction: a commit may wait for several of them."""

Fence = tuple[int, int]
"""A shard and its epoch."""


def held_elsewhere() -> Overloaded:
    """The refusal of what the account's new supervisor should be asked."""
    return Overloaded("another supervisor has taken this account over", current=TAKEN_OVER, retry_after=1)


class ShardOwnership:
    """`own`: the shards to take over at the start. `reclaim_after`: seconds before a lost shard is reclaimed, so that two
    supervisors do not fight over it."""

    def __init__(
        self, store: SupervisionStore, incarnation: str, own: Iterable[int], *, reclaim_after: float
    ) -> None:
        self._reclaim_after = reclaim_after
        self._store = store
        self._incarnation = incarnation
        self._own = tuple(own)
        self._held: dict[int, int] = {}
        self._lost_at: dict[int, float] = {}
        self._lock = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def has_first(self) -> bool:
        """Whether this supervisor does the jobs that only one of them should do."""
        return 0 in self._held

    def owns(self, account_id: str) -> bool:
        return shard_of(account_id) in self._held

    def holds(self, fence: Fence) -> bool:
        """Whether the shard is still ours, as far as we know."""
        return self._held.get(fence[0]) == fence[1]

    async def startup(self) -> None:
        """Take over the initial shards, except those already taken by an earlier attempt, whose accounts may be loaded.
        Raises StorageUnavailable once no takeover is in progress."""
        await self.take(self._own)

    async def take(self, shards: Iterable[int]) -> None:
        """Take over shards that are not ours yet. Raises StorageUnavailable once no takeover is in progress."""
        gate = asyncio.Semaphore(CONCURRENT_TAKEOVERS)

        async def one(shard: int) -> None:
            async with gate:
                if shard not in self._held:
                    await self._take_over(shard)

        taken_over = await asyncio.gather(*map(one, shards), return_exceptions=True)
        for failure in taken_over:
            if failure is not None:
                raise failure

    async def _take_over(self, shard: int) -> None:
        self._held[shard] = await self._store.register(shard, self._incarnation)
        self._lost_at.pop(shard, None)

    async def fence(self, account_id: str) -> tuple[Fence, bool]:
        """The fence of an account's shard, and whether the shard was taken over for it. Raises StorageUnavailable, or
        Overloaded if another supervisor has only just taken it."""
        shard = shard_of(account_id)
        async with self._lock:
            taken_over = shard not in self._held
            if taken_over:
                left = self._lost_at.get(shard, 0.0) + self._reclaim_after - time.monotonic()
                if shard in self._lost_at and left > 0:
                    raise held_elsewhere()
                await self._take_over(shard)
                log.info("shard_taken", shard=shard, epoch=self._held[shard])
            return (shard, self._held[shard]), taken_over

    def mark_lost(self, fence: Fence) -> bool:
        """Another supervisor has the shard; False if this was known already."""
        if not self.holds(fence):
            return False
        del self._held[fence[0]]
        self._lost_at[fence[0]] = time.monotonic()
        log.warning("shard_lost", shard=fence[0], epoch=fence[1])
        return True

    async def poll(self) -> list[Fence]:
        """The fences lost since the last poll. Raises StorageUnavailable."""
        before = list(self._held.items())
        standing = await self._store.epochs()
        return [fence for fence in before if standing.get(fence[0]) != fence[1] and self.mark_lost(fence)]
