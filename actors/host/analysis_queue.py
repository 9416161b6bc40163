"""The commands of a host that wait for the analysis of a message, one queue a thread.

Commands of a thread keep their order, and threads never wait for each other. The host's admission bounds the queues. A
command waits no longer than the analysis's patience plus one classification: after that it is not classified itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from msgspec.structs import replace

from ...core.conversation.commands import ThreadKey
from ...core.conversation.state import Conversation
from ...core.turn.account_rules import AccountRules
from ...core.turn.message_analysis import NO_ANALYSIS, Wanted, wanted
from .message_analysis import MessageAnalysis
from .pending_command import PendingCommand


class AnalysisQueue:
    """Holds commands back until their message is analysed. `resume` gets a command whose analysis is done, as if it had
    just arrived."""

    def __init__(self, analysis: MessageAnalysis, resume: Callable[[PendingCommand], None]) -> None:
        self._analysis = analysis
        self._resume = resume
        self._queues_by_thread: dict[ThreadKey, list[PendingCommand]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def statistics(self) -> dict[str, float]:
        """Gauges and counters for /metrics."""
        return {"listening": len(self._queues_by_thread), **self._analysis.statistics()}

    def must_wait(
        self, item: PendingCommand, key: ThreadKey, c: Conversation | None, account: AccountRules
    ) -> bool:
        """Whether the command has to wait. If not, `item.analysis` has what its turn needs. `c` is the conversation as far
        as it is known here; None: the command opens one."""
        line = self._queues_by_thread.get(key)
        if line is not None:
            item.queued_at = item.queued_at or time.monotonic()
            line.append(item)
            return True
        if item.analysis is not None or (want := wanted(item.envelope, c, account)) is None:
            return False
        if item.queued_at is not None and time.monotonic() - item.queued_at > self._analysis.patience:
            want = replace(want, classify=False)
        item.analysis = self._analysis.analyse_now(want)
        if item.analysis is not None:
            return False
        self._queues_by_thread[key] = [item]
        task = asyncio.ensure_future(self._analyse(item, key, want))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _analyse(self, item: PendingCommand, key: ThreadKey, want: Wanted) -> None:
        item.analysis = NO_ANALYSIS
        try:
            item.analysis = await self._analysis.analyse(want)
        finally:
            # the next command that has to wait starts a new queue, ahead of those behind it
            for waiting in self._queues_by_thread.pop(key):
                self._resume(waiting)
