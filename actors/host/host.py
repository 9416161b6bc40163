"""A conversation host: runs the conversation actors of the partitions it owns.

A plain class; `actor_options.py` makes a Ray actor of it. It owns the way of a command from the incoming batch through a
turn to the commit, and admits no more than it can hold. It decides nothing about conversations.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

import structlog

from ...core.conversation.commands import Envelope, Moved, Outcome, Refused, ThreadKey
from ...core.conversation.entries import Entry, actor
from ...core.conversation.state import Conversation, State, apply
from ...core.ids import new_conversation_id, partition_of_thread
from ...core.ports.bots import RulesArchive
from ...core.ports.hosting import Archive, Journal
from ...core.turn.account_rules import AccountRules
from ...core.turn.decide import open_conversation
from ..clock import fresh_id, now_ms
from ..transport import codec
from ..transport.turns import Announce, TurnResult
from .activations import Activations, ActiveConversation, ActiveThread
from .analysis_queue import AnalysisQueue
from .commit_queue import MAX_ATTEMPTS, CommitQueue, PendingCommand, Reply
from .deduplication import original_results
from .message_analysis import MessageAnalysis
from .rules_cache import RulesCache

log = structlog.get_logger(__name__)

NOT_FOUND = Refused("not_found", "no such conversation")
OVERLOADED = Refused("overloaded", "too many commands are waiting", retry_after=1)
UNAVAILABLE = Refused("storage_unavailable", "the storage could not be reached", retry_after=1)
MOVED = Moved()
RANDOM_BITS = 80


class Placement(Protocol):
    """Where turns run. `take` calls `taken` with the result, now or later, in the order of the calls."""

    def activate(self, state: State) -> object: ...
    def passivate(self, actor: object) -> None: ...
    def run(
        self,
        item: PendingCommand,
        active: ActiveConversation,
        live_id: str | None,
        opening: Entry | None,
        account: AccountRules | None,
    ) -> None: ...


class Publisher(Protocol):
    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        """Hand committed entries to the gateways that have readers."""
        ...


class ConversationHost:
    """See the module.

    Without `rules` there is no bot, and nothing is ever due; without `understanding` nothing is found out about messages.
    `outbound` hears on which channels something waits to be sent (the dispatchers would find it anyway, later).
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
        outbound: Callable[[set[str]], None] = lambda channels: None,
        rules: RulesArchive | None = None,
        analysis: MessageAnalysis | None = None,
    ) -> None:
        self.owned: set[int] = set()
        self.epochs: dict[int, int] = {}
        self._archive = archive
        self._placement = placement
        self._max_waiting = max_waiting
        self._admitted = 0
        self._replies: set[Reply] = set()
        self._stale = on_stale
        self._tasks: set[asyncio.Task[None]] = set()
        self._announcing = asyncio.Lock()
        self.draining = False
        self.commits = CommitQueue(
            journal,
            self.epochs,
            publish=publisher.publish,
            outbound=outbound,
            retry=self._retry,
            drop=self._drop,
            stale=self._on_stale,
        )
        self.rules = RulesCache(rules, self._accounts) if rules is not None else None
        self._analysis_queue = AnalysisQueue(analysis, self.accept) if analysis is not None else None
        self.activations = Activations(
            archive,
            activate=placement.activate,
            passivate=placement.passivate,
            run=self._on_loaded,
            settled=self.commits.flush,
            new_id=fresh_id,
            prepare=self.rules.prepare if self.rules is not None else None,
        )

    async def main_loop(self) -> None:
        """Keep what is known of accounts up to date, until cancelled."""
        if self.rules is not None:
            await self.rules.main_loop()

    def _accounts(self) -> set[str]:
        return {key.account_id for key in self.activations.threads}

    # -- from the gateways

    async def refresh_rules(self, accounts: list[str]) -> None:
        """Settings or rules of these accounts have changed: on return, turns go by them."""
        if self.rules is not None:
            await self.rules.refresh(accounts)

    async def submit(self, payload: bytes, announce: Announce | None = None) -> bytes:
        """A batch of envelopes in, their outcomes out: `run`, as bytes."""
        return codec.encode(await self.run(codec.decode_envelopes(payload), announce))

    async def run(
        self, envelopes: Sequence[Envelope], announce: Announce | None = None
    ) -> list[Outcome | None]:
        """Commands in, their outcomes out, in order. All have committed, or never will, on return. `announce` hears of the
        turns of those that may have ended a host before.

        At most `max_waiting` commands wait in a host; what is beyond is refused as overloaded.
        """
        room = max(0, self._max_waiting - self._admitted)
        reply = Reply(len(envelopes), announce)
        admitted = min(room, len(envelopes))
        self._admitted += admitted
        self._replies.add(reply)
        reply.done.add_done_callback(lambda _: self._on_reply_done(reply, admitted))
        for slot, envelope in enumerate(envelopes):
            if slot >= room:
                reply.set(slot, OVERLOADED)
                continue
            try:
                item = PendingCommand(envelope, reply, slot)
            except ValueError:  # an id that is none names no partition
                reply.set(slot, NOT_FOUND)
            else:
                self.accept(item)
        # Shielded: a caller that gives up leaves its commands under way.
        await asyncio.shield(reply.done)
        return reply.outcomes

    def _on_reply_done(self, reply: Reply, admitted: int) -> None:
        self._admitted -= admitted
        self._replies.discard(reply)

    def accept(self, item: PendingCommand) -> None:
        """Let a command in: to its turn, or to wait for its actor; `Moved` when the partition is not ours."""
        envelope = item.envelope
        target = envelope.conversation_id or envelope.thread
        assert target is not None
        if item.partition not in self.owned:
            item.answer(MOVED)
        elif envelope.attempt > 0 and not item.looked_up:
            self._start(self._deduplicate([item]))
        elif not self.activations.has(target):
            self.activations.load(target, item)
        else:
            self._run(item)

    # -- turns

    def _on_loaded(self, item: PendingCommand) -> None:
        if item.partition in self.owned:
            self._run(item)
        else:
            item.answer(MOVED)

    def _run(self, item: PendingCommand) -> None:
        """Run an item whose target has been loaded, if it exists."""
        if item.envelope.attempt > 0 and not item.announced and item.reply.announce is not None:
            self._start(self._run_announced(item, item.reply.announce))
            return
        try:
            self._dispatch(item)
        except Exception as error:
            log.exception("command_failed", command=type(item.envelope.command).__name__)
            item.answer(Refused("internal", f"the command failed: {type(error).__name__}"))

    async def _run_announced(self, item: PendingCommand, announce: Announce) -> None:
        """Run what a host may have died of, one at a time: should this one die too, its sender knows in whose turn."""
        target = item.envelope.conversation_id or item.envelope.thread
        assert target is not None
        async with self._announcing:
            there = self.activations.has(target)
            announce(item.slot, True)
            await asyncio.sleep(0)  # uvloop writes at the end of a turn of the loop
            if item.partition not in self.owned or (there and not self.activations.has(target)):
                self.accept(item)
            else:
                item.announced = True
                self._run(item)
                item.announced = False
            announce(item.slot, False)

    def _dispatch(self, item: PendingCommand) -> None:
        envelope = item.envelope
        if envelope.conversation_id is not None:
            active = self.activations.conversations.get(envelope.conversation_id)
            if active is None:
                item.answer(NOT_FOUND)
            else:
                self._start_turn(item, active)
            return
        assert envelope.thread is not None
        self._run_thread(item, envelope.thread)

    def _run_thread(self, item: PendingCommand, key: ThreadKey) -> None:
        thread = self.activations.threads.get(key)
        if thread is None:
            self.activations.load(key, item)
            return
        target = thread.thread.target(item.envelope.command)  # pyright: ignore[reportArgumentType]
        if target is None and thread.thread.erased:
            self._start(self._reload_erased(item, thread))
        elif target is None and not item.looked_up and item.envelope.has_own_key:
            # its first effect may stand in a conversation that is closed by now
            self._start(self._deduplicate([item]))
        elif target is None:
            self._open(item, thread)
        elif (active := self.activations.conversations.get(target)) is not None:
            self._start_turn(item, active)
        else:
            self.activations.load(target, item)

    async def _reload_erased(self, item: PendingCommand, thread: ActiveThread) -> None:
        """A customer who was erased writes again: as somebody new, so nothing in memory may be used."""
        await self.commits.flush()
        if self.activations.threads.get(thread.key) is thread:
            self.activations.drop_thread(thread.key)
        self.accept(item)

    def _open(self, item: PendingCommand, thread: ActiveThread) -> None:
        envelope, key = item.envelope, thread.key
        if self._must_wait(item, key, None):
            return
        now = now_ms()
        conversation_id = new_conversation_id(now, random.getrandbits(RANDOM_BITS), item.partition)
        (data,) = open_conversation(
            key, thread.thread.contact_id, envelope.opening, thread.thread.contact_name
        )  # pyright: ignore
        by = actor(envelope.by.type, envelope.by.id)
        opening = Entry(key.account_id, conversation_id, 0, now, by, data)
        active = self.activations.open(thread, apply(None, opening))
        thread.thread.live = conversation_id
        self._run_turn(item, active, opening)

    def _start_turn(self, item: PendingCommand, active: ActiveConversation) -> None:
        if not self._must_wait(item, active.thread.key, active.known):
            self._run_turn(item, active, None)

    def _must_wait(self, item: PendingCommand, key: ThreadKey, c: Conversation | None) -> bool:
        """Whether something has to be found out first; then the item comes back by itself."""
        if self.rules is None or self._analysis_queue is None:
            return False
        return self._analysis_queue.must_wait(item, key, c, self.rules.get(key.account_id))

    def _run_turn(self, item: PendingCommand, active: ActiveConversation, opening: Entry | None) -> None:
        active.touched = time.monotonic()
        item.active = active
        item.opened = opening is not None
        thread = active.thread
        account = self.rules.get(thread.key.account_id) if self.rules is not None else None
        self._placement.run(item, active, thread.thread.live, opening, account)

    def on_turn_result(self, item: PendingCommand, result: TurnResult) -> None:
        """A turn's result, from the placement."""
        active = item.active
        assert isinstance(active, ActiveConversation)
        if self.activations.conversations.get(active.id) is not active:
            self.accept(item)  # its state was dropped while the turn ran elsewhere
            return
        item.write, item.outcome = result.write, result.outcome
        if item.opened and result.write is None:
            self.activations.unopen(active)
            item.answer(result.outcome)
        elif result.write is not None:
            before, after = result.write.before, result.write.after
            active.known = after
            if before is None or before.status is not after.status:
                active.thread.thread.note(after)
            if before is not None:
                active.thread.thread.follow(before, after)
            self.commits.add(item)
        elif active.pending:
            self.commits.add(item)  # the answer rests on writes that are not committed yet
        else:
            item.answer(result.outcome)

    def on_actor_lost(self, active: ActiveConversation, items: list[PendingCommand]) -> None:
        """The conversation's actor died during a turn: run its commands again on what is committed."""
        if self.activations.conversations.get(active.id) is active:
            self.activations.drop_thread(active.thread.key)
        for item in items:
            item.attempts += 1
            if item.attempts > MAX_ATTEMPTS:
                item.answer(Refused("internal", "the conversation's process fails again and again"))
            else:
                self.accept(item)

    # -- failures

    def _drop(self, items: list[PendingCommand]) -> None:
        for active in {i.active for i in items if isinstance(i.active, ActiveConversation)}:
            self.activations.drop_thread(active.thread.key)

    async def _retry(self, items: list[PendingCommand], look_up: bool) -> None:
        """Run commands of a failed batch again; `look_up`: some of them may have happened before."""
        if look_up:
            await self._deduplicate(items)
        else:
            for item in items:
                self.accept(item)

    async def _deduplicate(self, items: list[PendingCommand]) -> None:
        """Answer the commands that happened already with their first answer, and run the others."""
        try:
            first = await original_results(self._archive, items)
        except Exception as error:
            log.warning("look_up_failed", error=repr(error), commands=len(items))
            for item in items:
                item.answer(UNAVAILABLE)
            return
        for item in items:
            item.looked_up = True
            if item in first:
                item.answer(first[item])
            else:
                self.accept(item)

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
        if under_way := [reply.done for reply in self._replies]:
            await asyncio.wait(under_way)
        for partition in partitions:
            self.epochs.pop(partition, None)
        for key in list(self.activations.threads):
            if partition_of_thread(key.account_id, key.channel_id, key.identifier, key.topic) in partitions:
                self.activations.drop_thread(key)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def statistics(self) -> dict[str, float]:
        """Gauges and counters for /metrics."""
        return {
            "partitions": len(self.owned),
            "conversations": len(self.activations.conversations),
            "waiting": self._admitted,
            "activations_total": self.activations.activation_count,
            "commits_total": self.commits.commits,
            "committed_total": self.commits.committed,
            **(self._analysis_queue.statistics() if self._analysis_queue is not None else {}),
        }
