"""A conversation host: runs the conversation actors of the partitions it owns.

A plain class; `actor_options.py` makes a Ray actor of it. Owns a command's path from the incoming batch through its turn to
the commit, and the admission limit. Decides nothing about conversations.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from ...core.conversation.commands import Envelope, Moved, Outcome, Refused, ThreadKey
from ...core.conversation.entries import Entry, actor
from ...core.conversation.projection import apply
from ...core.conversation.state import Conversation
from ...core.ids import new_conversation_id
from ...core.ports.archive import Archive
from ...core.ports.bots import RulesArchive
from ...core.ports.journal import Journal
from ...core.turn.decide import open_conversation
from ...core.turn.message_analysis import Wanted
from ..background_tasks import BackgroundTasks
from ..clock import fresh_id, now_ms
from ..transport import codec
from ..transport.entry_publisher import Publisher
from ..transport.turns import Announce, TurnResult
from .activations import Activations, ActiveConversation, ActiveThread, Load
from .analysis.message_analyser import MessageAnalyser
from .analysis_queue import AnalysisQueue
from .commit_queue import CommitQueue, Undone
from .deduplication import original_results
from .pending_command import Admission, PendingCommand, Reply
from .placement import Placement, Results
from .rules_cache import RulesCache
from .turn_runner import TurnRunner

log = structlog.get_logger(__name__)

NOT_FOUND = Refused("not_found", "no such conversation")
OVERLOADED = Refused("overloaded", "too many commands are waiting", retry_after=1)
UNAVAILABLE = Refused("storage_unavailable", "the storage could not be reached", retry_after=1)
MOVED = Moved()
RANDOM_BITS = 80


class ConversationHost:
    """A conversation host. Without `rules` there is no bot and no timer; without `analysis` messages are not analysed.
    `outbound` gets the channels with new messages to send (the dispatchers would find them later anyway). `membership.py`
    maintains `owned`, the partitions whose commands are accepted, and `epochs`, those that may still be committed."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        publisher: Publisher,
        placement: Placement[Any],
        *,
        max_waiting: int,
        on_stale: asyncio.Event,
        outbound: Callable[[set[str]], None] = lambda channels: None,
        rules: RulesArchive | None = None,
        analysis: MessageAnalyser | None = None,
    ) -> None:
        self.owned: set[int] = set()
        self.epochs: dict[int, int] = {}
        self._archive = archive
        self._admission = Admission(max_waiting)
        self._stale = on_stale
        self._tasks = BackgroundTasks()
        self._announcing = asyncio.Lock()
        self.draining = False
        self._publisher = publisher
        self._outbound = outbound
        self.commits = CommitQueue(journal, self.epochs)
        self.rules = RulesCache(rules) if rules is not None else None
        self._analysis_queue = AnalysisQueue(analysis) if analysis is not None else None
        self.activations: Activations[Any] = Activations(
            archive,
            activate=placement.activate,
            passivate=placement.passivate,
            settled=self.commits.flush,
            new_id=fresh_id,
            prepare=self.rules.prepare if self.rules is not None else None,
        )
        self._turns = TurnRunner(placement, self.activations, self.commits, self.rules)

    async def main_loop(self) -> None:
        """Load, commit, and keep the accounts' rules up to date, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._activation_loop())
            group.create_task(self._commit_loop())
            if self.rules is not None:
                group.create_task(self.rules.main_loop())

    def sweep(self, idle_after: float, most: int) -> None:
        """Drop from memory what has been idle for `idle_after` seconds, the least recently used conversations beyond `most`, and
        the rules of accounts that have none there."""
        self.activations.sweep(idle_after, most)
        if self.rules is not None:
            self.rules.keep_only({key.account_id for key in self.activations.threads})

    # -- from the gateways

    async def refresh_rules(self, accounts: list[str]) -> None:
        """Settings or rules of these accounts have changed: on return, turns use them."""
        if self.rules is not None:
            await self.rules.refresh(accounts)

    async def submit(self, payload: bytes, announce: Announce | None = None) -> bytes:
        """Like `run`, but with encoded envelopes and outcomes."""
        return await codec.run_batch(payload, self.run, announce)

    async def run(
        self, envelopes: Sequence[Envelope], announce: Announce | None = None
    ) -> list[Outcome | None]:
        """Run commands and return their outcomes in order, once each has been committed or has finally failed. `announce`
        is called for the turns of commands that may have killed a host before.

        At most `max_waiting` commands wait in a host; beyond that they are refused as overloaded.
        """
        reply = Reply(envelopes, announce)
        admitted = self._admission.admit(reply)
        for slot in range(admitted, len(envelopes)):
            reply.set(slot, OVERLOADED)
        for slot, envelope in enumerate(envelopes[:admitted]):
            try:
                item = PendingCommand(envelope, reply, slot)
            except ValueError:  # an invalid id names no partition
                reply.set(slot, NOT_FOUND)
            else:
                self.accept(item)
        # Shielded: if the caller gives up, its commands continue.
        await asyncio.shield(reply.done)
        return reply.outcomes

    def accept(self, item: PendingCommand) -> None:
        """Admit a command, also one that starts over: run it, or queue it until its actor is loaded. `Moved` if the
        partition is not owned."""
        item.admit()
        target = item.target
        if item.partition not in self.owned:
            item.answer(MOVED)
        elif item.envelope.attempt > 0 and not item.looked_up:
            self._tasks.start(self._deduplicate([item]))
        elif not self.activations.has(target):
            self.activations.wait(target, item)
        else:
            self._run(item)

    # -- activation

    async def _activation_loop(self) -> None:
        loads = BackgroundTasks()
        try:
            while True:
                loads.start(self._activate(await self.activations.next_load()))
        finally:
            loads.cancel()

    async def _activate(self, load: Load) -> None:
        async for item in self.activations.load(load):
            if item.partition in self.owned:
                self._run(item)
            else:
                item.answer(MOVED)

    # -- turns

    def _run(self, item: PendingCommand) -> None:
        """Run a command whose target is loaded, if it exists."""
        if item.envelope.attempt > 0 and not item.announced and item.reply.announce is not None:
            self._tasks.start(self._run_announced(item, item.reply.announce))
            return
        try:
            self._dispatch(item)
        except Exception as error:
            log.exception("command_failed", command=type(item.envelope.command).__name__)
            item.answer(Refused("internal", f"the command failed: {type(error).__name__}"))

    async def _run_announced(self, item: PendingCommand, announce: Announce) -> None:
        """Run a command that may have killed a host, one at a time: if this host dies too, the sender knows in whose turn."""
        async with self._announcing:
            there = self.activations.has(item.target)
            announce(item.slot, True)
            await asyncio.sleep(0)  # uvloop writes at the end of a turn of the event loop
            if item.partition not in self.owned or (there and not self.activations.has(item.target)):
                self.accept(item)
            else:
                item.announced = True
                self._run(item)
                item.announced = False
            announce(item.slot, False)

    def _dispatch(self, item: PendingCommand) -> None:
        target = item.target
        if isinstance(target, ThreadKey):
            self._run_thread(item, target)
        elif (active := self.activations.conversations.get(target)) is not None:
            self._start_turn(item, active)
        elif item.absent:
            item.answer(NOT_FOUND)
        else:  # dropped since it was loaded
            self.activations.wait(target, item)

    def _run_thread(self, item: PendingCommand, key: ThreadKey) -> None:
        thread = self.activations.threads.get(key)
        if thread is None:
            self.activations.wait(key, item)
            return
        target = thread.thread.target(item.envelope.command)  # pyright: ignore[reportArgumentType]
        if target is None and thread.thread.erased:
            self._tasks.start(self._reload_erased(item, thread))
        elif target is None and not (item.looked_up or thread.thread.unused) and item.envelope.has_own_key:
            # its original result may be in a conversation that is closed by now
            self._tasks.start(self._deduplicate([item]))
        elif target is None:
            self._open(item, thread)
        elif (active := self.activations.conversations.get(target)) is not None:
            self._start_turn(item, active)
        else:
            self.activations.wait(target, item)

    async def _reload_erased(self, item: PendingCommand, thread: ActiveThread[Any]) -> None:
        """An erased customer writes again and counts as a new one: reload the thread."""
        await self.commits.flush()
        if self.activations.threads.get(thread.key) is thread:
            self.activations.drop_thread(thread.key)
        self.accept(item)

    def _open(self, item: PendingCommand, thread: ActiveThread[Any]) -> None:
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
        thread.thread.opens(conversation_id)
        self._run_turn(item, active, opening)

    def _start_turn(self, item: PendingCommand, active: ActiveConversation[Any]) -> None:
        if not self._must_wait(item, active.thread.key, active.known):
            self._run_turn(item, active, None)

    def _must_wait(self, item: PendingCommand, key: ThreadKey, c: Conversation | None) -> bool:
        """Whether a message must be analysed first. The command is then accepted again afterwards."""
        if self.rules is None or self._analysis_queue is None:
            return False
        held = self._analysis_queue.hold(item, key, c, self.rules.get(key.account_id))
        if isinstance(held, Wanted):
            self._tasks.start(self._analyse(self._analysis_queue, item, key, held))
        return held is not None

    async def _analyse(
        self, queue: AnalysisQueue, item: PendingCommand, key: ThreadKey, want: Wanted
    ) -> None:
        for waiting in await queue.analyse(item, key, want):
            self.accept(waiting)

    def _run_turn(self, item: PendingCommand, active: ActiveConversation[Any], opening: Entry | None) -> None:
        result = self._turns.run(item, active, opening)
        if isinstance(result, TurnResult):
            self._finish_turn(item, result)
        elif result is not None:
            self._tasks.start(self._finish_turns(result))

    async def _finish_turns(self, results: Results) -> None:
        async for item, result in results:
            self._finish_turn(item, result)

    def _finish_turn(self, item: PendingCommand, result: TurnResult | None) -> None:
        if not self._turns.finish(item, result) and not item.answered:
            self.accept(item)

    # -- commits

    async def _commit_loop(self) -> None:
        while True:
            batch = await self.commits.next_batch()
            result = await self.commits.commit(batch)
            if isinstance(result, Undone):
                await self._run_again(result)
            else:
                if result.positions:
                    self._publisher.publish(result.entries, result.positions)
                if result.channels:
                    self._outbound(result.channels)
            self.commits.finish(batch)

    async def _run_again(self, undone: Undone) -> None:
        """Drop what a failed commit leaves in memory, and run its unanswered commands again."""
        for active in {i.active for i in undone.commands if isinstance(i.active, ActiveConversation)}:
            self.activations.drop_thread(active.thread.key)
        if undone.superseded is not None:
            log.error("host_superseded", reason=undone.superseded)
            self.owned.clear()
            self._stale.set()
        again = [item for item in undone.commands if not item.answered]
        if undone.look_up:
            await self._deduplicate(again)
        else:
            for item in again:
                self.accept(item)

    async def _deduplicate(self, items: list[PendingCommand]) -> None:
        """Answer commands that happened before with their original result, and run the others."""
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

    # -- life

    def own(self, epochs: dict[int, int]) -> None:
        """Accept commands for these partitions from now on."""
        self.epochs.update(epochs)
        self.owned.update(epochs)

    async def disown(self, partitions: set[int]) -> None:
        """Stop accepting commands for these partitions. On return, none is in flight and nothing of them is in memory."""
        self.owned -= partitions
        if self._analysis_queue is not None:
            self._analysis_queue.release(partitions, MOVED)
        await self._admission.wait_until_done(partitions)
        for partition in partitions:
            self.epochs.pop(partition, None)
        for thread in [t for t in self.activations.threads.values() if t.partition in partitions]:
            self.activations.drop_thread(thread.key)

    def statistics(self) -> dict[str, float]:
        """Gauges and counters for /metrics."""
        return {
            "partitions": len(self.owned),
            "conversations": len(self.activations.conversations),
            "waiting": self._admission.waiting,
            "activations_total": self.activations.activation_count,
            "commits_total": self.commits.commits,
            "committed_total": self.commits.committed,
            "disk_full": self.commits.disk_full,
            **(self._analysis_queue.statistics() if self._analysis_queue is not None else {}),
        }
