"""The ports of bot rules and timers: what admins change, and what hosts read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from ..accounts.records import Page, Place
from ..conversation.entries import Actor
from ..conversation.state import Conversation
from ..conversation.status import Status
from ..turn.account_rules import AccountRules
from ..turn.bot_rules import Classification


class BotRuleRecord(msgspec.Struct, frozen=True):
    """A rule as stored; `conditions` and `actions` as they were given."""

    id: str
    account_id: str
    name: str
    priority: int
    is_active: bool
    trigger_type: str
    conditions: dict[str, Any]
    actions: dict[str, Any]
    created_at: int
    updated_at: int


class BotRuleStore(Protocol):
    """Rules of one account, in pages after a `Place`; `by` is for the audit log."""

    async def create(self, rule: BotRuleRecord, by: Actor) -> BotRuleRecord:
        """Raises Conflict where the account has as many as it may."""
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
        """What conversations go by, as it is stored now."""
        ...


class RulesArchive(Protocol):
    """What hosts read of accounts, in batches. Raises StorageUnavailable."""

    async def load(self, accounts: Iterable[str]) -> dict[str, AccountRules]:
        """Accounts that do not exist are left out."""
        ...

    async def versions(self, accounts: Iterable[str]) -> dict[str, int]:
        """The version that stands, of each; 0 of an account where nothing has ever changed."""
        ...


class TimerRescheduling(msgspec.Struct, frozen=True):
    """An account whose settings have changed so that timers follow otherwise; `version` is what to have read first."""

    account_id: str
    version: int


class ReschedulingArchive(Protocol):
    """Which accounts' timers are to be set anew, and the conversations they are of. Raises StorageUnavailable."""

    async def wanted(self, partitions: Collection[int], limit: int) -> list[TimerRescheduling]:
        """Those that nobody has looked through in some of the partitions."""
        ...

    async def page(
        self, account_id: str, status: Status, after: str, partitions: Collection[int], limit: int
    ) -> list[Conversation]:
        """Conversations of a status in order of their ids, from beyond `after` on."""
        ...

    async def move(self, sooner: Sequence[tuple[Conversation, int]]) -> set[str]:
        """Have conversations looked at sooner; which of them are. The others have moved meanwhile, or may be doing so."""
        ...

    async def done(self, retiming: TimerRescheduling, epochs: dict[int, int]) -> None:
        """It was looked through in these partitions; that counts where the epochs, and the version, still stand."""
        ...


class Question(msgspec.Struct, frozen=True):
    """A customer's message, as a classifier is asked about it."""

    text: str
    channel_type: str
    language: str | None
    account_id: str


class Classifier(Protocol):
    """Tells what customers want."""

    async def classify(self, question: Question) -> Classification | None:
        """None: it could not say, or not in time. Never raises."""
        ...


class DueTimer(msgspec.Struct, frozen=True):
    conversation_id: str
    account_id: str
    at: int


class TimerArchive(Protocol):
    async def due(
        self, now: int, partitions: Collection[int], limit: int, besides: Sequence[str] = ()
    ) -> list[DueTimer]:
        """Conversations of the partitions to be looked at by `now`, the longest due first, without `besides`.
        Raises StorageUnavailable."""
        ...
