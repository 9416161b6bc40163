"""A conversation host on memory, without Ray, with doors that a test can close: the journal, the archive, the actors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from in_memory.bots import MemoryRulesArchive
from in_memory.conversations import MemoryArchive, MemoryJournal, MemoryStore
from msgspec.structs import replace
from samples import ACCOUNT

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.host.analysis.message_analyser import MessageAnalyser
from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.host.host import ConversationHost
from tertulia.actors.host.pending_command import PendingCommand
from tertulia.actors.host.placement import DedicatedPlacement, Placement, SharedPlacement
from tertulia.actors.transport import codec
from tertulia.actors.transport.turns import TurnRequest, TurnResult
from tertulia.core.conversation.commands import Done, Envelope, Outcome, ThreadKey
from tertulia.core.conversation.entries import Entry, Message
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.conversation.thread import Thread
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.archive import Repeat, Target, ThreadWanted
from tertulia.core.ports.journal import Write

Fault = Callable[[Callable[[], Awaitable[list[int]]]], Awaitable[list[int]]]
"""Gets the real commit, and does with it what it likes."""


def raising(error: BaseException) -> Fault:
    async def fault(_: Callable[[], Awaitable[list[int]]]) -> list[int]:
        raise error

    return fault


def stored_but(error: BaseException) -> Fault:
    """The commit happens, and its caller is told otherwise."""

    async def fault(commit: Callable[[], Awaitable[list[int]]]) -> list[int]:
        with suppress(Exception):
            await commit()
        raise error

    return fault


class Journal:
    """The memory journal behind a door; `faults` strike the next commits."""

    def __init__(self, store: MemoryStore) -> None:
        self._journal = MemoryJournal(store)
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self.faults: list[Fault | None] = []
        self.batches: list[list[Write]] = []

    async def commit(self, writes: Sequence[Write], epochs: dict[int, int]) -> list[int]:
        self.batches.append(list(writes))
        self.arrived.set()
        await self.open.wait()
        await asyncio.sleep(0)
        fault = self.faults.pop(0) if self.faults else None
        if fault is None:
            return await self._journal.commit(writes, epochs)
        return await fault(lambda: self._journal.commit(writes, epochs))

    def close(self) -> None:
        self.open.clear()
        self.arrived.clear()


class Archive:
    """The memory archive behind a door, counting."""

    def __init__(self, store: MemoryStore) -> None:
        self._archive = MemoryArchive(store)
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self.faults: list[BaseException] = []
        self.calls: list[str] = []

    async def _pass(self, call: str) -> None:
        self.calls.append(call)
        self.arrived.set()
        await self.open.wait()
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        states = await self._archive.load_conversations(ids)  # what is read is as old as the question
        await self._pass("conversations")
        return states

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        threads = await self._archive.load_threads(wanted)
        await self._pass("threads")
        return threads

    async def find_repeats(
        self, keys: Iterable[tuple[Target, str]], provider_ids: Iterable[tuple[str, str]]
    ) -> tuple[dict[tuple[Target, str], Repeat], dict[tuple[str, str], Repeat]]:
        found = await self._archive.find_repeats(keys, provider_ids)
        await self._pass("repeats")
        return found

    def close(self) -> None:
        self.open.clear()
        self.arrived.clear()


class Remote:
    """A conversation actor in a process of its own, but for the process. `deaths` says at which calls it dies."""

    def __init__(self, state: State, rig: Rig) -> None:
        self._actor = ConversationActor(codec.decode_state(codec.encode(state)), fresh_id)
        self._rig = rig
        self.dead = False

    async def turns(self, requests: list[TurnRequest]) -> list[TurnResult]:
        await asyncio.sleep(0)
        if self.dead:
            raise ConnectionError("the actor is dead")
        arrived = codec.decode_turn_requests(codec.encode(requests))
        self._rig.calls += 1
        dies = self._rig.deaths(self._rig.calls)
        done = [self._actor.turn(t) for t in arrived[: len(arrived) // 2 if dies else None]]
        await asyncio.sleep(0)
        await self._rig.results.wait()
        if dies:  # stopped by now it is too, perhaps, but its answer was on the way
            self.dead = True
            raise ConnectionError("the actor died in the middle")
        return codec.decode_turn_results(codec.encode(done))

    def stop(self) -> None:
        self.dead = True


class Watched(SharedPlacement):
    """Tells the rig whose turn has ended."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(now=now_ms, new_id=fresh_id)
        self._rig = rig

    def run(self, item: PendingCommand, *turn: Any) -> TurnResult:
        result = super().run(item, *turn)
        self._rig.on_turn(item)
        return result


