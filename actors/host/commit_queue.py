"""The commit queue of a host: turns gather while one group commit is in progress.

Owns the order of commits and what becomes of the commands of failed ones. A reply leaves only after its commit.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog

from ...core.conversation.commands import Moved, Outcome, Refused
from ...core.conversation.entries import Entry, Message
from ...core.errors import DISK_FULL
from ...core.ports.journal import (
    DuplicateKey,
    Journal,
    NotStored,
    Rejected,
    StaleEpoch,
    StaleSupervisor,
    Write,
)
from .pending_command import PendingCommand

log = structlog.get_logger(__name__)

MAX_BATCH = 1024
"""Commands in one group commit. Those beyond it wait for the next."""
CONTENDED = Refused("overloaded", "the conversation is too contended", retry_after=1)


class Committed(NamedTuple):
    """The batch is in the journal. `channels` have new messages to send."""

    entries: list[Entry]
    positions: list[int]
    channels: set[str]


class Undone(NamedTuple):
    """The batch is not in the journal. `commands`: the batch and the later commands of its threads. Their states were never
    committed and must leave memory; those without an answer run again."""

    commands: list[PendingCommand]
    look_up: bool = False
    """Whether some may have happened before."""
    superseded: str | None = None
    """Why this host has lost a partition, if it has."""


class CommitQueue:
    """Group commits, one at a time: `next_batch`, `commit` and, once its result has been dealt with, `finish`. The host's
    admission bounds the queue."""

    def __init__(self, journal: Journal, epochs: dict[int, int]) -> None:
        self._journal = journal
        self._epochs = epochs
        self._queue: list[PendingCommand] = []
        self._wake = asyncio.Event()
        self._added = 0
        self._finished = 0
        self._progress = asyncio.Event()
        self.commits = 0
        self.committed = 0
        self.disk_full = False
        """Whether the latest commit failed because the database's disk is full."""

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
        """Wait until everything queued so far has been committed or has failed."""
        goal = self._added
        while self._finished < goal:
            self._progress.clear()
            await self._progress.wait()

    async def next_batch(self) -> list[PendingCommand]:
        """Wait for commands, and take those that are committed together."""
        while not self._queue:
            self._wake.clear()
            await self._wake.wait()
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

    def finish(self, batch: list[PendingCommand]) -> None:
        """The batch's result has been dealt with."""
        self._finished += len(batch)
        self._progress.set()

    async def commit(self, batch: list[PendingCommand]) -> Committed | Undone:
        """Commit a batch. Replies leave afterwards, except those of commands that must run again."""
        writes = [item.write for item in batch if item.write is not None]
        try:
            positions = await self._journal.commit(writes, self._epochs) if writes else []
        except DuplicateKey as error:
            log.info("commit_found_duplicate", constraint=str(error), commands=len(batch))
            # After a second failure they go alone: two commands of this batch may share a key that no look-up
            # knows yet.
            return self._roll_back(batch, look_up=True, alone=any(i.attempts for i in batch))
        except Rejected as error:
            return self._rejected(batch, error)
        except StaleSupervisor as error:
            return self._superseded(batch, error)
        except NotStored as error:
            if str(error) == DISK_FULL and not self.disk_full:
                self.disk_full = True
                log.error("disk_full", detail=DISK_FULL, commands=len(batch))
            return self._fail(batch, Refused("storage_unavailable", str(error), retry_after=1))
        except StaleEpoch as error:
            return self._fail(batch, Moved(), superseded=str(error))
        except Exception as error:  # a bug: the batch must be answered anyway
            log.exception("commit_failed", commands=len(batch))
            return self._fail(batch, Refused("internal", f"the commit failed: {type(error).__name__}"))
        return self._committed(batch, writes, positions)

    def _committed(self, batch: list[PendingCommand], writes: list[Write], positions: list[int]) -> Committed:
        self.commits += 1
        self.committed += len(writes)
        if self.disk_full:
            self.disk_full = False
            log.info("disk_has_room")
        for item in batch:
            if item.active is not None:
                item.active.pending -= 1
            item.confirm()
        return Committed(
            [e for w in writes for e in w.entries],
            positions,
            {w.after.channel_id for w in writes if w.after.channel_type != "webchat" and _queued(w)},
        )

    def _rejected(self, batch: list[PendingCommand], error: Rejected) -> Undone:
        if len(batch) == 1:
            log.error("command_rejected", error=str(error), command=type(batch[0].envelope.command).__name__)
            batch[0].answer(Refused("invalid", "the command's content cannot be stored"))
        return self._roll_back(batch, look_up=False, alone=True)

    def _superseded(self, batch: list[PendingCommand], error: StaleSupervisor) -> Undone:
        """A superseded supervisor's command is in the batch: commit fenced commands alone to find it, so that the others go
        on."""
        if len(batch) == 1:
            batch[0].answer(Refused("superseded", str(error)))
        for item in batch:
            item.alone = item.alone or item.envelope.fence is not None
        return self._roll_back(batch, look_up=False, alone=False)

    def _roll_back(self, batch: list[PendingCommand], *, look_up: bool, alone: bool) -> Undone:
        """Undo a batch and everything based on it, to run again. `alone`: commit its commands one by one, so that the one
        at fault is found and the others continue."""
        for item in batch:
            item.alone = item.alone or alone
            item.fail(CONTENDED)
        return Undone(self._with_later(batch), look_up)

    def _fail(
        self, batch: list[PendingCommand], outcome: Outcome, *, superseded: str | None = None
    ) -> Undone:
        commands = self._with_later(batch)
        for item in commands:
            item.answer(outcome)
        return Undone(commands, superseded=superseded)

    def _with_later(self, batch: list[PendingCommand]) -> list[PendingCommand]:
        """The batch and the later commands of its threads, which leave the queue: they were decided on what was not
        committed."""
        threads = {id(i.active.thread) for i in batch if i.active is not None}
        behind = [i for i in self._queue if i.active is not None and id(i.active.thread) in threads]
        if behind:
            taken = set(behind)
            self._queue = [i for i in self._queue if i not in taken]
            self._finished += len(behind)
        return batch + behind


def _queued(write: Write) -> bool:
    return any(isinstance(e.data, Message) and e.data.delivery_status == "queued" for e in write.entries)
