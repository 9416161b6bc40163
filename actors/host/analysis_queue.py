"""The commands of a host that wait for the analysis of a message, one queue per thread.

Commands of a thread keep their order, and threads never wait for each other. The host's admission bounds the queues. A
command waits no longer than the analysis's patience plus one classification: after that it is not classified itself.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Collection

import structlog
from msgspec.structs import replace

from ...core.conversation.commands import Outcome, ThreadKey
from ...core.conversation.state import Conversation
from ...core.turn.account_rules import AccountRules
from ...core.turn.message_analysis import NO_ANALYSIS, Wanted, wanted
from .analysis.message_analyser import MessageAnalyser
from .pending_command import PendingCommand

log = structlog.get_logger(__name__)


class Queued(enum.Enum):
    """The command waits behind another of its thread."""

    QUEUED = enum.auto()


class AnalysisQueue:
    """Holds commands back until their message is analysed."""

    def __init__(self, analysis: MessageAnalyser) -> None:
        self._analysis = analysis
        self._queues_by_thread: dict[ThreadKey, list[PendingCommand]] = {}

    def statistics(self) -> dict[str, float]:
        """Gauges and counters for /metrics."""
        return {"analysing": len(self._queues_by_thread), **self._analysis.statistics()}

    def hold(
        self, item: PendingCommand, key: ThreadKey, c: Conversation | None, account: AccountRules
    ) -> Wanted | Queued | None:
        """None: the command need not wait, and `item.analysis` has what its turn needs. Else it is held back; if something is
        wanted of its message, `analyse` must be called. `c` is the conversation as far as it is known here; None: the
        command opens one."""
        line = self._queues_by_thread.get(key)
        if line is not None:
            item.queued_at = item.queued_at or time.monotonic()
            line.append(item)
            return Queued.QUEUED
        if item.analysis is not None or (want := wanted(item.envelope, c, account)) is None:
            return None
        if item.queued_at is not None and time.monotonic() - item.queued_at > self._analysis.patience:
            want = replace(want, classify=False)
        item.analysis = self._analysis.analyse_now(want)
        if item.analysis is not None:
            return None
        self._queues_by_thread[key] = [item]
        return want

    def release(self, partitions: Collection[int], outcome: Outcome) -> None:
        """Answer all commands of these partitions that wait here: they have had no effect yet."""
        for line in self._queues_by_thread.values():
            if line and line[0].partition in partitions:
                waiting, line[:] = [*line], []
                for item in waiting:
                    item.answer(outcome)

    async def analyse(self, item: PendingCommand, key: ThreadKey, want: Wanted) -> list[PendingCommand]:
        """Analyse the message of a command that is held back. Returns it and those behind it, which may continue in this order:
        the next one that has to wait starts a new queue, ahead of the rest."""
        item.analysis = NO_ANALYSIS
        try:
            item.analysis = await self._analysis.analyse(want)
        except Exception as error:  # a bug: the commands continue without
            log.exception("analysis_failed", error=repr(error))
        return self._queues_by_thread.pop(key)
