"""A method for each operation of the API. Generated from the server's OpenAPI document by `make clients`; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from ..transport.nonblocking import AsyncTransport
from ..transport.operations import OMIT, Omit, new_key
from ..transport.pages import by_cursor_async, by_seq_async
from ..transport.requests import Upload
from . import operations
from .models import (
    AccountSettings,
    AccountView,
    Actions,
    AgentPreferencesView,
    Agents,
    AgentStats,
    ApiClientsPage,
    ApiClientView,
    Assignments,
    Attachment,
    AttachmentView,
    AuditPage,
    AuditRecordView,
    AvailableHours,
    BotRulesPage,
    BotRuleView,
    CannedPage,
    CannedResponseView,
    ChannelsPage,
    ChannelView,
    Conditions,
    ContactExport,
    ContactsPage,
    ContactView,
    Context,
    ConversationDetail,
    ConversationView,
    DeliveriesDeliveriesPage,
    DeliveryView,
    DryRunResult,
    EntriesPage,
    EntryView,
    EventDeliveryDetail,
    EventDeliveryView,
    EventWebhooksDeliveriesPage,
    EventWebhookView,
    Health,
    IdentifierOfContact,
    IdentifiersPage,
    IdentifierView,
    InboundFailureDetail,
    InboundFailuresPage,
    InboundFailureView,
    InboxPage,
    InboxStats,
    Labels,
    LinkView,
    MembersPage,
    MessagesPage,
    MessageView,
    NewApiClientView,
    NewEventWebhookView,
    NotificationsPatch,
    PreferencesPage,
    PresenceView,
    QueueItemView,
    QueuePageView,
    Readiness,
    Rendered,
    ReplayedView,
    ReplayView,
    SessionView,
    Status,
    TeamMemberView,
    TeamsPage,
    TeamView,
    TicketView,
    TokenView,
    WebhooksPage,
    WebhookTestView,
)


class AsyncMethods(AsyncTransport):
    """Fields that are left out are not sent; `None` sends null."""

    async def delete_v1_api_clients_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete an API client.

        Permission `clients.manage`: admin."""
        return await self._call(operations.DELETE_V1_API_CLIENTS_ID, (id,), timeout=timeout)

    async def delete_v1_bot_rules_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a bot rule.

        Permission `bot_rules.manage`: admin."""
        return await self._call(operations.DELETE_V1_BOT_RULES_ID, (id,), timeout=timeout)

    async def delete_v1_canned_responses_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a canned response.

        Permission `canned.manage`: lead, admin."""
        return await self._call(operations.DELETE_V1_CANNED_RESPONSES_ID, (id,), timeout=timeout)

    async def delete_v1_channels_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a channel without conversations.

        Permission `channels.manage`: admin."""
        return await self._call(operations.DELETE_V1_CHANNELS_ID, (id,), timeout=timeout)

    async def delete_v1_contact_identifiers_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a contact identifier; its conversations keep their contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return await self._call(operations.DELETE_V1_CONTACT_IDENTIFIERS_ID, (id,), timeout=timeout)

    async def delete_v1_contacts_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a contact without conversations.

        Permission `contacts.write`: agent, lead, admin, service."""
        return await self._call(operations.DELETE_V1_CONTACTS_ID, (id,), timeout=timeout)

    async def delete_v1_conversations_id(self, id: str, *, timeout: float | None = None) -> None:
        """Close a conversation.

        Permission `conversation.update`: agent, lead, admin, service."""
        return await self._call(operations.DELETE_V1_CONVERSATIONS_ID, (id,), timeout=timeout)

    async def delete_v1_event_webhooks_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete an event webhook and its log.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(operations.DELETE_V1_EVENT_WEBHOOKS_ID, (id,), timeout=timeout)

    async def delete_v1_teams_id(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a team; it is removed from conversations that are not closed.

        Permission `teams.manage`: lead, admin."""
        return await self._call(operations.DELETE_V1_TEAMS_ID, (id,), timeout=timeout)

    async def delete_v1_teams_id_members_user_id(
        self, id: str, user_id: str, *, timeout: float | None = None
    ) -> None:
        """Remove a member from a team.

        Permission `teams.manage`: lead, admin."""
        return await self._call(
            operations.DELETE_V1_TEAMS_ID_MEMBERS_USER_ID,
            (
                id,
                user_id,
            ),
            timeout=timeout,
        )

    async def get_docs(self, *, timeout: float | None = None) -> str:
        """This document as a web page."""
        return await self._call(operations.GET_DOCS, timeout=timeout)

    async def get_health(self, *, timeout: float | None = None) -> Health:
        """Whether the process is alive."""
        return await self._call(operations.GET_HEALTH, timeout=timeout)

    async def get_metrics(self, *, timeout: float | None = None) -> str:
        """Prometheus metrics."""
        return await self._call(operations.GET_METRICS, timeout=timeout)

    async def get_openapi_json(self, *, timeout: float | None = None) -> dict[str, Any]:
        """This document."""
        return await self._call(operations.GET_OPENAPI_JSON, timeout=timeout)

    async def get_ready(self, *, timeout: float | None = None) -> Readiness:
        """Whether it can serve requests."""
        return await self._call(operations.GET_READY, timeout=timeout)

    async def get_static_path(self, path: str, *, timeout: float | None = None) -> None:
        """Files of the server's pages."""
        return await self._call(operations.GET_STATIC_PATH, (path,), timeout=timeout)

    async def get_v1_account(self, *, timeout: float | None = None) -> AccountView:
        """The account and its settings.

        Permission `account.read`: admin, service."""
        return await self._call(operations.GET_V1_ACCOUNT, timeout=timeout)

    async def get_v1_agent_preferences(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        timeout: float | None = None,
    ) -> PreferencesPage:
        """Agents' preferences, oldest first.

        Permission `agents.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_AGENT_PREFERENCES,
            query={
                "limit": limit,
                "cursor": cursor,
                "is_available": is_available,
                "available_topics": available_topics,
                "available_channels": available_channels,
            },
            timeout=timeout,
        )

    def iter_get_v1_agent_preferences(
        self,
        *,
        limit: int | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        timeout: float | None = None,
    ) -> AsyncIterator[AgentPreferencesView]:
        """All items of `get_v1_agent_preferences`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_AGENT_PREFERENCES,
                query={
                    "limit": limit,
                    "is_available": is_available,
                    "available_topics": available_topics,
                    "available_channels": available_channels,
                    **page,
                },
                timeout=timeout,
            )
        )

    async def get_v1_agent_preferences_me(self, *, timeout: float | None = None) -> AgentPreferencesView:
        """One's own preferences.

        Permission `me`: agent, lead, admin."""
        return await self._call(operations.GET_V1_AGENT_PREFERENCES_ME, timeout=timeout)

    async def get_v1_agent_preferences_user_id(
        self, user_id: str, *, timeout: float | None = None
    ) -> AgentPreferencesView:
        """An agent's preferences.

        Permission `agents.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_AGENT_PREFERENCES_USER_ID, (user_id,), timeout=timeout)

    async def get_v1_agents(self, *, timeout: float | None = None) -> Agents:
        """Agents with presence and load.

        Permission `agents.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_AGENTS, timeout=timeout)

    async def get_v1_agents_user_id_stats(
        self, user_id: str, *, from_: str | Omit = OMIT, to: str | Omit = OMIT, timeout: float | None = None
    ) -> AgentStats:
        """An agent's statistics; `me` for one's own, others' for leads.

        Permission `agents.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_AGENTS_USER_ID_STATS,
            (user_id,),
            query={"from": from_, "to": to},
            timeout=timeout,
        )

    async def get_v1_api_clients(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> ApiClientsPage:
        """API clients, oldest first.

        Permission `clients.manage`: admin."""
        return await self._call(
            operations.GET_V1_API_CLIENTS, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_get_v1_api_clients(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[ApiClientView]:
        """All items of `get_v1_api_clients`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_API_CLIENTS, query={"limit": limit, **page}, timeout=timeout
            )
        )

    async def get_v1_attachments_id(
        self,
        id: str,
        *,
        expires: int | Omit = OMIT,
        signature: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> bytes:
        """A file.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.GET_V1_ATTACHMENTS_ID,
            (id,),
            query={"expires": expires, "signature": signature},
            timeout=timeout,
        )

    async def get_v1_attachments_id_link(self, id: str, *, timeout: float | None = None) -> LinkView:
        """A link to a file that works without a token for 15 minutes.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(operations.GET_V1_ATTACHMENTS_ID_LINK, (id,), timeout=timeout)

    async def get_v1_audit_log(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        action: str | Omit = OMIT,
        target_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> AuditPage:
        """The audit log, newest first.

        Permission `audit.read`: admin."""
        return await self._call(
            operations.GET_V1_AUDIT_LOG,
            query={"limit": limit, "cursor": cursor, "action": action, "target_id": target_id},
            timeout=timeout,
        )

    def iter_get_v1_audit_log(
        self,
        *,
        limit: int | Omit = OMIT,
        action: str | Omit = OMIT,
        target_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> AsyncIterator[AuditRecordView]:
        """All items of `get_v1_audit_log`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_AUDIT_LOG,
                query={"limit": limit, "action": action, "target_id": target_id, **page},
                timeout=timeout,
            )
        )

    async def get_v1_bot_rules(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> BotRulesPage:
        """Bot rules, oldest first.

        Permission `bot_rules.manage`: admin."""
        return await self._call(
            operations.GET_V1_BOT_RULES, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_get_v1_bot_rules(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[BotRuleView]:
        """All items of `get_v1_bot_rules`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_BOT_RULES, query={"limit": limit, **page}, timeout=timeout
            )
        )

    async def get_v1_bot_rules_id(self, id: str, *, timeout: float | None = None) -> BotRuleView:
        """One bot rule.

        Permission `bot_rules.manage`: admin."""
        return await self._call(operations.GET_V1_BOT_RULES_ID, (id,), timeout=timeout)

    async def get_v1_canned_responses(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        category: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> CannedPage:
        """Canned responses, oldest first.

        Permission `canned.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_CANNED_RESPONSES,
            query={"limit": limit, "cursor": cursor, "category": category, "q": q},
            timeout=timeout,
        )

    def iter_get_v1_canned_responses(
        self,
        *,
        limit: int | Omit = OMIT,
        category: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> AsyncIterator[CannedResponseView]:
        """All items of `get_v1_canned_responses`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_CANNED_RESPONSES,
                query={"limit": limit, "category": category, "q": q, **page},
                timeout=timeout,
            )
        )

    async def get_v1_canned_responses_id(
        self, id: str, *, timeout: float | None = None
    ) -> CannedResponseView:
        """One canned response.

        Permission `canned.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_CANNED_RESPONSES_ID, (id,), timeout=timeout)

    async def get_v1_channels(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> ChannelsPage:
        """Channels, oldest first.

        Permission `channels.manage`: admin."""
        return await self._call(
            operations.GET_V1_CHANNELS, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_get_v1_channels(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[ChannelView]:
        """All items of `get_v1_channels`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_CHANNELS, query={"limit": limit, **page}, timeout=timeout
            )
        )

    async def get_v1_channels_id(self, id: str, *, timeout: float | None = None) -> ChannelView:
        """One channel.

        Permission `channels.manage`: admin."""
        return await self._call(operations.GET_V1_CHANNELS_ID, (id,), timeout=timeout)

    async def get_v1_contact_identifiers(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        contact_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> IdentifiersPage:
        """Contact identifiers, oldest first.

        Permission `contacts.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_CONTACT_IDENTIFIERS,
            query={"limit": limit, "cursor": cursor, "contact_id": contact_id},
            timeout=timeout,
        )

    def iter_get_v1_contact_identifiers(
        self, *, limit: int | Omit = OMIT, contact_id: str | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[IdentifierView]:
        """All items of `get_v1_contact_identifiers`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_CONTACT_IDENTIFIERS,
                query={"limit": limit, "contact_id": contact_id, **page},
                timeout=timeout,
            )
        )

    async def get_v1_contact_identifiers_id(self, id: str, *, timeout: float | None = None) -> IdentifierView:
        """One contact identifier.

        Permission `contacts.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_CONTACT_IDENTIFIERS_ID, (id,), timeout=timeout)

    async def get_v1_contacts(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactsPage:
        """Contacts, newest first.

        Permission `contacts.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_CONTACTS, query={"limit": limit, "cursor": cursor, "q": q}, timeout=timeout
        )

    def iter_get_v1_contacts(
        self, *, limit: int | Omit = OMIT, q: str | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[ContactView]:
        """All items of `get_v1_contacts`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_CONTACTS, query={"limit": limit, "q": q, **page}, timeout=timeout
            )
        )

    async def get_v1_contacts_id(self, id: str, *, timeout: float | None = None) -> ContactView:
        """One contact.

        Permission `contacts.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_CONTACTS_ID, (id,), timeout=timeout)

    async def get_v1_contacts_id_export(self, id: str, *, timeout: float | None = None) -> ContactExport:
        """Everything about a contact.

        Permission `contacts.export`: admin."""
        return await self._call(operations.GET_V1_CONTACTS_ID_EXPORT, (id,), timeout=timeout)

    async def get_v1_conversations(
        self,
        *,
        status: list[Status] | Omit = OMIT,
        assignee_id: str | Omit = OMIT,
        team_id: str | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"] | Omit = OMIT,
        contact_id: str | Omit = OMIT,
        label: str | Omit = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        archived: bool | Omit = OMIT,
        q: str | Omit = OMIT,
        sort: Literal[
            "created_at",
            "created_at:asc",
            "created_at:desc",
            "last_message_at",
            "last_message_at:asc",
            "last_message_at:desc",
            "priority",
            "priority:asc",
            "priority:desc",
            "waiting_since",
            "waiting_since:asc",
            "waiting_since:desc",
        ]
        | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> InboxPage:
        """The account's conversations.

        Permission `inbox.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_CONVERSATIONS,
            query={
                "status": status,
                "assignee_id": assignee_id,
                "team_id": team_id,
                "channel_id": channel_id,
                "channel_type": channel_type,
                "contact_id": contact_id,
                "label": label,
                "priority": priority,
                "archived": archived,
                "q": q,
                "sort": sort,
                "limit": limit,
                "cursor": cursor,
            },
            timeout=timeout,
        )

    def iter_get_v1_conversations(
        self,
        *,
        status: list[Status] | Omit = OMIT,
        assignee_id: str | Omit = OMIT,
        team_id: str | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"] | Omit = OMIT,
        contact_id: str | Omit = OMIT,
        label: str | Omit = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        archived: bool | Omit = OMIT,
        q: str | Omit = OMIT,
        sort: Literal[
            "created_at",
            "created_at:asc",
            "created_at:desc",
            "last_message_at",
            "last_message_at:asc",
            "last_message_at:desc",
            "priority",
            "priority:asc",
            "priority:desc",
            "waiting_since",
            "waiting_since:asc",
            "waiting_since:desc",
        ]
        | Omit = OMIT,
        limit: int | Omit = OMIT,
        timeout: float | None = None,
    ) -> AsyncIterator[ConversationView]:
        """All items of `get_v1_conversations`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_CONVERSATIONS,
                query={
                    "status": status,
                    "assignee_id": assignee_id,
                    "team_id": team_id,
                    "channel_id": channel_id,
                    "channel_type": channel_type,
                    "contact_id": contact_id,
                    "label": label,
                    "priority": priority,
                    "archived": archived,
                    "q": q,
                    "sort": sort,
                    "limit": limit,
                    **page,
                },
                timeout=timeout,
            )
        )

    async def get_v1_conversations_id(
        self, id: str, *, include: list[str] | Omit = OMIT, timeout: float | None = None
    ) -> ConversationDetail:
        """One conversation.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.GET_V1_CONVERSATIONS_ID, (id,), query={"include": include}, timeout=timeout
        )

    async def get_v1_conversations_id_assignments(
        self, id: str, *, timeout: float | None = None
    ) -> Assignments:
        """The assignments of a conversation, oldest first.

        Permission `inbox.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_CONVERSATIONS_ID_ASSIGNMENTS, (id,), timeout=timeout)

    async def get_v1_conversations_id_context(
        self, id: str, *, count: int | Omit = OMIT, timeout: float | None = None
    ) -> Context:
        """The newest public messages, from the actor's memory.

        Permission `inbox.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_CONVERSATIONS_ID_CONTEXT, (id,), query={"count": count}, timeout=timeout
        )

    async def get_v1_conversations_id_entries(
        self, id: str, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> EntriesPage:
        """Every entry, oldest first.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.GET_V1_CONVERSATIONS_ID_ENTRIES,
            (id,),
            query={"limit": limit, "after_seq": after_seq},
            timeout=timeout,
        )

    def iter_get_v1_conversations_id_entries(
        self, id: str, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[EntryView]:
        """All items of `get_v1_conversations_id_entries`, page by page."""
        return by_seq_async(
            lambda page: self._call(
                operations.GET_V1_CONVERSATIONS_ID_ENTRIES,
                (id,),
                query={"limit": limit, **page},
                timeout=timeout,
            ),
            after_seq,
        )

    async def get_v1_conversations_id_messages(
        self,
        id: str,
        *,
        limit: int | Omit = OMIT,
        before_seq: int | Omit = OMIT,
        after_seq: int | Omit = OMIT,
        timeout: float | None = None,
    ) -> MessagesPage:
        """Messages, oldest first.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.GET_V1_CONVERSATIONS_ID_MESSAGES,
            (id,),
            query={"limit": limit, "before_seq": before_seq, "after_seq": after_seq},
            timeout=timeout,
        )

    def iter_get_v1_conversations_id_messages(
        self, id: str, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[MessageView]:
        """All items of `get_v1_conversations_id_messages`, page by page."""
        return by_seq_async(
            lambda page: self._call(
                operations.GET_V1_CONVERSATIONS_ID_MESSAGES,
                (id,),
                query={"limit": limit, **page},
                timeout=timeout,
            ),
            after_seq,
        )

    async def get_v1_conversations_stats(
        self, *, from_: str | Omit = OMIT, to: str | Omit = OMIT, timeout: float | None = None
    ) -> InboxStats:
        """Statistics of the inbox.

        Permission `inbox.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_CONVERSATIONS_STATS, query={"from": from_, "to": to}, timeout=timeout
        )

    async def get_v1_deliveries(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        status: Literal["delivered", "failed", "queued", "read", "sent"] | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> DeliveriesDeliveriesPage:
        """Deliveries to providers, newest first.

        Permission `reports.read`: lead, admin, service."""
        return await self._call(
            operations.GET_V1_DELIVERIES,
            query={"limit": limit, "cursor": cursor, "status": status, "channel_id": channel_id},
            timeout=timeout,
        )

    def iter_get_v1_deliveries(
        self,
        *,
        limit: int | Omit = OMIT,
        status: Literal["delivered", "failed", "queued", "read", "sent"] | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> AsyncIterator[DeliveryView]:
        """All items of `get_v1_deliveries`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_DELIVERIES,
                query={"limit": limit, "status": status, "channel_id": channel_id, **page},
                timeout=timeout,
            )
        )

    async def get_v1_deliveries_message_id(
        self, message_id: str, *, timeout: float | None = None
    ) -> DeliveryView:
        """The delivery of a message.

        Permission `inbox.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_DELIVERIES_MESSAGE_ID, (message_id,), timeout=timeout)

    async def get_v1_event_webhooks(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> WebhooksPage:
        """Event webhooks, oldest first.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.GET_V1_EVENT_WEBHOOKS, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_get_v1_event_webhooks(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[EventWebhookView]:
        """All items of `get_v1_event_webhooks`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_EVENT_WEBHOOKS, query={"limit": limit, **page}, timeout=timeout
            )
        )

    async def get_v1_event_webhooks_id(self, id: str, *, timeout: float | None = None) -> EventWebhookView:
        """One event webhook.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(operations.GET_V1_EVENT_WEBHOOKS_ID, (id,), timeout=timeout)

    async def get_v1_event_webhooks_id_deliveries(
        self,
        id: str,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        status: Literal["delivered", "delivering", "failed", "pending"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> EventWebhooksDeliveriesPage:
        """Deliveries, newest first.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.GET_V1_EVENT_WEBHOOKS_ID_DELIVERIES,
            (id,),
            query={"limit": limit, "cursor": cursor, "status": status},
            timeout=timeout,
        )

    def iter_get_v1_event_webhooks_id_deliveries(
        self,
        id: str,
        *,
        limit: int | Omit = OMIT,
        status: Literal["delivered", "delivering", "failed", "pending"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> AsyncIterator[EventDeliveryView]:
        """All items of `get_v1_event_webhooks_id_deliveries`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_EVENT_WEBHOOKS_ID_DELIVERIES,
                (id,),
                query={"limit": limit, "status": status, **page},
                timeout=timeout,
            )
        )

    async def get_v1_event_webhooks_id_deliveries_delivery_id(
        self, id: str, delivery_id: str, *, timeout: float | None = None
    ) -> EventDeliveryDetail:
        """One delivery, with its payload.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.GET_V1_EVENT_WEBHOOKS_ID_DELIVERIES_DELIVERY_ID,
            (
                id,
                delivery_id,
            ),
            timeout=timeout,
        )

    async def get_v1_inbound_failures(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> InboundFailuresPage:
        """Payloads that could not be processed, newest first.

        Permission `channels.manage`: admin."""
        return await self._call(
            operations.GET_V1_INBOUND_FAILURES,
            query={"limit": limit, "cursor": cursor, "channel_id": channel_id},
            timeout=timeout,
        )

    def iter_get_v1_inbound_failures(
        self, *, limit: int | Omit = OMIT, channel_id: str | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[InboundFailureView]:
        """All items of `get_v1_inbound_failures`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_INBOUND_FAILURES,
                query={"limit": limit, "channel_id": channel_id, **page},
                timeout=timeout,
            )
        )

    async def get_v1_inbound_failures_id(
        self, id: str, *, timeout: float | None = None
    ) -> InboundFailureDetail:
        """One failure, with its payload.

        Permission `channels.manage`: admin."""
        return await self._call(operations.GET_V1_INBOUND_FAILURES_ID, (id,), timeout=timeout)

    async def get_v1_labels(self, *, timeout: float | None = None) -> Labels:
        """Labels of the newest 10,000 conversations, the most used first, at most 1,000.

        Permission `inbox.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_LABELS, timeout=timeout)

    async def get_v1_queue(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> QueuePageView:
        """Waiting conversations, in order.

        Permission `queue.read`: lead, admin, service."""
        return await self._call(
            operations.GET_V1_QUEUE, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_get_v1_queue(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[QueueItemView]:
        """All items of `get_v1_queue`, page by page."""
        return by_cursor_async(
            lambda page: self._call(operations.GET_V1_QUEUE, query={"limit": limit, **page}, timeout=timeout)
        )

    async def get_v1_teams(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> TeamsPage:
        """Teams, oldest first.

        Permission `teams.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_TEAMS, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_get_v1_teams(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[TeamView]:
        """All items of `get_v1_teams`, page by page."""
        return by_cursor_async(
            lambda page: self._call(operations.GET_V1_TEAMS, query={"limit": limit, **page}, timeout=timeout)
        )

    async def get_v1_teams_id(self, id: str, *, timeout: float | None = None) -> TeamView:
        """One team.

        Permission `teams.read`: agent, lead, admin, service."""
        return await self._call(operations.GET_V1_TEAMS_ID, (id,), timeout=timeout)

    async def get_v1_teams_id_members(
        self, id: str, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> MembersPage:
        """A team's members, in the order they joined.

        Permission `teams.read`: agent, lead, admin, service."""
        return await self._call(
            operations.GET_V1_TEAMS_ID_MEMBERS,
            (id,),
            query={"limit": limit, "cursor": cursor},
            timeout=timeout,
        )

    def iter_get_v1_teams_id_members(
        self, id: str, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[TeamMemberView]:
        """All items of `get_v1_teams_id_members`, page by page."""
        return by_cursor_async(
            lambda page: self._call(
                operations.GET_V1_TEAMS_ID_MEMBERS, (id,), query={"limit": limit, **page}, timeout=timeout
            )
        )

    async def get_v1_webchat_messages(
        self,
        *,
        limit: int | Omit = OMIT,
        before_seq: int | Omit = OMIT,
        after_seq: int | Omit = OMIT,
        timeout: float | None = None,
    ) -> MessagesPage:
        """The customer's newest conversation, oldest message first.

        Permission `webchat.read`: customer."""
        return await self._call(
            operations.GET_V1_WEBCHAT_MESSAGES,
            query={"limit": limit, "before_seq": before_seq, "after_seq": after_seq},
            timeout=timeout,
        )

    def iter_get_v1_webchat_messages(
        self, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> AsyncIterator[MessageView]:
        """All items of `get_v1_webchat_messages`, page by page."""
        return by_seq_async(
            lambda page: self._call(
                operations.GET_V1_WEBCHAT_MESSAGES, query={"limit": limit, **page}, timeout=timeout
            ),
            after_seq,
        )

    async def get_v1_webhooks_channel_type_channel_id(
        self, channel_type: str, channel_id: str, *, timeout: float | None = None
    ) -> None:
        """A provider verifies the webhook address."""
        return await self._call(
            operations.GET_V1_WEBHOOKS_CHANNEL_TYPE_CHANNEL_ID,
            (
                channel_type,
                channel_id,
            ),
            timeout=timeout,
        )

    async def patch_v1_account(
        self,
        *,
        name: str | Omit = OMIT,
        settings: AccountSettings | Omit = OMIT,
        timeout: float | None = None,
    ) -> AccountView:
        """Change the account's name and settings.

        Permission `account.manage`: admin."""
        return await self._call(
            operations.PATCH_V1_ACCOUNT, body={"name": name, "settings": settings}, timeout=timeout
        )

    async def patch_v1_agent_preferences_me(
        self,
        *,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_hours: AvailableHours | None | Omit = OMIT,
        languages: list[str] | Omit = OMIT,
        max_concurrent_conversations: int | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        auto_accept: bool | Omit = OMIT,
        notification_preferences: NotificationsPatch | Omit = OMIT,
        timeout: float | None = None,
    ) -> AgentPreferencesView:
        """Change one's own preferences.

        Permission `me`: agent, lead, admin."""
        return await self._call(
            operations.PATCH_V1_AGENT_PREFERENCES_ME,
            body={
                "available_channels": available_channels,
                "available_topics": available_topics,
                "available_hours": available_hours,
                "languages": languages,
                "max_concurrent_conversations": max_concurrent_conversations,
                "is_available": is_available,
                "auto_accept": auto_accept,
                "notification_preferences": notification_preferences,
            },
            timeout=timeout,
        )

    async def patch_v1_agent_preferences_user_id(
        self,
        user_id: str,
        *,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_hours: AvailableHours | None | Omit = OMIT,
        languages: list[str] | Omit = OMIT,
        max_concurrent_conversations: int | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        auto_accept: bool | Omit = OMIT,
        notification_preferences: NotificationsPatch | Omit = OMIT,
        timeout: float | None = None,
    ) -> AgentPreferencesView:
        """Change an agent's preferences.

        Permission `agents.manage`: lead, admin."""
        return await self._call(
            operations.PATCH_V1_AGENT_PREFERENCES_USER_ID,
            (user_id,),
            body={
                "available_channels": available_channels,
                "available_topics": available_topics,
                "available_hours": available_hours,
                "languages": languages,
                "max_concurrent_conversations": max_concurrent_conversations,
                "is_available": is_available,
                "auto_accept": auto_accept,
                "notification_preferences": notification_preferences,
            },
            timeout=timeout,
        )

    async def patch_v1_bot_rules_id(
        self,
        id: str,
        *,
        name: str | Omit = OMIT,
        trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]
        | Omit = OMIT,
        priority: int | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        conditions: Conditions | Omit = OMIT,
        actions: Actions | Omit = OMIT,
        timeout: float | None = None,
    ) -> BotRuleView:
        """Change a bot rule.

        Permission `bot_rules.manage`: admin."""
        return await self._call(
            operations.PATCH_V1_BOT_RULES_ID,
            (id,),
            body={
                "name": name,
                "trigger_type": trigger_type,
                "priority": priority,
                "is_active": is_active,
                "conditions": conditions,
                "actions": actions,
            },
            timeout=timeout,
        )

    async def patch_v1_canned_responses_id(
        self,
        id: str,
        *,
        short_code: str | Omit = OMIT,
        title: str | Omit = OMIT,
        content: str | Omit = OMIT,
        category: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> CannedResponseView:
        """Change a canned response.

        Permission `canned.manage`: lead, admin."""
        return await self._call(
            operations.PATCH_V1_CANNED_RESPONSES_ID,
            (id,),
            body={"short_code": short_code, "title": title, "content": content, "category": category},
            timeout=timeout,
        )

    async def patch_v1_channels_id(
        self,
        id: str,
        *,
        name: str | Omit = OMIT,
        config: dict[str, Any] | Omit = OMIT,
        credentials: dict[str, str] | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> ChannelView:
        """Change a channel, switch it on or off.

        Permission `channels.manage`: admin."""
        return await self._call(
            operations.PATCH_V1_CHANNELS_ID,
            (id,),
            body={"name": name, "config": config, "credentials": credentials, "is_active": is_active},
            timeout=timeout,
        )

    async def patch_v1_contact_identifiers_id(
        self,
        id: str,
        *,
        contact_id: str | Omit = OMIT,
        display_name: str | None | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        timeout: float | None = None,
    ) -> IdentifierView:
        """Change a contact identifier.

        Permission `contacts.write`: agent, lead, admin, service."""
        return await self._call(
            operations.PATCH_V1_CONTACT_IDENTIFIERS_ID,
            (id,),
            body={"contact_id": contact_id, "display_name": display_name, "metadata": metadata},
            timeout=timeout,
        )

    async def patch_v1_contacts_id(
        self,
        id: str,
        *,
        name: str | None | Omit = OMIT,
        attributes: dict[str, Any] | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactView:
        """Change a contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return await self._call(
            operations.PATCH_V1_CONTACTS_ID,
            (id,),
            body={"name": name, "attributes": attributes},
            timeout=timeout,
        )

    async def patch_v1_conversations_id(
        self,
        id: str,
        *,
        status: Status | Omit = OMIT,
        assignee_id: str | None | Omit = OMIT,
        team_id: str | None | Omit = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        labels: list[str] | Omit = OMIT,
        subject: str | None | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        snoozed_until: str | None | Omit = OMIT,
        archived: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> ConversationView:
        """Change a conversation.

        Permission `conversation.update`: agent, lead, admin, service."""
        return await self._call(
            operations.PATCH_V1_CONVERSATIONS_ID,
            (id,),
            body={
                "status": status,
                "assignee_id": assignee_id,
                "team_id": team_id,
                "priority": priority,
                "labels": labels,
                "subject": subject,
                "metadata": metadata,
                "snoozed_until": snoozed_until,
                "archived": archived,
            },
            timeout=timeout,
        )

    async def patch_v1_event_webhooks_id(
        self,
        id: str,
        *,
        url: str | Omit = OMIT,
        description: str | None | Omit = OMIT,
        event_types: list[
            Literal[
                "agent:assigned",
                "conversation:handoff",
                "conversation:message",
                "conversation:new",
                "conversation:status",
                "conversation:updated",
                "notification:assignment",
                "notification:mention",
                "notification:offer",
                "notification:queue",
                "notification:sla",
            ]
        ]
        | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> EventWebhookView:
        """Change an event webhook, switch it on or off.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.PATCH_V1_EVENT_WEBHOOKS_ID,
            (id,),
            body={"url": url, "description": description, "event_types": event_types, "is_active": is_active},
            timeout=timeout,
        )

    async def patch_v1_teams_id(
        self,
        id: str,
        *,
        name: str | Omit = OMIT,
        description: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> TeamView:
        """Change a team.

        Permission `teams.manage`: lead, admin."""
        return await self._call(
            operations.PATCH_V1_TEAMS_ID,
            (id,),
            body={"name": name, "description": description},
            timeout=timeout,
        )

    async def post_v1_api_clients(self, *, name: str, timeout: float | None = None) -> NewApiClientView:
        """Create an API client; its secret is shown once.

        Permission `clients.manage`: admin."""
        return await self._call(operations.POST_V1_API_CLIENTS, body={"name": name}, timeout=timeout)

    async def post_v1_attachments(
        self, *, content: Upload, content_type: str, name: str | Omit = OMIT, timeout: float | None = None
    ) -> AttachmentView:
        """Upload a file for use in a message.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.POST_V1_ATTACHMENTS,
            query={"name": name},
            upload=content,
            headers={"Content-Type": content_type},
            timeout=timeout,
        )

    async def post_v1_auth_ticket(self, *, timeout: float | None = None) -> TicketView:
        """A single-use 30-s stream ticket.

        Permission `streams.read`: agent, lead, admin, service, customer."""
        return await self._call(operations.POST_V1_AUTH_TICKET, timeout=timeout)

    async def post_v1_auth_token(
        self,
        *,
        grant_type: Literal["client_credentials"],
        client_id: str | None | Omit = OMIT,
        client_secret: str | None | Omit = OMIT,
        scope: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> TokenView:
        """Issue a service token to an API client."""
        return await self._call(
            operations.POST_V1_AUTH_TOKEN,
            body={
                "grant_type": grant_type,
                "client_id": client_id,
                "client_secret": client_secret,
                "scope": scope,
            },
            timeout=timeout,
        )

    async def post_v1_bot_rules(
        self,
        *,
        name: str,
        trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"],
        priority: int | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        conditions: Conditions | Omit = OMIT,
        actions: Actions | Omit = OMIT,
        timeout: float | None = None,
    ) -> BotRuleView:
        """Create a bot rule.

        Permission `bot_rules.manage`: admin."""
        return await self._call(
            operations.POST_V1_BOT_RULES,
            body={
                "name": name,
                "trigger_type": trigger_type,
                "priority": priority,
                "is_active": is_active,
                "conditions": conditions,
                "actions": actions,
            },
            timeout=timeout,
        )

    async def post_v1_bot_rules_test(
        self,
        *,
        content: str,
        channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"],
        at: str | None | Omit = OMIT,
        language: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> DryRunResult:
        """Try the rules on a message; nothing is stored.

        Permission `bot_rules.manage`: admin."""
        return await self._call(
            operations.POST_V1_BOT_RULES_TEST,
            body={"content": content, "channel_type": channel_type, "at": at, "language": language},
            timeout=timeout,
        )

    async def post_v1_canned_responses(
        self,
        *,
        short_code: str,
        title: str,
        content: str,
        category: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> CannedResponseView:
        """Create a canned response.

        Permission `canned.manage`: lead, admin."""
        return await self._call(
            operations.POST_V1_CANNED_RESPONSES,
            body={"short_code": short_code, "title": title, "content": content, "category": category},
            timeout=timeout,
        )

    async def post_v1_canned_responses_id_render(
        self, id: str, *, conversation_id: str, timeout: float | None = None
    ) -> Rendered:
        """Render the text for a conversation.

        Permission `canned.read`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CANNED_RESPONSES_ID_RENDER,
            (id,),
            body={"conversation_id": conversation_id},
            timeout=timeout,
        )

    async def post_v1_channels(
        self,
        *,
        type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"],
        name: str,
        config: dict[str, Any] | Omit = OMIT,
        credentials: dict[str, str] | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> ChannelView:
        """Connect a channel.

        Permission `channels.manage`: admin."""
        return await self._call(
            operations.POST_V1_CHANNELS,
            body={
                "type": type,
                "name": name,
                "config": config,
                "credentials": credentials,
                "is_active": is_active,
            },
            timeout=timeout,
        )

    async def post_v1_contact_identifiers(
        self,
        *,
        contact_id: str,
        channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"],
        identifier: str,
        display_name: str | None | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        timeout: float | None = None,
    ) -> IdentifierView:
        """Give a contact an identifier.

        Permission `contacts.write`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONTACT_IDENTIFIERS,
            body={
                "contact_id": contact_id,
                "channel_type": channel_type,
                "identifier": identifier,
                "display_name": display_name,
                "metadata": metadata,
            },
            timeout=timeout,
        )

    async def post_v1_contacts(
        self,
        *,
        name: str | None | Omit = OMIT,
        attributes: dict[str, Any] | Omit = OMIT,
        identifiers: list[IdentifierOfContact] | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactView:
        """Create a contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONTACTS,
            body={"name": name, "attributes": attributes, "identifiers": identifiers},
            timeout=timeout,
        )

    async def post_v1_contacts_id_erase(self, id: str, *, timeout: float | None = None) -> None:
        """Erase a customer for good: names, addresses and messages.

        Permission `contacts.erase`: admin."""
        return await self._call(operations.POST_V1_CONTACTS_ID_ERASE, (id,), timeout=timeout)

    async def post_v1_contacts_id_merge(
        self, id: str, *, into: str, timeout: float | None = None
    ) -> ContactView:
        """Merge it into another contact, which is returned.

        Permission `contacts.merge`: lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONTACTS_ID_MERGE, (id,), body={"into": into}, timeout=timeout
        )

    async def post_v1_conversations(
        self,
        *,
        channel_id: str,
        contact_identifier: str,
        contact_name: str | None | Omit = OMIT,
        subject: str | None | Omit = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        labels: list[str] | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        outlet_id: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> ConversationView:
        """Open a conversation.

        Permission `conversation.create`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS,
            body={
                "channel_id": channel_id,
                "contact_identifier": contact_identifier,
                "contact_name": contact_name,
                "subject": subject,
                "priority": priority,
                "labels": labels,
                "metadata": metadata,
                "outlet_id": outlet_id,
            },
            timeout=timeout,
        )

    async def post_v1_conversations_find_or_create(
        self,
        *,
        channel_id: str,
        contact_identifier: str,
        contact_name: str | None | Omit = OMIT,
        subject: str | None | Omit = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        labels: list[str] | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        outlet_id: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> ConversationView:
        """The live conversation of a thread key, or a new one.

        Permission `conversation.create`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_FIND_OR_CREATE,
            body={
                "channel_id": channel_id,
                "contact_identifier": contact_identifier,
                "contact_name": contact_name,
                "subject": subject,
                "priority": priority,
                "labels": labels,
                "metadata": metadata,
                "outlet_id": outlet_id,
            },
            timeout=timeout,
        )

    async def post_v1_conversations_id_accept(
        self, id: str, *, timeout: float | None = None
    ) -> ConversationView:
        """Accept an offer.

        Permission `conversation.claim`: agent, lead, admin."""
        return await self._call(operations.POST_V1_CONVERSATIONS_ID_ACCEPT, (id,), timeout=timeout)

    async def post_v1_conversations_id_assign(
        self,
        id: str,
        *,
        agent_id: str | None | Omit = OMIT,
        team_id: str | None | Omit = OMIT,
        strategy: Literal["least_busy", "manual_queue", "round_robin"] | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> ConversationView:
        """Assign to an agent or a team.

        Permission `conversation.update`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_ID_ASSIGN,
            (id,),
            body={"agent_id": agent_id, "team_id": team_id, "strategy": strategy},
            timeout=timeout,
        )

    async def post_v1_conversations_id_csat(
        self, id: str, *, score: int, comment: str | None | Omit = OMIT, timeout: float | None = None
    ) -> ConversationView:
        """Submit the customer's rating, once per resolution.

        Permission `csat.write`: service, customer."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_ID_CSAT,
            (id,),
            body={"score": score, "comment": comment},
            timeout=timeout,
        )

    async def post_v1_conversations_id_decline(
        self, id: str, *, timeout: float | None = None
    ) -> ConversationView:
        """Decline an offer.

        Permission `conversation.claim`: agent, lead, admin."""
        return await self._call(operations.POST_V1_CONVERSATIONS_ID_DECLINE, (id,), timeout=timeout)

    async def post_v1_conversations_id_handback(
        self, id: str, *, timeout: float | None = None
    ) -> ConversationView:
        """Return an open, assigned or pending conversation to the bot; ends the handoff, frees its agent's slot, and removes it from the queue. For its assignee, leads, admins and services.

        Permission `conversation.update`: agent, lead, admin, service."""
        return await self._call(operations.POST_V1_CONVERSATIONS_ID_HANDBACK, (id,), timeout=timeout)

    async def post_v1_conversations_id_handoff(
        self, id: str, *, reason: str, agent_id: str | None | Omit = OMIT, timeout: float | None = None
    ) -> ConversationView:
        """Request a human agent.

        Permission `conversation.handoff`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_ID_HANDOFF,
            (id,),
            body={"reason": reason, "agent_id": agent_id},
            timeout=timeout,
        )

    async def post_v1_conversations_id_messages(
        self,
        id: str,
        *,
        content: str,
        sender_type: Literal["agent", "bot", "contact", "system"] | None | Omit = OMIT,
        is_private: bool | Omit = OMIT,
        content_type: str | Omit = OMIT,
        attachments: list[Attachment] | Omit = OMIT,
        reply_to: str | None | Omit = OMIT,
        client_message_id: str | None | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        to: list[str] | None | Omit = OMIT,
        cc: list[str] | None | Omit = OMIT,
        bcc: list[str] | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> MessageView:
        """Write a message or a note; repeating a client_message_id returns the original with 200.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_ID_MESSAGES,
            (id,),
            body={
                "content": content,
                "sender_type": sender_type,
                "is_private": is_private,
                "content_type": content_type,
                "attachments": attachments,
                "reply_to": reply_to,
                "client_message_id": new_key()
                if client_message_id is OMIT or client_message_id is None
                else client_message_id,
                "metadata": metadata,
                "to": to,
                "cc": cc,
                "bcc": bcc,
            },
            timeout=timeout,
        )

    async def post_v1_conversations_id_read(
        self, id: str, *, seq: int, timeout: float | None = None
    ) -> ConversationView:
        """Move the read marker.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_ID_READ, (id,), body={"seq": seq}, timeout=timeout
        )

    async def post_v1_conversations_id_release(
        self, id: str, *, timeout: float | None = None
    ) -> ConversationView:
        """Return it to the queue.

        Permission `conversation.update`: agent, lead, admin, service."""
        return await self._call(operations.POST_V1_CONVERSATIONS_ID_RELEASE, (id,), timeout=timeout)

    async def post_v1_conversations_id_typing(
        self, id: str, *, state: Literal["start", "stop"], timeout: float | None = None
    ) -> None:
        """Typing indicator.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return await self._call(
            operations.POST_V1_CONVERSATIONS_ID_TYPING, (id,), body={"state": state}, timeout=timeout
        )

    async def post_v1_deliveries_message_id_retry(
        self, message_id: str, *, timeout: float | None = None
    ) -> DeliveryView:
        """Resend a message that could not be delivered.

        Permission `deliveries.retry`: agent, lead, admin, service."""
        return await self._call(
            operations.POST_V1_DELIVERIES_MESSAGE_ID_RETRY, (message_id,), timeout=timeout
        )

    async def post_v1_event_webhooks(
        self,
        *,
        url: str,
        description: str | None | Omit = OMIT,
        event_types: list[
            Literal[
                "agent:assigned",
                "conversation:handoff",
                "conversation:message",
                "conversation:new",
                "conversation:status",
                "conversation:updated",
                "notification:assignment",
                "notification:mention",
                "notification:offer",
                "notification:queue",
                "notification:sla",
            ]
        ]
        | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> NewEventWebhookView:
        """Have events sent to a URL; the secret is shown once.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.POST_V1_EVENT_WEBHOOKS,
            body={"url": url, "description": description, "event_types": event_types, "is_active": is_active},
            timeout=timeout,
        )

    async def post_v1_event_webhooks_id_deliveries_delivery_id_replay(
        self, id: str, delivery_id: str, *, timeout: float | None = None
    ) -> EventDeliveryView:
        """Send an event again.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.POST_V1_EVENT_WEBHOOKS_ID_DELIVERIES_DELIVERY_ID_REPLAY,
            (
                id,
                delivery_id,
            ),
            timeout=timeout,
        )

    async def post_v1_event_webhooks_id_replay(
        self, id: str, *, since: str, timeout: float | None = None
    ) -> ReplayedView:
        """Resend deliveries that failed since a time.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(
            operations.POST_V1_EVENT_WEBHOOKS_ID_REPLAY, (id,), body={"since": since}, timeout=timeout
        )

    async def post_v1_event_webhooks_id_rotate_secret(
        self, id: str, *, timeout: float | None = None
    ) -> NewEventWebhookView:
        """Create a new secret, shown once; the old one also signs for 24 hours.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(operations.POST_V1_EVENT_WEBHOOKS_ID_ROTATE_SECRET, (id,), timeout=timeout)

    async def post_v1_event_webhooks_id_test(
        self, id: str, *, timeout: float | None = None
    ) -> WebhookTestView:
        """Send a ping now, and return the response.

        Permission `event_webhooks.manage`: admin."""
        return await self._call(operations.POST_V1_EVENT_WEBHOOKS_ID_TEST, (id,), timeout=timeout)

    async def post_v1_inbound_failures_id_replay(
        self, id: str, *, timeout: float | None = None
    ) -> ReplayView:
        """Process it again.

        Permission `channels.manage`: admin."""
        return await self._call(operations.POST_V1_INBOUND_FAILURES_ID_REPLAY, (id,), timeout=timeout)

    async def post_v1_teams(
        self, *, name: str, description: str | None | Omit = OMIT, timeout: float | None = None
    ) -> TeamView:
        """Create a team.

        Permission `teams.manage`: lead, admin."""
        return await self._call(
            operations.POST_V1_TEAMS, body={"name": name, "description": description}, timeout=timeout
        )

    async def post_v1_teams_id_members(
        self, id: str, *, user_id: str, timeout: float | None = None
    ) -> TeamMemberView:
        """Add a member to a team; 200 if they are in it already.

        Permission `teams.manage`: lead, admin."""
        return await self._call(
            operations.POST_V1_TEAMS_ID_MEMBERS, (id,), body={"user_id": user_id}, timeout=timeout
        )

    async def post_v1_webchat_channel_id_sessions(
        self,
        channel_id: str,
        *,
        contact_name: str | None | Omit = OMIT,
        contact_identifier: str | None | Omit = OMIT,
        identity_hash: str | None | Omit = OMIT,
        timeout: float | None = None,
    ) -> SessionView:
        """A session for a customer: a new one, or a known one with proof."""
        return await self._call(
            operations.POST_V1_WEBCHAT_CHANNEL_ID_SESSIONS,
            (channel_id,),
            body={
                "contact_name": contact_name,
                "contact_identifier": contact_identifier,
                "identity_hash": identity_hash,
            },
            timeout=timeout,
        )

    async def post_v1_webchat_messages(
        self,
        *,
        content: str,
        client_message_id: str | None | Omit = OMIT,
        attachments: list[Attachment] | Omit = OMIT,
        timeout: float | None = None,
    ) -> MessageView:
        """Write a message as the customer.

        Permission `webchat.write`: customer."""
        return await self._call(
            operations.POST_V1_WEBCHAT_MESSAGES,
            body={
                "content": content,
                "client_message_id": new_key()
                if client_message_id is OMIT or client_message_id is None
                else client_message_id,
                "attachments": attachments,
            },
            timeout=timeout,
        )

    async def post_v1_webhooks_channel_type_channel_id(
        self,
        channel_type: str,
        channel_id: str,
        *,
        content: Upload,
        content_type: str,
        timeout: float | None = None,
    ) -> None:
        """A provider's call, signed its own way."""
        return await self._call(
            operations.POST_V1_WEBHOOKS_CHANNEL_TYPE_CHANNEL_ID,
            (
                channel_type,
                channel_id,
            ),
            upload=content,
            headers={"Content-Type": content_type},
            timeout=timeout,
        )

    async def put_v1_agents_me_presence(
        self, *, status: Literal["away", "offline", "online"], timeout: float | None = None
    ) -> PresenceView:
        """Set one's own presence.

        Permission `me`: agent, lead, admin."""
        return await self._call(
            operations.PUT_V1_AGENTS_ME_PRESENCE, body={"status": status}, timeout=timeout
        )
