"""The ports of bot rules, timers and the classifier: what admins change, and what hosts read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from ..accounts.records import Page, Place
from ..conversation.entries import Actor
from ..conversation.state import Conversation
from ..conversation.status import Status
from ..turn.account_rules import AccountRules
from ..turn.bot_rules import Classification, TriggerType


class BotRuleRecord(msgspec.Struct, frozen=True):
    """A rule as stored; `conditions` and `actions` as sent by the client."""

    id: str
    account_id: str
    name: str
    priority: int
    is_active: bool
    trigger_type: TriggerType
    conditions: dict[str, Any]
    actions: dict[str, Any]
    created_at: int
    updated_at: int


class BotRuleStore(Protocol):
    """Rules of one account, paged after a `Place`; `by` goes to the audit log."""

    async def create(self, rule: BotRuleRecord, by: Actor) -> BotRuleRecord:
        """Raises Conflict if the account has the most rules allowed."""
        ...

    async def get(self, account_id: str, rule_id: str) -> BotRuleRecord | None: ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[BotRuleRecord]:
        """Oldest first."""
        ...

    async def update(
        self, account_id: str, rule_id: str, changes: dict[str, Any], by: Actor
    ) -> BotRuleRecord | None: ...

    async def delete(self, account_id: str, rule_id: str, by: Actor) -> bool: ...

    async def in_force(self, account_id: str) -> AccountRules | None:
        """The rules that apply to conversations, as stored now."""
        ...


class RulesArchive(Protocol):
    """Rules of accounts as hosts read them, in batches. Raises StorageUnavailable."""

    async def load(self, accounts: Iterable[str]) -> dict[str, AccountRules]:
        """Accounts that do not exist are left out."""
        ...

    async def versions(self, accounts: Iterable[str]) -> dict[str, int]:
        """The current version of each; 0 for an account that never changed."""
        ...


class TimerRescheduling(msgspec.Struct, frozen=True):
    """An account whose new settings move its timers; read its rules of `version` or newer first."""

    account_id: str
    version: int


class ReschedulingArchive(Protocol):
    """Accounts whose timers must be rescheduled, and their conversations. Raises StorageUnavailable."""

    async def wanted(self, partitions: Collection[int], limit: int) -> list[TimerRescheduling]:
        """Accounts that are not done in some of these partitions."""
        ...

    async def page(
        self, account_id: str, status: Status, after: str, partitions: Collection[int], limit: int
    ) -> list[Conversation]:
        """Conversations with a status, in order of their ids, after `after`."""
        ...

    async def move(self, sooner: Sequence[tuple[Conversation, int]]) -> set[str]:
        """Move timers to an earlier time. Returns the conversations for which it was done; others have changed meanwhile."""
        ...

    async def done(self, rescheduling: TimerRescheduling, epochs: dict[int, int]) -> None:
        """Mark an account as done in these partitions; no effect where the epoch or the version has changed."""
        ...


class Question(msgspec.Struct, frozen=True):
    """A customer's message as sent to the classifier."""

    text: str
    channel_type: str
    language: str | None
    account_id: str


class Classifier(Protocol):
    """Classifies what customers want."""

    async def classify(self, question: Question) -> Classification | None:
        """The intent; None if unknown or too late. Never raises."""
        ...


class DueTimer(msgspec.Struct, frozen=True):
    conversation_id: str
    account_id: str
    at: int


class TimerArchive(Protocol):
    async def due(
        self, now: int, partitions: Collection[int], limit: int, besides: Sequence[str] = ()
    ) -> list[DueTimer]:
        """Conversations of the partitions whose timers are due at `now`, the longest due first, without `besides`.
        Raises StorageUnavailable."""
        ...
