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
from ...core.routing.supervision_messages import Head, Presence, PresenceStore, SupervisionStore, shard_of
from .account_desk import AccountDesk, Tools
from .shard_ownership import Fence, ShardOwnership
from .sticky_lookup import StickyLookup

log = structlog.get_logger(__name__)

CONCURRENT_LOADS = 4
"""Accounts loaded at once."""
IDLE_AFTER = 300.0
"""Seconds without anything live or anybody present after which an account leaves memory."""
FAULT_REST = 5.0
"""Seconds for which an account stays out of memory after a fault in it: what is under way for it is stored by then."""
MAX_HEARD = 200_000
"""Positions heard of one account and not yet found in the store. Beyond it they count as missed, which is harmless."""


class AccountState:
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
        self.facts_lock = asyncio.Lock()
        self.requests = 0
        self.absences: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.rosters: dict[str, float] = {}
        self.wake: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._pushed: set[int] = set()

    def start(self, head: Head) -> None:
        """Everything up to here will be read."""
        self.position = self.until = head.position
        self.version = head.version
        self._pushed.clear()
        self.update_head(head)

    def update_head(self, head: Head) -> None:
        self.head = max(self.head, head.position)
        self.newest_version = max(self.newest_version, head.version)

    def mark_pushed(self, position: int) -> None:
        if len(self._pushed) < MAX_HEARD:
            self._pushed.add(position)

    def was_pushed(self, position: int) -> bool:
        return position in self._pushed

    def advance_to(self, position: int) -> None:
        self.position = position
        self._pushed = {p for p in self._pushed if p > position}

    def is_idle(self, now: float) -> bool:
        """Whether nothing has been left to do in it for long enough."""
        busy = (
            self.desk is None or self.requests or self.desk.conversations or self.desk.presence.anyone_present
        )
        if busy:
            self._idle_since = None
            return False
        self._idle_since = now if self._idle_since is None else self._idle_since
        return now - self._idle_since >= IDLE_AFTER

    def close(self) -> None:
        if self.wake is not None:
            self.wake.cancel()


class AccountRegistry:
    """`tools(fence)` makes what a desk's decisions need; `taken(shard)` hears of a shard that was taken over for an account."""

    def __init__(
        self,
        store: SupervisionStore,
        presence: PresenceStore,
        shards: ShardOwnership,
        last_held: StickyLookup,
        *,
        tools: Callable[[Fence], Tools],
        on_takeover: Callable[[int], None],
    ) -> None:
        self._store = store
        self._presence = presence
        self._shards = shards
        self._last_held = last_held
        self._tools = tools
        self._on_takeover = on_takeover
        self._states: dict[str, AccountState] = {}
        self._wanted: set[str] = set()
        self._resting: set[str] = set()
        self._load_slots = asyncio.Semaphore(CONCURRENT_LOADS)

    # -- those in memory

    def get(self, account_id: str) -> AccountState | None:
        return self._states.get(account_id)

    def desk(self, account_id: str) -> AccountDesk | None:
        state = self._states.get(account_id)
        return None if state is None else state.desk

    def loaded(self) -> Iterator[tuple[AccountState, AccountDesk]]:
        """Those whose desks are there."""
        for state in list(self._states.values()):
            if state.desk is not None:
                yield state, state.desk

    @contextlib.contextmanager
    def isolated(self, account_id: str) -> Iterator[None]:
        """Within it one account is worked on. A fault there is that account's alone: it leaves memory, and is made anew from
        what is stored after a rest."""
        try:
            yield
        except TertuliaError:
            raise
        except Exception:
            log.exception("account_failed", account=account_id)
            self._resting.add(account_id)
            if (state := self._states.pop(account_id, None)) is not None:
                state.close()
            asyncio.get_running_loop().call_later(FAULT_REST, self._end_rest, account_id)

    def _end_rest(self, account_id: str) -> None:
        self._resting.discard(account_id)
        self.request_load(account_id)

    def drop_idle(self) -> None:
        """Let go of those in which nothing is left to do."""
        now = time.monotonic()
        for account_id in [a for a, state in self._states.items() if state.is_idle(now)]:
            self._states.pop(account_id).close()

    def drop_shard(self, shard: int) -> None:
        """Another supervisor has them."""
        for account_id in [a for a in self._states if shard_of(a) == shard]:
            self._states.pop(account_id).close()
        self._wanted = {a for a in self._wanted if shard_of(a) != shard}

    def close(self) -> None:
        for state in self._states.values():
            state.close()
            if state.loading is not None:
                state.loading.cancel()

    # -- loading

    def request_load(self, account_id: str) -> None:
        """Something happened in it: `load_wanted` loads it, again and again until it is there."""
        self._wanted.add(account_id)

    async def load_wanted(self) -> None:
        """Never raises: what could not be loaded is still wanted."""
        if not self._wanted:
            return
        wanted = [a for a in self._wanted if self._shards.owns(a)]
        self._wanted.intersection_update(wanted)
        await asyncio.gather(*map(self.load, wanted), return_exceptions=True)

    async def load(self, account_id: str) -> AccountDesk:
        """An account's desk. Raises NotFound, StorageUnavailable; Overloaded while another supervisor has it, or it rests."""
        state = self._states.get(account_id)
        if state is not None and state.desk is not None:
            self._wanted.discard(account_id)
            return state.desk
        if account_id in self._resting:
            raise Overloaded("the account's agents and queue are being read anew", retry_after=FAULT_REST)
        if state is None:
            state = self._states[account_id] = AccountState()
        if state.loading is None:
            state.loading = asyncio.ensure_future(self._load(account_id, state))
            state.loading.add_done_callback(lambda task: self._on_load_done(account_id, state, task))
        return await asyncio.shield(state.loading)

    def _on_load_done(self, account_id: str, state: AccountState, task: asyncio.Task[AccountDesk]) -> None:
        state.loading = None
        gone = task.cancelled() or task.exception() is not None
        if gone and self._states.get(account_id) is state:
            del self._states[account_id]
        if not gone or isinstance(task.exception() if not task.cancelled() else None, NotFound):
            self._wanted.discard(account_id)

    async def _load(self, account_id: str, state: AccountState) -> AccountDesk:
        fence, taken_over = await self._shards.fence(account_id)
        if taken_over:
            self._on_takeover(fence[0])
        async with self._load_slots:
            presences: list[Presence] = []
            with contextlib.suppress(TertuliaError):  # without Valkey nobody is there until gateways say so
                presences = await self._presence.read(account_id)
            head = await self._store.head(account_id)
            facts = None if head is None else await self._store.facts(account_id)
            if head is None or facts is None:
                raise NotFound("no such account")
            state.start(head)
            last = await self._store.last_assigned(account_id)
            live = await self._store.live(account_id)
            last_held: dict[str, LastHeld] = {}
            if facts.settings.routing.sticky_hours:
                found = await self._last_held.fetch({(account_id, c.contact_id) for c in live if c.waits})
                last_held = {contact_id: one for (_, contact_id), one in found.items()}
            if not self._shards.holds(fence):
                raise Overloaded("another supervisor has taken this account over", retry_after=1)
            state.desk = AccountDesk(account_id, facts, live, last, presences, self._tools(fence), last_held)
            return state.desk
