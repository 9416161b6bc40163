"""A conversation host: runs the conversation actors of the partitions it owns.

A plain class; `options.py` makes a Ray actor of it. It owns the way of a command from the incoming batch through a
turn to the commit, and admits no more than it can hold. It decides nothing about conversations.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Protocol

import structlog

from ..core.commands import Done, Envelope, Moved, Outcome, Refused, ThreadKey
from ..core.conversation import State, apply
from ..core.decide import check_same, open_conversation
from ..core.entries import Entry, Message, actor
from ..core.errors import TertuliaError
from ..core.ids import new_conversation_id, new_id, partition_of_thread
from ..core.ports import Archive, Journal, Repeat, ThreadWanted
from . import wire
from .commits import CommitQueue, Item, Reply
from .conversation import Taken, refusal
from .residents import ResidentConversation, Residents, ResidentThread

log = structlog.get_logger(__name__)

NOT_FOUND = Refused("not_found", "no such conversation")
OVERLOADED = Refused("overloaded", "too many commands are waiting", retry_after=1)
MOVED = Moved()
RANDOM_BITS = 80


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fresh_id() -> str:
    return new_id(now_ms(), random.getrandbits(RANDOM_BITS))


class Placement(Protocol):
    """Where turns run. `take` calls `taken` with the result, now or later, in the order of the calls."""

    def activate(self, state: State) -> object: ...
    def passivate(self, actor: object) -> None: ...
    def take(
        self, item: Item, resident: ResidentConversation, live_id: str | None, opening: Entry | None
    ) -> None: ...


class Publisher(Protocol):
    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        """Hand committed entries to the gateways that have readers."""
        ...


class ConversationHost:
    """See the module.

    `membership.py` keeps `owned`, the partitions we take commands for, and `epochs`, those we may still commit to.
    """

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        publisher: Publisher,
        placement: Placement,
        *,
        max_waiting: int,
        on_stale: asyncio.Event,
    ) -> None:
        self.owned: set[int] = set()
        self.epochs: dict[int, int] = {}
        self._archive = archive
        self._placement = placement
        self._max_waiting = max_waiting
        self._admitted = 0
        self._stale = on_stale
        self._tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        self.commits = CommitQueue(
            journal,
            self.epochs,
            publish=publisher.publish,
            redo=self._redo,
            drop=self._drop,
            stale=self._on_stale,
        )
        self.residents = Residents(
            archive,
            activate=placement.activate,
            passivate=placement.passivate,
            run=self._loaded,
            new_id=fresh_id,
        )

    # -- from the gateways

    async def submit(self, payload: bytes) -> bytes:
        """A batch of envelopes in, their outcomes out, in order. All have committed, or never will, on return."""
        envelopes = wire.decode_envelopes(payload)
        reply = Reply(len(envelopes))
        if self._admitted + len(envelopes) > self._max_waiting:
            return wire.encode([OVERLOADED] * len(envelopes))
        self._admitted += len(envelopes)
        try:
            for slot, envelope in enumerate(envelopes):
                self.accept(Item(envelope, reply, slot))
            await reply.done
        finally:
            self._admitted -= len(envelopes)
        return wire.encode(reply.outcomes)

    def accept(self, item: Item) -> None:
        """Let a command in: to its turn, or to wait for its actor; `Moved` when the partition is not ours."""
        envelope = item.envelope
        target = envelope.conversation_id or envelope.thread
        assert target is not None
        if item.partition not in self.owned:
            item.answer(MOVED)
        elif envelope.attempt > 0 and item.attempts == 0:
            item.attempts = 1
            self._start(self._recover([item]))
        elif not self._is_resident(target):
            self.residents.load(target, item)
        else:
            self._run(item)

    def _is_resident(self, target: str | ThreadKey) -> bool:
        if self.residents.is_loading(target):
            return False
        if isinstance(target, str):
            return target in self.residents.conversations
        thread = self.residents.threads.get(target)
        if thread is None:
            return False
        first = thread.thread.live or (thread.thread.resolved[0] if thread.thread.resolved else None)
        return first is None or first in self.residents.conversations

    # -- turns

    def _loaded(self, item: Item) -> None:
        if item.partition in self.owned:
            self._run(item)
        else:
            item.answer(MOVED)

    def _run(self, item: Item) -> None:
        """Run an item whose target has been loaded, if it exists."""
        envelope = item.envelope
        if envelope.conversation_id is not None:
            resident = self.residents.conversations.get(envelope.conversation_id)
            if resident is None:
                item.answer(NOT_FOUND)
            else:
                self._turn(item, resident, None)
            return
        assert envelope.thread is not None
        self._run_thread(item, envelope.thread)

    def _run_thread(self, item: Item, key: ThreadKey) -> None:
        thread = self.residents.threads.get(key)
        if thread is None:
            self.residents.load(key, item)
            return
        target = thread.thread.target(item.envelope.command)  # pyright: ignore[reportArgumentType]
        if target is None and thread.thread.erased:
            self._start(self._reread(item, thread))
        elif target is None:
            self._open(item, thread)
        elif (resident := self.residents.conversations.get(target)) is not None:
            self._turn(item, resident, None)
        else:
            self.residents.load(target, item)

    async def _reread(self, item: Item, thread: ResidentThread) -> None:
        """A customer who was erased writes again: as somebody new, so nothing in memory may be used."""
        await self.commits.flush()
        if self.residents.threads.get(thread.key) is thread:
            self.residents.drop_thread(thread.key)
        self.accept(item)

    def _open(self, item: Item, thread: ResidentThread) -> None:
        envelope, key = item.envelope, thread.key
        now = now_ms()
        conversation_id = new_conversation_id(now, random.getrandbits(RANDOM_BITS), item.partition)
        (data,) = open_conversation(
            key, thread.thread.contact_id, envelope.opening, thread.thread.contact_name
        )  # pyright: ignore
        by = actor(envelope.by.type, envelope.by.id)
        opening = Entry(key.account_id, conversation_id, 0, now, by, data)
        resident = self.residents.open(thread, apply(None, opening))
        thread.thread.live = conversation_id
        self._turn(item, resident, opening)

    def _turn(self, item: Item, resident: ResidentConversation, opening: Entry | None) -> None:
        resident.touched = time.monotonic()
        item.resident = resident
        self._placement.take(item, resident, resident.thread.thread.live, opening)

    def taken(self, item: Item, taken: Taken) -> None:
        """A turn's result, from the placement."""
        resident = item.resident
        assert isinstance(resident, ResidentConversation)
        if self.residents.conversations.get(resident.id) is not resident:
            self.accept(item)  # its state was dropped while the turn ran elsewhere
            return
        item.write, item.outcome = taken.write, taken.outcome
        if taken.write is not None:
            before, after = taken.write.before, taken.write.after
            if before is None or before.status is not after.status:
                resident.thread.thread.note(after)
            if before is not None:
                resident.thread.thread.follow(before, after)
            self.commits.add(item)
        elif resident.pending:
            self.commits.add(item)  # the answer rests on writes that are not committed yet
        else:
            item.answer(taken.outcome)

    def taken_back(self, resident: ResidentConversation, items: list[Item]) -> None:
        """The conversation's actor died during a turn: run its commands again on what is committed."""
        self.residents.drop_thread(resident.thread.key)
        self._start(self._after_flush(items))

    async def _after_flush(self, items: list[Item]) -> None:
        await self.commits.flush()
        for item in items:
            self.accept(item)

    # -- failures

    def _drop(self, items: list[Item]) -> None:
        for resident in {i.resident for i in items if isinstance(i.resident, ResidentConversation)}:
            self.residents.drop_thread(resident.thread.key)

    async def _redo(self, items: list[Item], look_up: bool) -> None:
        """Run commands of a failed batch again; `look_up`: some of them may have happened before."""
        if look_up:
            await self._recover(items)
        else:
            for item in items:
                self.accept(item)

    async def _recover(self, items: list[Item]) -> None:
        """Answer the commands that happened already with their first answer, and run the others."""
        try:
            first = await self._find_repeats(items)
            found = {r.conversation_id for r in first.values()}
            states = await self._archive.load_conversations(list(found)) if found else {}
        except Exception as error:
            log.warning("look_up_failed", error=repr(error), commands=len(items))
            for item in items:
                item.answer(Refused("storage_unavailable", "the storage could not be reached", retry_after=1))
            return
        for item in items:
            if (repeat := first.get(item.slot_key)) is not None:
                item.answer(_first_answer(item.envelope, repeat, states[repeat.conversation_id]))
            else:
                self.accept(item)

    async def _find_repeats(self, items: list[Item]) -> dict[int, Repeat]:
        keys: dict[tuple[str, str], int] = {}
        provider_ids: dict[tuple[str, str], int] = {}
        for item in items:
            envelope, key, post = item.envelope, item.envelope.key(), item.envelope.post
            for conversation_id in await self._candidates(item):
                keys[conversation_id, key] = item.slot_key
            if post is not None and post.external_id is not None and envelope.thread is not None:
                provider_ids[envelope.thread.channel_id, post.external_id] = item.slot_key
        by_key, by_provider_id = await self._archive.find_repeats(keys, provider_ids)
        return {keys[k]: r for k, r in by_key.items()} | {
            provider_ids[k]: r for k, r in by_provider_id.items()
        }

    async def _candidates(self, item: Item) -> list[str]:
        """The conversations in which a repeat of `item` may stand."""
        envelope = item.envelope
        if envelope.conversation_id is not None:
            return [envelope.conversation_id]
        assert envelope.thread is not None
        opening = envelope.opening
        wanted = ThreadWanted(
            envelope.thread, opening.channel_type, fresh_id(), fresh_id(), opening.contact_name
        )
        thread = (await self._archive.load_threads([wanted]))[envelope.thread]
        return [i for i in (thread.live, *thread.resolved[:1]) if i is not None]

    def _on_stale(self, reason: str) -> None:
        log.error("host_superseded", reason=reason)
        self.owned.clear()
        self._stale.set()

    # -- life

    def own(self, epochs: dict[int, int]) -> None:
        """Take commands for these partitions from now on."""
        self.epochs.update(epochs)
        self.owned.update(epochs)

    async def disown(self, partitions: set[int]) -> None:
        """Take no more commands for these partitions; on return, nothing of them is under way or in memory."""
        self.owned -= partitions
        await self.commits.flush()
        for partition in partitions:
            self.epochs.pop(partition, None)
        for key in list(self.residents.threads):
            if partition_of_thread(key.account_id, key.channel_id, key.identifier, key.topic) in partitions:
                self.residents.drop_thread(key)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def statistics(self) -> dict[str, float]:
        """Gauges and counters for /metrics."""
        return {
            "partitions": len(self.owned),
            "conversations": len(self.residents.conversations),
            "waiting": self._admitted,
            "activations_total": self.residents.activations,
            "commits_total": self.commits.commits,
            "committed_total": self.commits.committed,
        }


def _first_answer(envelope: Envelope, repeat: Repeat, state: State) -> Outcome:
    post, message = envelope.post, repeat.entry.data
    theirs = envelope.key() != envelope.id
    if post is None:
        return Done((), state.conversation)
    assert isinstance(message, Message), (
        "a key stands on a command's last entry, which for a post is its message"
    )
    try:
        if post.external_id is None and theirs:
            check_same(message, post)
    except TertuliaError as error:
        return refusal(error)
    return Done((repeat.entry,), repeated=theirs)