class Publisher:
    def __init__(self) -> None:
        self.published: list[tuple[str, int]] = []

    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        self.published += [(e.account_id, p) for e, p in zip(entries, positions, strict=True)]


class Rig:
    """A host with its loops. `restart` puts a fresh one over the same store, as a takeover does."""

    def __init__(
        self,
        placement: str = "shared",
        *,
        max_waiting: int = 10_000,
        rules: MemoryRulesArchive | None = None,
        analysis: MessageAnalyser | None = None,
    ) -> None:
        self.store = MemoryStore()
        self.store.add_account(ACCOUNT)
        self.rules = rules
        self.analysis = analysis
        self.placement = placement
        self.max_waiting = max_waiting
        self.calls = 0
        self.deaths: Callable[[int], bool] = lambda _: False
        self.remote = Remote
        self.on_turn: Callable[[PendingCommand], None] = lambda _: None
        """Called after each turn in the host's process."""
        self.results = asyncio.Event()
        """Closed, it holds back what remote actors have computed."""
        self.results.set()
        self.tasks: list[asyncio.Task[None]] = []
        self.start()

    def start(self) -> None:
        self.journal, self.archive = Journal(self.store), Archive(self.store)
        self.publisher = Publisher()
        self.stale = asyncio.Event()
        self.host = ConversationHost(
            self.journal,
            self.archive,
            self.publisher,
            self._placement(),
            max_waiting=self.max_waiting,
            on_stale=self.stale,
            rules=self.rules,
            analysis=self.analysis,
        )
        for partition in self.store.partitions:
            partition.epoch += 1
        self.host.own({n: self.store.partitions[n].epoch for n in range(PARTITIONS)})
        self.tasks = [asyncio.create_task(self.host.main_loop())]

    def _placement(self) -> Placement[Any]:
        if self.placement == "shared":
            return Watched(self)
        return DedicatedPlacement(lambda state: self.remote(state, self), now=now_ms)

    async def stop(self) -> None:
        for task in self.tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def restart(self) -> None:
        await self.stop()
        self.start()

    async def submit(self, *envelopes: Envelope) -> list[Outcome]:
        async with asyncio.timeout(20):
            return codec.decode_outcomes(await self.host.submit(codec.encode(list(envelopes))))

    async def ask(self, envelope: Envelope) -> Outcome:
        (outcome,) = await self.submit(envelope)
        return outcome

    async def done(self, envelope: Envelope) -> Done:
        outcome = await self.ask(envelope)
        assert isinstance(outcome, Done), outcome
        return outcome

    def asking(self, *envelopes: Envelope) -> asyncio.Task[list[Outcome]]:
        return asyncio.create_task(self.submit(*envelopes))

    async def quiet(self) -> None:
        """Until nothing moves any more that could move by itself."""
        for _ in range(50):
            await asyncio.sleep(0)

    # -- what was stored

    def messages(self) -> list[str]:
        """The contents of all stored messages."""
        some = [e.data for entries in self.store.entries.values() for e in entries]
        return [m.content for m in some if isinstance(m, Message)]

    def check(self) -> None:
        """What must hold of every store: G2, G4, projection equals replay, and of a quiet host: its memory is the store's."""
        live: dict[Any, str] = {}
        for conversation_id, c in self.store.conversations.items():
            entries = self.store.entries[conversation_id]
            assert [e.seq for e in entries] == list(range(len(entries))) and entries
            state: State | None = None
            for entry in entries:
                state = apply(state, entry)
            assert state is not None
            # when to look what is due is not an entry's doing
            assert replace(state.conversation, timer_at=c.timer_at) == c
            if c.live:
                assert live.setdefault((c.channel_id, c.contact_identifier, c.topic), c.id) == c.id
        feed = self.store.feeds[ACCOUNT].entries
        assert [e.position for e in feed] == list(range(1, len(feed) + 1))
        assert len(feed) == sum(map(len, self.store.entries.values()))

    def check_memory(self) -> None:
        """What a quiet host has in memory is what was stored."""
        residents = self.host.activations
        assert residents.loading == 0 and len(self.host.commits) == 0
        assert self.host.statistics()["waiting"] == 0
        for conversation_id, active in residents.conversations.items():
            assert active.pending == 0
            assert residents.threads[active.thread.key] is active.thread
            assert active in active.thread.conversations
            stored = self.store.conversations[conversation_id]
            actor = getattr(active.actor, "_actor", active.actor)
            assert actor.state.conversation == stored == active.known  # type: ignore[attr-defined]
        for key, thread in residents.threads.items():
            mine = self.store.of_thread(key)
            assert thread.thread.live == next((c.id for c in mine if c.live), None)
            assert {r.id for r in thread.conversations} <= {c.id for c in mine}
