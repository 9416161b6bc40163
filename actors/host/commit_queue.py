"""The commit queue of a host: while one group commit is under way, the next batch gathers.

Owns the order of commits and what becomes of a failed one. Replies leave here, and only after their commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from ...core.conversation.commands import Envelope, Moved, Outcome, Refused
from ...core.conversation.entries import Entry, Message
from ...core.ports.hosting import (
    DuplicateKey,
    Journal,
    NotStored,
    Rejected,
    StaleEpoch,
    StaleSupervisor,
    Write,
)
from ...core.turn.message_analysis import Analysis
from ..transport.turns import Announce

log = structlog.get_logger(__name__)

MAX_BATCH = 1024
"""Commands in one group commit. What is beyond waits for the next."""
MAX_ATTEMPTS = 4


class Activation(Protocol):
    """A conversation in memory, as far as commits go: `pending` counts its uncommitted writes.

    What was decided in one thread may rest upon what was decided there before; threads never rest upon each other.
    """

    pending: int

    @property
    def thread(self) -> object: ...


class Reply:
    """The answers of one incoming batch; `done` resolves when the last one is there."""

    __slots__ = ("announce", "done", "missing", "outcomes")

    def __init__(self, size: int, announce: Announce | None = None) -> None:
        self.announce = announce
        self.outcomes: list[Outcome | None] = [None] * size
        self.missing = size
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if size == 0:
            self.done.set_result(None)

    def set(self, slot: int, outcome: Outcome) -> None:
        if self.outcomes[slot] is None:
            self.outcomes[slot] = outcome
            self.missing -= 1
            if self.missing == 0 and not self.done.done():
                self.done.set_result(None)


class PendingCommand:
    """A command in a host, from its arrival to its reply."""

    __slots__ = (
        "alone",
        "announced",
        "attempts",
        "envelope",
        "analysis",
        "looked_up",
        "opened",
        "outcome",
        "partition",
        "reply",
        "active",
        "slot",
        "queued_at",
        "write",
    )

    def __init__(self, envelope: Envelope, reply: Reply, slot: int) -> None:
        self.envelope = envelope
        self.partition = envelope.partition
        self.reply = reply
        self.slot = slot
        self.write: Write | None = None
        self.outcome: Outcome | None = None
        self.active: Activation | None = None
        self.alone = False
        """To be committed by itself."""
        self.announced = False
        """Whether its sender knows that its turn begins."""
        self.opened = False
        """Whether this very command opened its conversation."""
        self.looked_up = False
        self.analysis: Analysis | None = None
        """What was found out about its message, if anybody looked."""
        self.queued_at: float | None = None
        """When it came to stand behind others of its thread, on the monotonic clock (s)."""
        self.attempts = 0
        """Failures of which it was a part."""

    @property
    def answered(self) -> bool:
        return self.reply.outcomes[self.slot] is not None

    def answer(self, outcome: Outcome) -> None:
        self.reply.set(self.slot, outcome)


class CommitQueue:
    """Group commits, one at a time.

    The queue is bounded by the host, which counts the commands it has let in. `redo` takes back the commands of a
    batch that failed for a reason of one of them; `publish` gets what was committed, `outbound` the ids of channels on
    which something waits to be sent since then; `stale` hears that this host has lost a partition.
    """

    def __init__(
        self,
        journal: Journal,
        epochs: dict[int, int],
        *,
        publish: Callable[[Sequence[Entry], Sequence[int]], None],
        outbound: Callable[[set[str]], None],
        retry: Callable[[list[PendingCommand], bool], Awaitable[None]],
        drop: Callable[[list[PendingCommand]], None],
        stale: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._epochs = epochs
        self._publish = publish
        self._outbound = outbound
        self._retry = retry
        self._drop = drop
        self._stale = stale
        self._queue: list[PendingCommand] = []
        self._wake = asyncio.Event()
        self._added = 0
        self._finished = 0
        self._progress = asyncio.Event()
        self.commits = 0
        self.committed = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, item: PendingCommand) -> None:
        """Queue a turn's result; its reply leaves after the next commit."""
        if item.active is not None:
            item.active.pending += 1
        self._queue.append(item)
        self._added += 1
        self._wake.set()

    async def flush(self) -> None:
        """Until everything queued so far has been committed, or has failed."""
        goal = self._added
        while self._finished < goal:
            self._progress.clear()
            await self._progress.wait()

    async def main_loop(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._wake.wait()
            if not self._queue:
                self._wake.clear()
                continue
            batch = self._next_batch()
            await self._commit(batch)
            self._finished += len(batch)
            self._progress.set()

    def _next_batch(self) -> list[PendingCommand]:
        queue = self._queue
        if queue[0].alone:
            size = 1
        else:
            size = next(
                (i for i, item in enumerate(queue[:MAX_BATCH]) if item.alone), min(len(queue), MAX_BATCH)
            )
        batch = queue[:size]
        del queue[:size]
        return batch

    async def _commit(self, batch: list[PendingCommand]) -> None:
        writes = [item.write for item in batch if item.write is not None]
        try:
            positions = await self._journal.commit(writes, self._epochs) if writes else []
        except DuplicateKey as error:
            log.info("commit_repeats", constraint=str(error), commands=len(batch))
            # Twice in a row: two of this very batch may share a key, of which no look-up knows yet.
            await self._roll_back(batch, look_up=True, alone=any(i.attempts for i in batch))
        except Rejected as error:
            await self._rejected(batch, error)
        except StaleSupervisor as error:
            await self._superseded(batch, error)
        except NotStored as error:
            self._fail(batch, Refused("storage_unavailable", str(error), retry_after=1))
        except StaleEpoch as error:
            self._fail(batch, Moved())
            self._stale(str(error))
        except Exception as error:  # a fault of ours: the batch must still be answered
            log.exception("commit_failed", commands=len(batch))
            self._fail(batch, Refused("internal", f"the commit failed: {type(error).__name__}"))
        else:
            self._committed(batch, writes, positions)

    def _committed(self, batch: list[PendingCommand], writes: list[Write], positions: list[int]) -> None:
        self.commits += 1
        self.committed += len(writes)
        for item in batch:
            if item.active is not None:
                item.active.pending -= 1
            item.answer(item.outcome)  # pyright: ignore[reportArgumentType]
        if positions:
            self._publish([e for w in writes for e in w.entries], positions)
        if channels := {
            w.after.channel_id for w in writes if w.after.channel_type != "webchat" and _queued(w)
        }:
            self._outbound(channels)

    async def _rejected(self, batch: list[PendingCommand], error: Rejected) -> None:
        if len(batch) == 1:
            log.error("command_rejected", error=str(error), command=type(batch[0].envelope.command).__name__)
            batch[0].answer(Refused("invalid", "the command's content cannot be stored"))
        await self._roll_back(batch, look_up=False, alone=True)

    async def _superseded(self, batch: list[PendingCommand], error: StaleSupervisor) -> None:
        """A command of a supervisor that has a successor: it is found by itself, and its neighbours go on."""
        if len(batch) == 1:
            batch[0].answer(Refused("superseded", str(error)))
        for item in batch:
            item.alone = item.alone or item.envelope.fence is not None
        await self._roll_back(batch, look_up=False, alone=False)

    async def _roll_back(self, batch: list[PendingCommand], *, look_up: bool, alone: bool) -> None:
        """Undo a batch and what was built upon it, and let the host run the commands again.

        `look_up`: some of them may have happened before. `alone`: one by one, so that the one at fault is found and the
        others go on.
        """
        items = self._discard(batch)
        for item in batch:
            item.attempts += 1
            item.alone = item.alone or alone
            if item.attempts > MAX_ATTEMPTS:
                item.answer(Refused("overloaded", "the conversation is too contended", retry_after=1))
        await self._retry([i for i in items if not i.answered], look_up)

    def _fail(self, batch: list[PendingCommand], outcome: Outcome) -> None:
        for item in self._discard(batch):
            item.answer(outcome)

    def _discard(self, batch: list[PendingCommand]) -> list[PendingCommand]:
        """The batch and what is queued behind it in its threads: their states never came true and must leave memory."""
        threads = {id(i.active.thread) for i in batch if i.active is not None}
        behind = [i for i in self._queue if i.active is not None and id(i.active.thread) in threads]
        if behind:
            taken = set(behind)
            self._queue = [i for i in self._queue if i not in taken]
            self._finished += len(behind)
        self._drop(batch + behind)
        return batch + behind


def _queued(write: Write) -> bool:
    return any(isinstance(e.data, Message) and e.data.delivery_status == "queued" for e in write.entries)
