"""A supervisor: routes the conversations of its shards' accounts to agents. Dispatches events, timers and requests to the accounts'
desks; `shard_ownership.py` and `account_registry.py` know which accounts it has. `actor_options.py` makes a Ray actor of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

import structlog

from ...core.conversation.commands import Done, Envelope
from ...core.conversation.entries import Entry
from ...core.conversation.state import LastHeld
from ...core.errors import NotFound, Overloaded, TertuliaError
from ...core.ports.http import BulkHints, Hint
from ...core.ports.supervision import PresenceStore, SupervisionStore
from ...core.routing.alternatives.shadow import ShadowFigures
from ...core.routing.messages import TimePassed
from ...core.routing.supervision_messages import AgentPresence, Presence, QueuePage, QueuePlace
from ..background_tasks import BackgroundTasks
from ..clock import WallClock, fresh_id, now_ms
from ..recurring import recur
from ..transport.host_subscription import HostSubscription
from .absence_monitor import AbsenceMonitor
from .account.account_desk import AccountDesk
from .account.command_sender import FIRST_PAUSE, LONGEST_PAUSE, CommandSender
from .account.desk_tools import DeskTools
from .account.routing_journal import RoutingJournal
from .account.shadow_policies import ShadowPolicies
from .account_registry import AccountRegistry, AccountState, Intervals
from .assignment_requests import ask_desk
from .gap_recovery import GapRecovery
from .notifications import agents_of, places_of, presence_hints, queue_hints, queue_page
from .rosters import Rosters
from .shard_ownership import Fence, ShardOwnership
from .statistics import statistics_of
from .sticky_lookup import StickyLookup

log = structlog.get_logger(__name__)

MAX_REQUESTS = 4096
"""People's requests in flight. Beyond this Overloaded."""


