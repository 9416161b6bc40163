"""A supervisor: balances the agents of the accounts in its shard. A plain class; `options.py` makes a Ray actor of it.

Owns the accounts' desks and their time: loading them from the store, what is heard and what was missed, presence that runs
out, conversations of agents who are gone, what people ask for. A successor raises the shard's epoch; this one finds out by its
next command or its next look, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from ..core.commands import Done, Envelope, Release
from ..core.entries import Entry
from ..core.errors import NotFound, Overloaded, TertuliaError
from ..core.ids import new_id
from ..core.ports_http import Hints
from ..core.routing.messages import TimePassed
from ..core.supervision import (
    AgentPresence,
    Head,
    Presence,
    PresenceStore,
    QueuePage,
    SupervisionStore,
    shard_of,
)
from .account_desk import AccountDesk, Tools
from .asking import ask_desk
from .catching_up import CatchingUp, Held
from .errands import FIRST_PAUSE, LONGEST_PAUSE, Errands
from .hearing import Hearing
from .telling import agents_of, presence_hints, queue_hints, queue_page

log = structlog.get_logger(__name__)

TICK = 0.25
"""Seconds between looks at presence that runs out, and at agents who are gone."""
POLL = 1.0
"""Seconds between looks for what was missed, and for changed preferences."""
TELL = 1.0
"""Seconds between what is told of the queue and of the agents' figures."""
CLOCK_SET = 1000
"""Ms by which the clock must have moved otherwise than time passed to count as set."""
MAX_ASKING = 4096
"""People's requests under way. Beyond it Overloaded."""
ABSENCE_PAUSE = 1000
"""Least ms between two looks at what an absent agent has not answered."""
LOADS = 4
"""Accounts loaded at once."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _before_monotonic() -> int:
    """When, by the wall clock, the monotonic one began. It moves when the wall clock is set, and next to not otherwise."""
    return now_ms() - time.monotonic_ns() // 1_000_000


class Supervisor:
    """See the module. `stale` is set once there is a successor."""

    def __init__(
        self,
        store: SupervisionStore,
        presence: PresenceStore,
        hearing: Hearing,
        hints: Hints,
        *,
        shard: int,
        shards: int,
        incarnation: str,
        stale: asyncio.Event,
    ) -> None:
        self._store = store
        self._presence = presence
        self._hearing = hearing
        self._hints = hints
        self._shard = shard
        self._shards = shards
        self._incarnation = incarnation
        self.stale = stale
        self._accounts: defaultdict[str, Held] = defaultdict(Held)
        self._mine: dict[str, bool] = {}
        self._catching_up = CatchingUp(store, self._accounts)
        self._wakes: dict[str, asyncio.TimerHandle] = {}
        self._rosters: set[tuple[str, str]] = set()
        self._loads = asyncio.Semaphore(LOADS)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asking = 0
        self._absences: dict[tuple[str, str], int] = {}
        self._epoch = 0
        self._before_monotonic = _before_monotonic()
        self.errands = Errands(
            hearing.router.ask, done=self._done, settled=self._settled, superseded=self._superseded
        )
        self._refusals: dict[str, int] = {}

    # -- life

    async def startup(self) -> None:
        """Take the shard over, listen, and load what has something to do."""
        self._epoch = await self._store.register(self._shard, self._incarnation)
        await self._hearing.startup()
        for head in await self._store.heads():
            if self._is_mine(head.account_id):
                self._accounts[head.account_id].start(head.position)
        waking = [a for a in await self._store.waking() if self._is_mine(a)]
        await asyncio.gather(*(self.account(a) for a in waking))
        log.debug("supervisor_started", shard=self._shard, epoch=self._epoch, accounts=len(waking))

    async def main_loop(self) -> None:
        """Work until superseded."""
        async with asyncio.TaskGroup() as group:
            loops = (
                self._hearing.main_loop(),
                self._every(TICK, self._tick),
                self._every(POLL, self._poll),
                self._every(TELL, self._tell),
                self._catching_up.main_loop(),
            )
            tasks = [group.create_task(loop) for loop in loops]
            await self.stale.wait()
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """Decide nothing more. What is under way is repeated by nobody: a successor reads what came of it."""
        self.errands.close()
        for task in [*self._tasks]:
            task.cancel()
        for timer in self._wakes.values():
            timer.cancel()

    async def _every(self, seconds: float, step: Any) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await step()
            except TertuliaError as error:
                log.warning("supervisor_step_failed", step=step.__name__, error=repr(error))

    def _superseded(self) -> None:
        log.error("supervisor_superseded", shard=self._shard, epoch=self._epoch)
        self.stale.set()

    def _is_mine(self, account_id: str) -> bool:
        mine = self._mine.get(account_id)
        if mine is None:
            mine = self._mine[account_id] = shard_of(account_id, self._shards) == self._shard
        return mine

    # -- accounts

    async def account(self, account_id: str) -> AccountDesk:
        """An account's desk, loaded. Raises NotFound, StorageUnavailable."""
        held = self._accounts[account_id]
        if held.desk is not None:
            return held.desk
        if held.loading is None:
            held.loading = self._start(self._load(account_id, held))
            held.loading.add_done_callback(lambda _: setattr(held, "loading", None))
        return await asyncio.shield(held.loading)

    async def _load(self, account_id: str, held: Held) -> AccountDesk:
        async with self._loads:
            said: list[Presence] = []
            with contextlib.suppress(
                TertuliaError
            ):  # without Valkey everybody is offline until gateways say otherwise
                said = await self._presence.read(account_id)
            held.start(await self._head(account_id))
            facts = await self._store.facts(account_id)
            if facts is None:
                self._accounts.pop(account_id, None)
                raise NotFound("no such account")
            last = await self._store.last_assigned(account_id)
            live = await self._store.live(account_id)
            self._follow_clock()
            held.desk = AccountDesk(account_id, facts, live, last, said, self._tools())
            return held.desk

    async def _head(self, account_id: str) -> int:
        return next((h.position for h in await self._store.heads() if h.account_id == account_id), 0)

    def _tools(self) -> Tools:
        return Tools(
            (self._shard, self._epoch),
            now_ms,
            lambda: new_id(now_ms(), random.getrandbits(80)),
            self.errands,
            self._wake,
            self._keep_roster,
            self._catching_up.want,
        )

    async def _keep_roster(self, account_id: str, digest: str, agents: tuple[str, ...]) -> None:
        if (account_id, digest) not in self._rosters:
            await self._store.keep_roster(account_id, digest, agents)
            self._rosters.add((account_id, digest))

    def _desks(self) -> list[AccountDesk]:
        return [held.desk for held in self._accounts.values() if held.desk is not None]

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("supervisor_task_failed", error=repr(error))

    # -- what happens

    def hear(self, entries: Sequence[Entry]) -> None:
        """What a host pushed."""
        by_account: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if self._is_mine(entry.account_id):
                by_account[entry.account_id].append(entry)
        for account_id, own in by_account.items():
            held = self._accounts[account_id]
            if held.desk is None:
                self._start(self.account(account_id))  # which reads it
                continue
            for entry in own:
                held.hear(entry.position)
            held.desk.hear(own)

    def _done(self, done: Done) -> None:
        if done.conversation is not None:
            held = self._accounts[done.conversation.account_id]
            self._refusals.pop(done.conversation.id, None)
            if held.desk is not None:
                held.desk.done(done)

    def _settled(self, account_id: str, conversation_id: str, refused: bool) -> None:
        """Nothing of the conversation is under way. After a refusal what we believe of it is read anew, ever more slowly
        where that does not help."""
        desk = self._accounts[account_id].desk
        if desk is None:
            return
        if not refused:
            desk.sync(conversation_id)
            return
        times = self._refusals[conversation_id] = self._refusals.get(conversation_id, 0) + 1
        pause = min(FIRST_PAUSE * 2 ** (times - 1), LONGEST_PAUSE) if times > 1 else 0
        asyncio.get_running_loop().call_later(pause, self._catching_up.want, account_id, conversation_id)

    def _wake(self, account_id: str, at: int | None) -> None:
        timer = self._wakes.pop(account_id, None)
        if timer is not None:
            timer.cancel()
        if at is not None:
            delay = min(max(0, at - now_ms()) / 1000, 3600.0)
            loop = asyncio.get_running_loop()
            self._wakes[account_id] = loop.call_later(delay, self._woken, account_id)

    def _woken(self, account_id: str) -> None:
        self._wakes.pop(account_id, None)
        if (desk := self._accounts[account_id].desk) is not None:
            desk.tell(TimePassed())
            if account_id not in self._wakes:  # it was woken early, and has nothing new to say
                self._wake(account_id, desk.next_alarm)

    async def _poll(self) -> None:
        """Look how far the feeds and the facts have moved, and whether there is a successor."""
        loaded: list[Head] = []
        for head in await self._store.heads():
            if not self._is_mine(head.account_id):
                continue
            held = self._accounts[head.account_id]
            if held.desk is None:
                if head.position > held.position and held.loading is None:
                    self._start(self.account(head.account_id))
                continue
            if head.version != held.version:
                await self._learn(head.account_id, held, head.version)
            loaded.append(head)
        await self._catching_up.look(loaded)
        if await self._store.epoch(self._shard) != self._epoch:
            self._superseded()

    async def _learn(self, account_id: str, held: Held, version: int) -> None:
        facts = await self._store.facts(account_id)
        if facts is not None and held.desk is not None:
            held.desk.learn(facts)
            held.version = version

    # -- time

    def _follow_clock(self) -> None:
        """Nobody leaves because our clock was set."""
        before = _before_monotonic()
        if abs(ms := before - self._before_monotonic) > CLOCK_SET:
            log.warning("clock_set", milliseconds=ms)
            self._before_monotonic = before
            self._absences.clear()
            for desk in self._desks():
                desk.attendance.move(ms)

    async def _tick(self) -> None:
        self._follow_clock()
        now = now_ms()
        for desk in self._desks():
            desk.pass_time()
            grace = desk.facts.settings.presence_grace_s * 1000
            for user_id, since in desk.attendance.absent_since.items():
                again = self._absences.get((desk.id, user_id), 0)
                if now >= max(since + grace, again) and desk.desk.floor.held_by.get(user_id):
                    self._absences[desk.id, user_id] = now + max(ABSENCE_PAUSE, grace // 4)
                    self._start(self._requeue(desk, user_id, since, grace))

    async def _requeue(self, desk: AccountDesk, user_id: str, since: int, grace: int) -> None:
        """Take from an agent who is gone what they have not answered."""
        ids = list(desk.desk.floor.held_by.get(user_id, ()))
        rows = await self._store.unanswered(ids)
        if desk.attendance.absent_since.get(user_id) != since:
            return
        for row in rows:
            due = max(row.assigned_at, since) + grace <= now_ms()
            if due and not row.answered and not self.errands.busy(row.conversation_id):
                desk.send(row.conversation_id, Release("absent", only_from=user_id))

    async def _tell(self) -> None:
        for desk in self._desks():
            for hint in (*presence_hints(desk), *queue_hints(desk, now_ms())):
                await self._hints.send(desk.id, hint.type, hint.data, hint.topics, hint.conversation_id)

    # -- what is asked

    async def ask(self, envelope: Envelope) -> Done:
        """A command that may assign. Raises TertuliaError; at most `MAX_ASKING` are under way."""
        if self._asking >= MAX_ASKING:
            raise Overloaded("too many commands are waiting", retry_after=1)
        self._asking += 1
        try:
            desk = await self.account(envelope.account_id)
            return await ask_desk(desk, envelope, self.errands, self._store, (self._shard, self._epoch))
        finally:
            self._asking -= 1

    async def present(self, entries: Sequence[Presence]) -> None:
        """What connections of agents say, its times by our clock."""
        self._follow_clock()
        by_account: defaultdict[str, list[Presence]] = defaultdict(list)
        for entry in entries:
            by_account[entry.account_id].append(entry)
        for account_id, said in by_account.items():
            with contextlib.suppress(NotFound):
                (await self.account(account_id)).hear_presence(said)

    async def agents(self, account_id: str) -> list[AgentPresence]:
        return agents_of(await self.account(account_id))

    async def queue(self, account_id: str, after: tuple[int, int, str] | None, limit: int) -> QueuePage:
        return queue_page(await self.account(account_id), after, limit, now_ms())

    async def positions(self, account_id: str, conversations: Sequence[str]) -> dict[str, int]:
        """Of those that wait."""
        queue = (await self.account(account_id)).desk.queue
        found = ((i, queue.position(i)) for i in conversations)
        return {i: position for i, position in found if position is not None}

    async def refresh(self, account_id: str) -> None:
        """Preferences, teams or settings have changed: go by them from now on."""
        await self.account(account_id)
        await self._learn(account_id, self._accounts[account_id], -1)

    def statistics(self) -> dict[str, float]:
        """Gauges for /metrics."""
        desks = self._desks()
        return {
            "accounts": len(desks),
            "queued": sum(len(d.desk.queue) for d in desks),
            "held": sum(len(d.desk.held) for d in desks),
            "offers": sum(len(d.desk.offers) for d in desks),
            "under_way": len(self.errands),
        }
