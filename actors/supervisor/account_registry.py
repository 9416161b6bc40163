"""The accounts in a supervisor's memory: loaded on first use, dropped when they are idle.

Owns each account's bookkeeping and the loading. An account is read after its shard's fence is known, so what is read
includes everything that a predecessor did.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

import msgspec
import structlog

from ...core.conversation.state import LastHeld
from ...core.errors import NotFound, Overloaded, TertuliaError
from ...core.ports.supervision import PresenceStore, SupervisionStore
from ...core.routing.supervision_messages import Head, Presence, shard_of
from .account.account_desk import AccountDesk
from .account.desk_tools import DeskTools
from .shard_ownership import Fence, ShardOwnership, held_elsewhere
from .sticky_lookup import StickyLookup

log = structlog.get_logger(__name__)

CONCURRENT_LOADS = 4
"""Accounts loaded concurrently."""
MAX_PUSHED = 200_000
"""Pushed positions of one account that are not confirmed by the store yet. Beyond this, pushes count as missed, which is
harmless."""


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """A supervisor's intervals and time limits, in seconds."""

    tick: float = 0.25
    """Between checks for expired presence and absent agents."""
    poll: float = 1.0
    """Between checks for lost pushes and changed preferences."""
    notify: float = 1.0
    """Between hints about the queue and the agents' figures."""
    drop_idle: float = 10.0
    """Between checks for idle accounts."""
    trim: float = 60.0
    """Between trims of stored rosters and routing journals."""
    journal: float = 0.25
    """Between writes of the routing journal: the most that a dying supervisor loses of it."""
    idle_after: float = 300.0
    """Without live conversations and present agents, after which an account is dropped."""
    fault_pause: float = 5.0
    """For which an account stays out of memory after a fault: by then its commands in flight are stored."""
    quiet: float = 1.0
    """For which a caller waits at most until commands in flight are done."""
    reclaim: float = 3.0
    """Before a lost shard is reclaimed."""
    failed_lookup: float = 1.0
    """Before a failed look-up of who last held a conversation is repeated."""


class AccountState:
    """An account in a supervisor: its desk once loaded, and how far its feed and its facts are known.

    Everything up to `position` has been seen. `until` is the feed's head at the last scan: pushes up to it have arrived by
    the next one. `head` is the feed's head now. `version` is the known version of the facts, `newest_version` the stored
    one; `facts_lock` orders their reads. `requests` counts people's requests in flight. `next_absence_checks` says when to check an
    absent agent again, `refusals` how often in a row a conversation refused a command, `rosters` when each was stored.
    """

    def __init__(self) -> None:
        self.desk: AccountDesk | None = None
        self.loading: asyncio.Task[AccountDesk] | None = None
        self.position = self.until = self.head = 0
        self.version = self.newest_version = -1
        self.facts_lock = asyncio.Lock()
        self.requests = 0
        self.next_absence_checks: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.rosters: dict[str, float] = {}
        self.wake: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._pushed: set[int] = set()

    def start(self, head: Head) -> None:
        """Everything up to this head is about to be read."""
        self.position = self.until = head.position
        self.version = head.version
        self._pushed.clear()
        self.update_head(head)

    def update_head(self, head: Head) -> None:
        self.head = max(self.head, head.position)
        self.newest_version = max(self.newest_version, head.version)

    def mark_pushed(self, position: int) -> None:
        if len(self._pushed) < MAX_PUSHED:
            self._pushed.add(position)

    def was_pushed(self, position: int) -> bool:
        return position in self._pushed

    def advance_to(self, position: int) -> None:
        self.position = position
        self._pushed = {p for p in self._pushed if p > position}

    def is_idle(self, now: float, after: float) -> bool:
        """Whether the account has been idle for long enough."""
        busy = (
            self.desk is None or self.requests or self.desk.conversations or self.desk.presence.anyone_present
        )
        if busy:
            self._idle_since = None
            return False
        self._idle_since = now if self._idle_since is None else self._idle_since
        return now - self._idle_since >= after

    def close(self) -> None:
        if self.wake is not None:
            self.wake.cancel()


class AccountRegistry:
    """`tools(fence)` makes the tools of a desk; `on_takeover(shard)` is called when a shard was taken over for an account."""

    def __init__(
        self,
        store: SupervisionStore,
        presence: PresenceStore,
        shards: ShardOwnership,
        last_held: StickyLookup,
        *,
        tools: Callable[[Fence], DeskTools],
        on_takeover: Callable[[int], None],
        intervals: Intervals,
    ) -> None:
        self._store = store
        self._presence = presence
        self._shards = shards
        self._last_held = last_held
        self._tools = tools
        self._on_takeover = on_takeover
        self._intervals = intervals
        self._states: dict[str, AccountState] = {}
        self._wanted: set[str] = set()
        self._resting: set[str] = set()
        self._load_slots = asyncio.Semaphore(CONCURRENT_LOADS)

    # -- accounts in memory

    def get(self, account_id: str) -> AccountState | None:
        return self._states.get(account_id)

    def desk(self, account_id: str) -> AccountDesk | None:
        state = self._states.get(account_id)
        return None if state is None else state.desk

    def loaded(self) -> Iterator[tuple[AccountState, AccountDesk]]:
        """The accounts whose desks are loaded."""
        for state in list(self._states.values()):
            if state.desk is not None:
                yield state, state.desk

    @contextlib.contextmanager
    def isolated(self, account_id: str) -> Iterator[None]:
        """Contain faults of one account: after a fault it leaves memory, and is loaded again after a pause."""
        try:
            yield
        except TertuliaError:
            raise
        except Exception:
            log.exception("account_failed", account=account_id)
            self._resting.add(account_id)
            if (state := self._states.pop(account_id, None)) is not None:
                state.close()
            asyncio.get_running_loop().call_later(self._intervals.fault_pause, self._end_rest, account_id)

    def _end_rest(self, account_id: str) -> None:
        self._resting.discard(account_id)
        self.request_load(account_id)

    async def drop_idle(self) -> None:
        """Drop idle accounts."""
        now = time.monotonic()
        for account_id in [
            a for a, state in self._states.items() if state.is_idle(now, self._intervals.idle_after)
        ]:
            self._states.pop(account_id).close()

    def drop_shard(self, shard: int) -> None:
        """Drop a shard's accounts: another supervisor has them."""
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
        """Have `load_wanted` load the account, repeatedly until it succeeds."""
        self._wanted.add(account_id)

    async def load_wanted(self) -> None:
        """Load the wanted accounts. Never raises; failed ones stay wanted."""
        if not self._wanted:
            return
        wanted = [a for a in self._wanted if self._shards.owns(a)]
        self._wanted.intersection_update(wanted)
        await asyncio.gather(*map(self.load, wanted), return_exceptions=True)

    async def load(self, account_id: str) -> AccountDesk:
        """An account's desk. Raises NotFound, StorageUnavailable, or Overloaded while another supervisor has it or it
        pauses after a fault."""
        state = self._states.get(account_id)
        if state is not None and state.desk is not None:
            self._wanted.discard(account_id)
            return state.desk
        if account_id in self._resting:
            raise Overloaded(
                "the account's agents and queue are being reloaded", retry_after=self._intervals.fault_pause
            )
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
            with contextlib.suppress(TertuliaError):  # without Valkey nobody is present until gateways say so
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
                raise held_elsewhere()
            state.desk = AccountDesk(account_id, facts, live, last, presences, self._tools(fence), last_held)
            return state.desk
