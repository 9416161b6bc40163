"""The ports of the HTTP routes: what they read and write besides commands, and `Stores`, all stores together.

The caller's token binds everything to one account, and row-level security enforces it; methods that read across accounts say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from ..accounts.records import Channel
from ..conversation.entries import Entry
from ..conversation.state import Conversation
from ..views.assignments import AssignmentView
from ..views.inbox import InboxFilter, InboxPage, IncludedContact, Seen, Sort
from ..views.people import AgentStats, LabelCount
from ..views.reports import Dimension, Report
from ..views.statistics import InboxStats, Period
from .assistance.articles import ArticleStore
from .assistance.reply_desk import ReplyDeskStore
from .assistance.suggestions import SuggestionStore
from .bots import BotRuleStore
from .deliveries import AttachmentStore, DeliveryStore
from .event_webhooks import EventWebhookStore
from .inbound import InboundStore, SenderStore
from .people import AgentStore, CannedStore, DraftStore, PreferencesStore, TeamStore
from .resources import AccountStore, AuditStore, ChannelStore, ClientStore, ContactStore, SessionStore
from .supervision import RoutingJournalStore


class ThreadOwner(NamedTuple):
    """The channel and customer of a conversation."""

    channel_id: str
    contact_identifier: str


class ConversationStore(Protocol):
    """Committed conversations and their entries."""

    async def get(self, account_id: str, conversation_id: str) -> Conversation | None: ...

    async def many(self, account_id: str, conversations: list[str]) -> list[Conversation]:
        """Those of the account that exist, in one query, in no order."""
        ...

    async def threads(self, account_id: str, conversations: list[str]) -> dict[str, ThreadOwner]:
        """The threads of conversations, by id, in one query; missing ones are left out."""
        ...

    async def of_thread(self, account_id: str, channel_id: str, identifier: str) -> list[str]:
        """Ids of a customer's conversations on a channel, newest first, at most 50."""
        ...

    async def account_of(self, conversation_id: str) -> str | None:
        """A conversation's account, across accounts: for callers whom the operator trusts with every account."""
        ...

    async def with_bots(self, account_id: str, outlet_id: str | None, limit: int) -> list[Conversation]:
        """The newest live conversations that no human holds or was asked for, optionally of one outlet; oldest first."""
        ...

    async def messages(
        self,
        account_id: str,
        conversations: list[str],
        *,
        before: int | None,
        after: int | None,
        limit: int,
        public: bool,
    ) -> list[Entry]:
        """Message entries, oldest first: the newest `limit`, or those around a seq. `public` excludes notes."""
        ...

    async def entries(self, account_id: str, conversation_id: str, *, after: int, limit: int) -> list[Entry]:
        """Entries numbered above `after`, oldest first."""
        ...


class InboxStore(Protocol):
    """Lists of conversations, and reports about them."""

    async def page(
        self, account_id: str, wanted: InboxFilter, sort: Sort, *, after: Seen | None, limit: int
    ) -> InboxPage:
        """The conversations that pass the filter, in order, after `after`. Rows that do not move meanwhile appear exactly once, even
        if others are added.
        """
        ...

    async def stats(self, account_id: str, period: Period) -> InboxStats: ...

    async def assignments(self, account_id: str, conversation_id: str) -> list[AssignmentView]:
        """A conversation's holders, oldest first."""
        ...

    async def contact(self, account_id: str, contact_id: str) -> IncludedContact | None: ...

    async def agent_stats(self, account_id: str, user_id: str, period: Period) -> AgentStats: ...

    async def labels(self, account_id: str) -> list[LabelCount]:
        """Labels of the account's newest conversations, the most used first; both are bounded in number."""
        ...


class ReportStore(Protocol):
    """Figures by agent, team, channel and label."""

    async def report(
        self, account_id: str, dimension: Dimension, period: Period, item: str | None = None
    ) -> Report:
        """Of the whole account or of one item by day as well; else of the busiest items of the dimension. Counts every commit before it."""
        ...


class Vault(Protocol):
    """Encryption of channel credentials at rest."""

    def open(self, channel: Channel) -> dict[str, str]:
        """Decrypt a channel's credentials; empty if it has none."""
        ...

    def seal(self, account_id: str, channel_id: str, credentials: dict[str, str]) -> bytes:
        """Encrypt credentials; the ciphertext is bound to this account's channel."""
        ...


class Hint(msgspec.Struct, frozen=True, array_like=True):
    """An event that is not an entry, on its way to every gateway."""

    account_id: str
    type: str
    data: dict[str, Any]
    topics: list[str]
    conversation_id: str | None = None


class BulkHints(Protocol):
    """Like `Hints`, for many at a time."""

    async def send_all(self, hints: Sequence[Hint]) -> bool: ...


class Hints(Protocol):
    """Sends hints (events without an entry) to the readers of every gateway. Best effort; False if it is known to have failed."""

    async def send(
        self,
        account_id: str,
        type: str,
        data: dict[str, Any],
        topics: list[str],
        conversation_id: str | None = None,
    ) -> bool: ...


class Stores(msgspec.Struct, frozen=True):
    """Every store that a handler may use."""

    conversations: ConversationStore
    channels: ChannelStore
    agents: AgentStore
    contacts: ContactStore
    accounts: AccountStore
    clients: ClientStore
    audit: AuditStore
    inbox: InboxStore
    reports: ReportStore
    preferences: PreferencesStore
    teams: TeamStore
    canned: CannedStore
    drafts: DraftStore
    bot_rules: BotRuleStore
    attachments: AttachmentStore
    event_webhooks: EventWebhookStore
    deliveries: DeliveryStore
    senders: SenderStore
    inbound: InboundStore
    sessions: SessionStore
    suggestions: SuggestionStore
    routing: RoutingJournalStore
    reply_desk: ReplyDeskStore
    articles: ArticleStore
