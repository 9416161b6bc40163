"""The accounts in a supervisor's memory: loaded on first need, gone again once nothing is left to do in them.

Owns what is kept of each beside its desk, and the loading. What is loaded is read after the fence of its shard is known, so it
has all that a predecessor did.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

import structlog

from ...core.conversation.state import LastHeld
from ...core.errors import NotFound, Overloaded, TertuliaError
from ...core.ports.supervision import PresenceStore, SupervisionStore
from ...core.routing.supervision_messages import Head, Presence, shard_of
from .account_desk import AccountDesk, Tools
from .shard_ownership import Fence, ShardOwnership
from .sticky_lookup import StickyLookup

log = structlog.get_logger(__name__)

LOADS = 4
"""Accounts loaded at once."""
IDLE_AFTER = 300.0
"""Seconds without anything live or anybody present after which an account leaves memory."""
REST = 5.0
"""Seconds for which an account stays out of memory after a fault in it: what is under way for it is stored by then."""
MAX_HEARD = 200_000
"""Positions heard of one account and not yet found in the store. Beyond it they count as missed, which is harmless."""


class Held:
    """An account in a supervisor: its desk once it is loaded, and how far its feed and its facts are known.

    Up to `position` nothing is missing; `until` is where the feed stood at the last look: what was pushed of that has arrived by
    the next one; `head` is where it stands. `version` is what is known of the facts, `newest_version` what there is;
    `learning`: they are read one after the other, or older ones could come last. `asking`: requests of people under way.
    `absences`: when to look again at what an absent agent has not answered. `refusals`: how often in a row a conversation
    refused what we asked. `rosters`: when each was kept.
    """

    def __init__(self) -> None:
        self.desk: AccountDesk | None = None
        self.loading: asyncio.Task[AccountDesk] | None = None
        self.position = self.until = self.head = 0
        self.version = self.newest_version = -1
        self.learning = asyncio.Lock()
        self.asking = 0
        self.absences: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.rosters: dict[str, float] = {}
        self.wake: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._heard: set[int] = set()

    def start(self, head: Head) -> None:
        """Everything up to here will be read."""
        self.position = self.until = head.position
        self.version = head.version
        self._heard.clear()
        self.see(head)

    def see(self, head: Head) -> None:
        self.head = max(self.head, head.position)
        self.newest_version = max(self.newest_version, head.version)

    def hear(self, position: int) -> None:
        if len(self._heard) < MAX_HEARD:
            self._heard.add(position)

    def heard(self, position: int) -> bool:
        return position in self._heard

    def reach(self, position: int) -> None:
        self.position = position
        self._heard = {p for p in self._heard if p > position}

    def is_over(self, now: float) -> bool:
        """Whether nothing has been left to do in it for long enough."""
        busy = self.desk is None or self.asking or self.desk.conversations or self.desk.attendance.anybody
        if busy:
            self._idle_since = None
            return False
        self._idle_since = now if self._idle_since is None else self._idle_since
        return now - self._idle_since >= IDLE_AFTER

    def close(self) -> None:
        if self.wake is not None:
            self.wake.cancel()


class Accounts:
    """`tools(fence)` makes what a desk's decisions need; `taken(shard)` hears of a shard that was taken over for an account."""

    def __init__(
        self,
        store: SupervisionStore,
        presence: PresenceStore,
        shards: ShardOwnership,
        last_held: StickyLookup,
        *,
        tools: Callable[[Fence], Tools],
        taken: Callable[[int], None],
    ) -> None:
        self._store = store
        self._presence = presence
        self._shards = shards
        self._last_held = last_held
        self._tools = tools
        self._taken = taken
        self._held: dict[str, Held] = {}
        self._wanted: set[str] = set()
        self._resting: set[str] = set()
        self._gate = asyncio.Semaphore(LOADS)

    # -- those in memory

    def get(self, account_id: str) -> Held | None:
        return self._held.get(account_id)

    def desk(self, account_id: str) -> AccountDesk | None:
        held = self._held.get(account_id)
        return None if held is None else held.desk

    def loaded(self) -> Iterator[tuple[Held, AccountDesk]]:
        """Those whose desks are there."""
        for held in list(self._held.values()):
            if held.desk is not None:
                yield held, held.desk

    @contextlib.contextmanager
    def apart(self, account_id: str) -> Iterator[None]:
        """Within it one account is worked on. A fault there is that account's alone: it leaves memory, and is made anew from
        what is stored after a rest."""
        try:
            yield
        except TertuliaError:
            raise
        except Exception:
            log.exception("account_failed", account=account_id)
            self._resting.add(account_id)
            if (held := self._held.pop(account_id, None)) is not None:
                held.close()
            asyncio.get_running_loop().call_later(REST, self._rested, account_id)

    def _rested(self, account_id: str) -> None:
        self._resting.discard(account_id)
        self.want(account_id)

    def drop_idle(self) -> None:
        """Let go of those in which nothing is left to do."""
        now = time.monotonic()
        for account_id in [a for a, held in self._held.items() if held.is_over(now)]:
            self._held.pop(account_id).close()

    def drop_shard(self, shard: int) -> None:
        """Another supervisor has them."""
        for account_id in [a for a in self._held if shard_of(a) == shard]:
            self._held.pop(account_id).close()
        self._wanted = {a for a in self._wanted if shard_of(a) != shard}

    def close(self) -> None:
        for held in self._held.values():
            held.close()
            if held.loading is not None:
                held.loading.cancel()

    # -- loading

    def want(self, account_id: str) -> None:
        """Something happened in it: `load_wanted` loads it, again and again until it is there."""
        self._wanted.add(account_id)

    async def load_wanted(self) -> None:
        """Never raises: what could not be loaded is still wanted."""
        if not self._wanted:
            return
        wanted = [a for a in self._wanted if self._shards.has(a)]
        self._wanted.intersection_update(wanted)
        await asyncio.gather(*map(self.load, wanted), return_exceptions=True)

    async def load(self, account_id: str) -> AccountDesk:
        """An account's desk. Raises NotFound, StorageUnavailable; Overloaded while another supervisor has it, or it rests."""
        held = self._held.get(account_id)
        if held is not None and held.desk is not None:
            self._wanted.discard(account_id)
            return held.desk
        if account_id in self._resting:
            raise Overloaded("the account's agents and queue are being read anew", retry_after=REST)
        if held is None:
            held = self._held[account_id] = Held()
        if held.loading is None:
            held.loading = asyncio.ensure_future(self._load(account_id, held))
            held.loading.add_done_callback(lambda task: self._load_ended(account_id, held, task))
        return await asyncio.shield(held.loading)

    def _load_ended(self, account_id: str, held: Held, task: asyncio.Task[AccountDesk]) -> None:
        held.loading = None
        gone = task.cancelled() or task.exception() is not None
        if gone and self._held.get(account_id) is held:
            del self._held[account_id]
        if not gone or isinstance(task.exception() if not task.cancelled() else None, NotFound):
            self._wanted.discard(account_id)

    async def _load(self, account_id: str, held: Held) -> AccountDesk:
        fence, taken = await self._shards.fence(account_id)
        if taken:
            self._taken(fence[0])
        async with self._gate:
            said: list[Presence] = []
            with contextlib.suppress(TertuliaError):  # without Valkey nobody is there until gateways say so
                said = await self._presence.read(account_id)
            head = await self._store.head(account_id)
            facts = None if head is None else await self._store.facts(account_id)
            if head is None or facts is None:
                raise NotFound("no such account")
            held.start(head)
            last = await self._store.last_assigned(account_id)
            live = await self._store.live(account_id)
            served: dict[str, LastHeld] = {}
            if facts.settings.routing.sticky_hours:
                found = await self._last_held.of({(account_id, c.contact_id) for c in live if c.waits})
                served = {contact_id: one for (_, contact_id), one in found.items()}
            if not self._shards.stands(fence):
                raise Overloaded("another supervisor has taken this account over", retry_after=1)
            held.desk = AccountDesk(account_id, facts, live, last, said, self._tools(fence), served)
            return held.desk
