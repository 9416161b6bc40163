"""Requeues the unanswered conversations of absent agents after the account's grace period."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from ...core.conversation.commands import Release
from ...core.ports.supervision import SupervisionStore
from .account.account_desk import AccountDesk
from .account.command_sender import CommandSender
from .account_registry import AccountState

MIN_PAUSE = 1000
"""Minimum ms between two checks of an absent agent's unanswered conversations."""


class AbsenceMonitor:
    """`start` runs a coroutine in the background."""

    def __init__(
        self,
        store: SupervisionStore,
        sender: CommandSender,
        now: Callable[[], int],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store = store
        self._sender = sender
        self._now = now
        self._start = start

    def check(self, state: AccountState, desk: AccountDesk) -> None:
        """Requeue conversations of agents whose grace period is over."""
        now = self._now()
        grace = desk.facts.settings.presence_grace_s * 1000
        desk.presence.expect(
            (user_id for user_id, held_by in desk.desk.board.held_by.items() if held_by), now
        )
        for user_id, since in desk.presence.absent_since.items():
            again = state.next_absence_checks.get(user_id, 0)
            if now >= max(since + grace, again) and desk.desk.board.held_by.get(user_id):
                state.next_absence_checks[user_id] = now + max(MIN_PAUSE, grace // 4)
                self._start(self._requeue(desk, user_id, since, grace))

    async def _requeue(self, desk: AccountDesk, user_id: str, since: int, grace: int) -> None:
        rows = await self._store.unanswered(list(desk.desk.board.held_by.get(user_id, ())))
        if desk.presence.absent_since.get(user_id) != since:
            return
        was_there = user_id in desk.presence.last_seen
        for row in rows:
            if row.taken and not was_there:
                continue  # this agent works without a stream
            due = max(row.assigned_at, since) + grace <= self._now()
            if due and not row.answered and not self._sender.busy(row.conversation_id):
                desk.decisions.send(row.conversation_id, Release("absent", only_from=user_id))
