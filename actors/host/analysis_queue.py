"""The commands of a host that wait while something is found out about a message before them, thread by thread.

Nobody overtakes: what comes for the thread meanwhile stands behind, in order, and threads never wait for each other. A thread's
line is no longer than the host lets commands in. No command stands in it longer than PATIENCE and one question take: whose
predecessors were that slow is not asked about itself.
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
from .commit_queue import PendingCommand
from .message_analysis import MessageAnalysis

PATIENCE = 1.0
"""Seconds in the line after which the classifier is not asked any more: whoever sent the command waits for it only so long."""


class AnalysisQueue:
    """See the module. `go_on` takes an item whose turn it is again, as if it had just come."""

    def __init__(self, understanding: MessageAnalysis, go_on: Callable[[PendingCommand], None]) -> None:
        self._understanding = understanding
        self._go_on = go_on
        self._lines: dict[ThreadKey, list[PendingCommand]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def statistics(self) -> dict[str, float]:
        """Gauges and counters for /metrics."""
        return {"listening": len(self._lines), **self._understanding.statistics()}

    def holds(
        self, item: PendingCommand, key: ThreadKey, c: Conversation | None, account: AccountRules
    ) -> bool:
        """Whether the item has to wait; if not, `item.heard` has what its turn needs. `c`: the conversation as far as it is
        known here, None: the item opens one."""
        line = self._lines.get(key)
        if line is not None:
            item.waits_since = item.waits_since or time.monotonic()
            line.append(item)
            return True
        if item.heard is not None or (want := wanted(item.envelope, c, account)) is None:
            return False
        if item.waits_since is not None and time.monotonic() - item.waits_since > PATIENCE:
            want = replace(want, classify=False)
        item.heard = self._understanding.at_once(want)
        if item.heard is not None:
            return False
        self._lines[key] = [item]
        task = asyncio.ensure_future(self._listen(item, key, want))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _listen(self, item: PendingCommand, key: ThreadKey, want: Wanted) -> None:
        item.heard = NO_ANALYSIS
        try:
            item.heard = await self._understanding.hear(want)
        finally:
            # the next that has to wait begins a line anew, before those behind it
            for waiting in self._lines.pop(key):
                self._go_on(waiting)