class Supervisor:
    """Owns a supervisor's loops and parts. `own`: the shards to begin with."""

    def __init__(
        self,
        store: SupervisionStore,
        presence: PresenceStore,
        hosts: HostSubscription,
        hints: BulkHints,
        *,
        own: Iterable[int],
        incarnation: str,
        intervals: Intervals = Intervals(),  # noqa: B008 - it is immutable
    ) -> None:
        self._intervals = intervals
        self._store, self._hosts, self._hints = store, hosts, hints
        self.shards = ShardOwnership(store, incarnation, own, reclaim_after=intervals.reclaim)
        self._last_held = StickyLookup(store, self._on_last_held, pause=intervals.failed_lookup)
        self.accounts = AccountRegistry(
            store,
            presence,
            self.shards,
            self._last_held,
            tools=self._tools,
            on_takeover=self._on_takeover,
            intervals=intervals,
        )
        self._gaps = GapRecovery(store, self.accounts)
        self._rosters = Rosters(store, self.accounts)
        self._journal, self._shadows = RoutingJournal(store), ShadowPolicies()
        self._tasks = BackgroundTasks()
        self._requests = 0
        self._clock = WallClock()
        self._mark: str | None = None
        self._waking_unread = False
        self.sender = CommandSender(
            hosts.router.ask,
            on_accepted=self._on_accepted,
            on_idle=self._on_idle,
            on_superseded=self._on_superseded,
            quiet_deadline=intervals.quiet,
        )
        self._absences = AbsenceMonitor(store, self.sender, now_ms, self._tasks.start)

    # -- lifecycle

    async def startup(self) -> None:
        """Take the shards over, subscribe to the hosts, and load the accounts that have work."""
        await self.shards.startup()
        self._mark = (await self._store.changed_heads(None)).mark
        await self._hosts.startup()
        await self._hosts.watch_events()
        await self._load_waking()
        log.debug("supervisor_started", shards=len(self.shards))

    async def take_over(self, shards: Iterable[int]) -> None:
        """Take over shards whose supervisor is gone. Raises TertuliaError."""
        await self.shards.take(shards)
        await self._load_waking()

    async def _load_waking(self) -> None:
        """Load the accounts that have work in our shards. If they cannot be read, the next poll retries."""
        self._waking_unread = False
        try:
            waking = await self._store.waking()
        except TertuliaError:
            self._waking_unread = True
            raise
        for account_id in waking:
            if self.shards.owns(account_id):
                self.accounts.request_load(account_id)
        await self.accounts.load_wanted()

    async def main_loop(self) -> None:
        """Work until cancelled."""
        every = self._intervals
        async with asyncio.TaskGroup() as group:
            for loop in (
                self._hosts.main_loop(),
                recur(self._tick, "supervisor_tick", every.tick, survives=TertuliaError),
                recur(self._poll, "supervisor_poll", every.poll),
                recur(self._notify, "supervisor_notify", every.notify, survives=TertuliaError),
                recur(
                    self.accounts.drop_idle, "supervisor_drop_idle", every.drop_idle, survives=TertuliaError
                ),
                recur(self._trim, "supervisor_trim", every.trim),
                recur(self._write_journal, "routing_journal", every.journal),
                self._gaps.main_loop(),
                self._last_held.main_loop(),
            ):
                group.create_task(loop)

    def close(self) -> None:
        """Stop deciding. Commands in flight are not retried: a successor reads what they did."""
        self.sender.close()
        self._tasks.cancel()
        self.accounts.close()

    def _on_superseded(self, fence: Fence) -> None:
        if self.shards.mark_lost(fence):
            self.accounts.drop_shard(fence[0])

    def _on_takeover(self, shard: int) -> None:
        """The shard was taken over for one account; load its others that have work."""
        self._tasks.start(self._load_waking())

    # -- accounts

    async def account(self, account_id: str) -> AccountDesk:
        """An account's desk, loaded. Raises NotFound, StorageUnavailable; Overloaded while another supervisor has it."""
        return await self.accounts.load(account_id)

    def _tools(self, fence: Fence) -> DeskTools:
        return DeskTools(
            fence,
            now_ms,
            fresh_id,
            self.sender,
            lambda account_id, at: self._wake(account_id, at, fence),
            self._rosters.keep,
            self._gaps.request_reload,
            self._last_held.request,
            self._journal,
            self._shadows,
        )

    # -- events

    def on_entries(self, entries: Sequence[Entry]) -> None:
        """Entries pushed by a host."""
        by_account: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if self.shards.owns(entry.account_id):
                by_account[entry.account_id].append(entry)
        missing = False
        for account_id, own in by_account.items():
            state = self.accounts.get(account_id)
            if state is None or state.desk is None:
                self.accounts.request_load(account_id)  # loading reads these entries
                missing = True
                continue
            for entry in own:
                state.mark_pushed(entry.position)
            with self.accounts.isolated(account_id):
                state.desk.on_entries(own)
        if missing:
            self._tasks.start(self.accounts.load_wanted())

    def _on_accepted(self, done: Done) -> None:
        if done.conversation is None:
            return
        state = self.accounts.get(done.conversation.account_id)
        if state is not None and state.desk is not None:
            state.refusals.pop(done.conversation.id, None)
            with self.accounts.isolated(done.conversation.account_id):
                state.desk.on_accepted(done)

    def _on_idle(self, account_id: str, conversation_id: str, refused: bool) -> None:
        """A conversation no longer has a command in flight. After a refusal its state is reloaded, with growing pauses if
        that does not help."""
        state = self.accounts.get(account_id)
        if state is None or state.desk is None:
            return
        if not refused:
            with self.accounts.isolated(account_id):
                state.desk.sync(conversation_id)
            return
        state.refusals = {i: n for i, n in state.refusals.items() if i in state.desk.conversations}
        times = state.refusals[conversation_id] = state.refusals.get(conversation_id, 0) + 1
        pause = min(FIRST_PAUSE * 2 ** (times - 1), LONGEST_PAUSE) if times > 1 else 0
        asyncio.get_running_loop().call_later(pause, self._gaps.request_reload, account_id, conversation_id)

    def _on_last_held(
        self, account_id: str, conversation_id: str, contact_id: str, last: LastHeld | None
    ) -> None:
        desk = self.accounts.desk(account_id)
        if desk is not None:
            with self.accounts.isolated(account_id):
                desk.set_last_held(conversation_id, contact_id, last)

    def _wake(self, account_id: str, at: int | None, fence: Fence) -> None:
        state = self.accounts.get(account_id)
        if state is None or not self.shards.holds(fence):  # requested by a dropped desk
            return
        state.close()
        state.wake = None
        if at is not None:
            delay = min(max(0, at - now_ms()) / 1000, 3600.0)
            state.wake = asyncio.get_running_loop().call_later(delay, self._on_wake, account_id, state)

    def _on_wake(self, account_id: str, state: AccountState) -> None:
        state.wake = None
        if state.desk is not None:
            with self.accounts.isolated(account_id):
                state.desk.handle(TimePassed())
            if state.wake is None:  # woken early: the desk has set no new alarm
                self._wake(account_id, state.desk.decisions.next_alarm, state.desk.fence)

    async def _poll(self) -> None:
        """Check the heads of the feeds, the versions of the facts, and the owners of the shards."""
        changed = await self._store.changed_heads(self._mark)
        for head in changed.heads:
            state = self.accounts.get(head.account_id)
            if state is not None:
                state.update_head(head)
            elif head.fed and self.shards.owns(head.account_id):
                self.accounts.request_load(head.account_id)
        self._mark = changed.mark
        for fence in await self.shards.poll():
            self.accounts.drop_shard(fence[0])
        for state, desk in self.accounts.loaded():
            if state.newest_version > state.version:
                await self._refresh_facts(state, desk)
        await self._gaps.scan()
        self._tasks.start(self._load_waking() if self._waking_unread else self.accounts.load_wanted())

    async def _refresh_facts(self, state: AccountState, desk: AccountDesk) -> None:
        async with state.facts_lock:
            version = state.newest_version
            facts = await self._store.facts(desk.id)
            if facts is not None:
                with self.accounts.isolated(desk.id):
                    desk.update_facts(facts)
                state.version = version

    # -- time

    def _follow_clock(self) -> None:
        """Correct presence after a step of our clock, so that nobody expires early or late."""
        if ms := self._clock.set_by():
            log.warning("clock_set", milliseconds=ms)
            for state, desk in self.accounts.loaded():
                state.next_absence_checks.clear()
                desk.presence.shift(ms)

    async def _tick(self) -> None:
        self._follow_clock()
        for state, desk in self.accounts.loaded():
            with self.accounts.isolated(desk.id):
                desk.expire_presence()
                self._absences.check(state, desk)

    async def _notify(self) -> None:
        for _, desk in self.accounts.loaded():
            hints: list[Hint] = []
            with self.accounts.isolated(desk.id):
                hints += (*presence_hints(desk), *queue_hints(desk, now_ms()))
            if hints and not await self._hints.send_all(hints):
                desk.notify_again()
                return

    async def _write_journal(self) -> None:
        await self._journal.flush(lambda account_id: self.accounts.desk(account_id) is not None)

    async def _trim(self) -> None:
        if self.shards.has_first:  # rosters and routing journals are everybody's
            await self._rosters.trim()

    # -- requests

    async def ask(self, envelope: Envelope) -> Done:
        """Run a person's command that may assign. Raises TertuliaError; at most `MAX_REQUESTS` are in flight."""
        if self._requests >= MAX_REQUESTS:
            raise Overloaded("too many commands are waiting", retry_after=1)
        self._requests += 1
        state: AccountState | None = None
        try:
            desk = await self.account(envelope.account_id)
            if (state := self.accounts.get(desk.id)) is not None:
                state.requests += 1
            return await ask_desk(desk, envelope, self.sender, self._store)
        finally:
            self._requests -= 1
            if state is not None:
                state.requests -= 1

    async def present(self, entries: Sequence[Presence]) -> None:
        """Apply presence reports of agents' connections, with times by our clock. On return, agents who are not online get
        nothing more."""
        self._follow_clock()
        by_account: defaultdict[str, list[Presence]] = defaultdict(list)
        for entry in entries:
            by_account[entry.account_id].append(entry)
        was_pushed = (
            self._on_presence(account_id, presences) for account_id, presences in by_account.items()
        )
        for failure in await asyncio.gather(*was_pushed, return_exceptions=True):
            if failure is not None:  # another supervisor may have this account; the others were applied
                raise failure

    async def _on_presence(self, account_id: str, presences: Sequence[Presence]) -> None:
        try:
            desk = await self.account(account_id)
        except NotFound:
            return
        with self.accounts.isolated(account_id):
            desk.on_presence(presences)
        if any(p.status != "online" for p in presences):
            await self.sender.wait_quiet(desk.conversations)

    async def agents(self, account_id: str) -> list[AgentPresence]:
        return agents_of(await self.account(account_id))

    async def queue(self, account_id: str, after: tuple[int, int, str] | None, limit: int) -> QueuePage:
        return queue_page(await self.account(account_id), after, limit, now_ms())

    async def positions(self, account_id: str, conversations: Sequence[str]) -> dict[str, QueuePlace]:
        """The queue positions of these conversations, for those that wait."""
        return places_of(await self.account(account_id), conversations, now_ms())

    async def shadow(self, account_id: str) -> ShadowFigures | None:
        """What the account's shadow policy has counted; None without one."""
        await self.account(account_id)
        return self._shadows.figures(account_id)

    async def refresh(self, account_id: str) -> None:
        """Preferences, teams or settings have changed: apply them. Earlier decisions are stored on return, so an agent who
        becomes unavailable is given nothing after the answer. Accounts not in memory read the new ones when they are
        loaded."""
        state = self.accounts.get(account_id)
        if state is not None:
            desk = await self.account(account_id)
            await self._refresh_facts(state, desk)
            await self.sender.wait_quiet(desk.conversations)

    async def resend_hints(self, account_id: str) -> None:
        """Send all hints of an account again: they may have been lost."""
        (await self.account(account_id)).notify_again()

    def statistics(self) -> dict[str, float]:
        """Gauges for /metrics."""
        return statistics_of(self.shards, self.accounts, self.sender, self._shadows)
