"""Runs the turns of loaded conversations: from the placement's result to the commit queue.

Knows the rules of a turn's account, and keeps each thread in step with its conversations. Loads, deduplicates and commits nothing.
"""

from __future__ import annotations

import time
from typing import Any

from ...core.conversation.commands import Refused
from ...core.conversation.entries import Entry
from ...core.ports.journal import Write
from ..transport.turns import TurnResult
from .activations import Activations, ActiveConversation
from .commit_queue import CommitQueue
from .pending_command import PendingCommand
from .placement import Placement, Results
from .rules_cache import RulesCache

ACTOR_FAILS = Refused("internal", "the conversation's process fails repeatedly")


class TurnRunner:
    """The turns of one host. Without `rules` there is no bot."""

    def __init__(
        self,
        placement: Placement[Any],
        activations: Activations[Any],
        commits: CommitQueue,
        rules: RulesCache | None,
    ) -> None:
        self._placement = placement
        self._activations = activations
        self._commits = commits
        self._rules = rules

    def run(
        self, item: PendingCommand, active: ActiveConversation[Any], opening: Entry | None
    ) -> TurnResult | Results | None:
        """Begin a turn; returns what `Placement.run` returns."""
        active.touched = time.monotonic()
        item.begin_turn(active, opened=opening is not None)
        thread = active.thread
        account = self._rules.get(thread.key.account_id) if self._rules is not None else None
        return self._placement.run(item, active, thread.thread.live, opening, account)

    def finish(self, item: PendingCommand, result: TurnResult | None) -> bool:
        """Take a turn's result, None if its actor died. Returns whether the command goes on; else it must start over, unless it
        has been answered."""
        active = item.active
        assert isinstance(active, ActiveConversation)
        held = self._activations.conversations.get(active.id) is active
        if result is None:
            self._lose(item, active, held)
        elif held:
            self._decide(item, active, result)
        # a result of a state that was dropped meanwhile, while the turn ran in another process, does not count
        return held and result is not None

    def _lose(self, item: PendingCommand, active: ActiveConversation[Any], held: bool) -> None:
        if held:
            self._activations.drop_thread(active.thread.key)
        item.fail(ACTOR_FAILS)

    def _decide(self, item: PendingCommand, active: ActiveConversation[Any], result: TurnResult) -> None:
        item.decide(result)
        if item.opened and result.write is None:
            self._activations.unopen(active)
            item.confirm()
        elif result.write is not None:
            self._follow(active, result.write, opened=item.opened)
            self._commits.add(item)
        elif active.pending:
            self._commits.add(item)  # the outcome depends on uncommitted writes
        else:
            item.confirm()

    def _follow(self, active: ActiveConversation[Any], write: Write, *, opened: bool) -> None:
        thread, before, after = active.thread.thread, write.before, write.after
        active.known = after
        if opened:
            # the first commit of the thread stores its contact; if that fails, the thread is dropped
            write.new_contact, thread.new_contact = thread.new_contact, None
        if before is None or before.status is not after.status:
            thread.note(after)
        if before is not None:
            thread.follow(before, after)
