"""The ports of suggestions: their store, and the queue of conversations that wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ...accounts.account_settings import Assistance
from ...assistance.suggestions import Status, Suggestion
from ...views.suggestions import SuggestionStats
from .models import NotDrafted


class SuggestionStore(Protocol):
    """Suggestions of one account. Reading those of a conversation first marks as stale those that are older than a person's newest message."""

    async def add(self, suggestion: Suggestion) -> bool:
        """Store a new one, which replaces the pending ones of its conversation. False if the conversation is gone or erased."""
        ...

    async def of(self, account_id: str, conversation_id: str, limit: int) -> list[Suggestion]:
        """A conversation's suggestions, newest first."""
        ...

    async def get(self, account_id: str, conversation_id: str, suggestion_id: str) -> Suggestion | None: ...

    async def shown(self, account_id: str, ids: Sequence[str]) -> None:
        """An agent has seen them."""
        ...

    async def move(
        self,
        account_id: str,
        suggestion_id: str,
        from_: Sequence[Status],
        to: Status,
        *,
        by: str | None = None,
        reason: str | None = None,
        edit_distance: float | None = None,
        sent_message_id: str | None = None,
    ) -> Suggestion | None:
        """Change its status, if it is one of `from_`; else None."""
        ...

    async def reopen(self, account_id: str, conversation_id: str, suggestion_id: str) -> None:
        """The approved text was not sent: the suggestion is pending again, or `replaced` if there is a newer one."""
        ...

    async def stats(self, account_id: str, since_ms: int) -> SuggestionStats: ...


class DueDraft(msgspec.Struct, frozen=True):
    """A conversation whose customer waits for a draft or for the bot; `seq` of their newest message, `waited`: seconds since. `attempts`:
    how often it has been tried, with this time."""

    account_id: str
    conversation_id: str
    seq: int
    attempts: int
    waited: float


class Overtaken(msgspec.Struct, frozen=True):
    """A pending suggestion that became stale."""

    account_id: str
    conversation_id: str
    suggestion_id: str
    confidence: float


class DraftQueue(Protocol):
    """Which conversations of accounts that want drafts on inbound messages wait for one. Any number of processes may use it. None is
    forgotten: each ends as done, or with a reason in the ledger of model calls."""

    async def pump(self) -> tuple[int, list[Overtaken]]:
        """Read on in the accounts' feeds. Returns how many feeds advanced, and the suggestions that became stale."""
        ...

    async def claim(self, most: int) -> list[DueDraft]:
        """Hold conversations that are due, as long as the claim is kept."""
        ...

    async def keep(self, conversations: Sequence[str]) -> None:
        """Renew this process's claims of these conversations, and end those of processes that are gone."""
        ...

    async def release(self, conversations: Sequence[str]) -> None:
        """Leave these conversations to other processes."""
        ...

    async def done(self, due: DueDraft) -> None:
        """It is settled, unless its customer has written again: then it is due for that."""
        ...

    async def later(self, due: DueDraft, seconds: float, *, counts: bool) -> None:
        """Due again after a while. `counts`: as an attempt."""
        ...

    async def give_up(self, due: DueDraft, reason: NotDrafted) -> None:
        """Like `done`, with the reason in the ledger."""
        ...

    async def settings(self, account_id: str) -> Assistance: ...
