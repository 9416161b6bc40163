"""A method for each operation of the API. Generated from the server's OpenAPI document by `make clients`; do not edit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from ..transport.blocking import Transport
from ..transport.operations import OMIT, Omit, new_key
from ..transport.pages import by_cursor, by_seq
from ..transport.requests import Upload
from . import operations
from .models import (
    Account,
    AccountSettingsPatch,
    AgentList,
    AgentPreferences,
    AgentPreferencesPage,
    AgentStats,
    Answer,
    ApiClient,
    ApiClientsPage,
    ApiClientWithSecret,
    Approval,
    Article,
    ArticlesPage,
    ArticleSummary,
    ArticleVersions,
    AssignmentList,
    AssistantConversation,
    AssistantHealth,
    AssistantMessage,
    Attachment,
    AttachmentLink,
    AuditRecord,
    AuditRecordsPage,
    AvailableHours,
    Board,
    BotRule,
    BotRuleActions,
    BotRuleConditions,
    BotRulesPage,
    BotRuleTestResult,
    CannedResponse,
    CannedResponsesPage,
    Channel,
    ChannelsPage,
    Contact,
    ContactExport,
    ContactIdentifier,
    ContactIdentifiersPage,
    ContactsPage,
    Conversation,
    ConversationContext,
    ConversationDetail,
    ConversationsPage,
    ConversationStatus,
    CreatedCrmMessage,
    CrmConversation,
    CrmConversationDetail,
    CrmHealth,
    CrmMessage,
    DeliveriesPage,
    Delivery,
    DemoAgents,
    DemoToken,
    DeskConversations,
    DeskStats,
    DeskSuccess,
    DeskSuggestion,
    DeskThread,
    Draft,
    Drafts,
    EntriesPage,
    Entry,
    EventDeliveriesPage,
    EventDelivery,
    EventDeliveryDetail,
    EventReplay,
    EventWebhook,
    EventWebhooksPage,
    EventWebhookTest,
    EventWebhookWithSecret,
    Health,
    IdentifierOfNewContact,
    Import,
    InboundFailure,
    InboundFailureDetail,
    InboundFailuresPage,
    InboundReplay,
    InboxPreferences,
    InboxStats,
    LabelList,
    MacroActions,
    Message,
    MessageAnalysis,
    MessagesPage,
    MetricsTarget,
    NotificationPreferencesPatch,
    Passages,
    Presence,
    PublicAnswer,
    PublicPassages,
    QueueItem,
    QueuePage,
    Readiness,
    RenderedResponse,
    Report,
    RoutingEntries,
    SavedFilter,
    Session,
    Shadow,
    SlaClockList,
    StreamTicket,
    Suggestion,
    Suggestions,
    SuggestionStats,
    SyncEnvelope,
    Team,
    TeamMember,
    TeamMembersPage,
    TeamsPage,
    Token,
    UploadedAttachment,
    Webchat,
    WebchatConversation,
    WebchatSession,
    Welcome,
)


class Methods(Transport):
    """Fields that are left out are not sent; `None` sends null."""

    def accept_offer(self, id: str, *, timeout: float | None = None) -> Conversation:
        """Accept an offer.

        Permission `conversation.claim`: agent, lead, admin."""
        return self._call(operations.ACCEPT_OFFER, (id,), timeout=timeout)

    def add_team_member(self, id: str, *, user_id: str, timeout: float | None = None) -> TeamMember:
        """Add a member to a team; 200 if they already belong to it.

        Permission `teams.manage`: lead, admin."""
        return self._call(operations.ADD_TEAM_MEMBER, (id,), body={"user_id": user_id}, timeout=timeout)

    def analyse_conversation(self, id: str, *, timeout: float | None = None) -> MessageAnalysis:
        """Sentiment, intent and entities of the customer's newest message.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(operations.ANALYSE_CONVERSATION, (id,), timeout=timeout)

    def answer_customers_question(self, *, question: str, timeout: float | None = None) -> PublicAnswer:
        """Answer a customer's question from public articles, with citations.

        Permission `webchat.read`: customer."""
        return self._call(operations.ANSWER_CUSTOMERS_QUESTION, body={"question": question}, timeout=timeout)

    def answer_question(
        self,
        *,
        question: str,
        visibility: Literal["public"] | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Answer:
        """Answer a question from the articles, with citations; a call of the account's language model.

        Permission `articles.read`: agent, lead, admin, service."""
        return self._call(
            operations.ANSWER_QUESTION, body={"question": question, "visibility": visibility}, timeout=timeout
        )

    def apply_macro(self, id: str, *, conversation_id: str, timeout: float | None = None) -> Conversation:
        """Apply a macro's actions to a conversation: status, priority, labels, team.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(
            operations.APPLY_MACRO, (id,), body={"conversation_id": conversation_id}, timeout=timeout
        )

    def approve_suggestion(
        self, id: str, suggestion_id: str, *, content: str | Omit | None = OMIT, timeout: float | None = None
    ) -> Approval:
        """Send a suggestion, edited or not; 409 `stale` if the customer or an agent has written since.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.APPROVE_SUGGESTION,
            (
                id,
                suggestion_id,
            ),
            body={"content": content},
            timeout=timeout,
        )

    def assign_conversation(
        self,
        id: str,
        *,
        agent_id: str | Omit | None = OMIT,
        team_id: str | Omit | None = OMIT,
        strategy: Literal["least_busy", "manual_queue", "round_robin"] | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Conversation:
        """Assign to an agent or a team.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(
            operations.ASSIGN_CONVERSATION,
            (id,),
            body={"agent_id": agent_id, "team_id": team_id, "strategy": strategy},
            timeout=timeout,
        )

    def assistant_add_message(
        self,
        id: str,
        *,
        role: Literal["assistant", "system", "user"],
        content: str,
        metadata_json: dict[str, Any] | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> AssistantMessage:
        """Append a message; a user's is answered in the background.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return self._call(
            operations.ASSISTANT_ADD_MESSAGE,
            (id,),
            body={"role": role, "content": content, "metadata_json": metadata_json},
            timeout=timeout,
        )

    def assistant_create_conversation(
        self,
        *,
        title: str | Omit | None = OMIT,
        owner_id: str | Omit | None = OMIT,
        metadata_json: dict[str, Any] | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> AssistantConversation:
        """Create a conversation.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return self._call(
            operations.ASSISTANT_CREATE_CONVERSATION,
            body={"title": title, "owner_id": owner_id, "metadata_json": metadata_json},
            timeout=timeout,
        )

    def assistant_get_conversation(self, id: str, *, timeout: float | None = None) -> AssistantConversation:
        """Get a conversation.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.ASSISTANT_GET_CONVERSATION, (id,), timeout=timeout)

    def assistant_health(self, *, timeout: float | None = None) -> AssistantHealth:
        """Whether the service answers.

        No token is needed."""
        return self._call(operations.ASSISTANT_HEALTH, timeout=timeout)

    def assistant_list_messages(
        self, id: str, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> list[AssistantMessage]:
        """A conversation's newest messages, oldest first.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.ASSISTANT_LIST_MESSAGES, (id,), query={"limit": limit}, timeout=timeout)

    def close_conversation(self, id: str, *, timeout: float | None = None) -> None:
        """Close a conversation.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(operations.CLOSE_CONVERSATION, (id,), timeout=timeout)

    def create_api_client(self, *, name: str, timeout: float | None = None) -> ApiClientWithSecret:
        """Create an API client; its secret is shown once.

        Permission `clients.manage`: admin."""
        return self._call(operations.CREATE_API_CLIENT, body={"name": name}, timeout=timeout)

    def create_article(
        self,
        *,
        title: str,
        body: str,
        language: str | Omit | None = OMIT,
        visibility: Literal["internal", "public"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> Article:
        """Write an article.

        Permission `articles.manage`: lead, admin."""
        return self._call(
            operations.CREATE_ARTICLE,
            body={"title": title, "body": body, "language": language, "visibility": visibility},
            timeout=timeout,
        )

    def create_bot_rule(
        self,
        *,
        name: str,
        trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"],
        priority: int | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        conditions: BotRuleConditions | Omit = OMIT,
        actions: BotRuleActions | Omit = OMIT,
        timeout: float | None = None,
    ) -> BotRule:
        """Create a bot rule.

        Permission `bot_rules.manage`: admin."""
        return self._call(
            operations.CREATE_BOT_RULE,
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

    def create_canned_response(
        self,
        *,
        short_code: str,
        title: str,
        content: str,
        category: str | Omit | None = OMIT,
        actions: MacroActions | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> CannedResponse:
        """Create a canned response.

        Permission `canned.manage`: lead, admin."""
        return self._call(
            operations.CREATE_CANNED_RESPONSE,
            body={
                "short_code": short_code,
                "title": title,
                "content": content,
                "category": category,
                "actions": actions,
            },
            timeout=timeout,
        )

    def create_channel(
        self,
        *,
        type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"],
        name: str,
        config: dict[str, Any] | Omit = OMIT,
        credentials: dict[str, str] | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> Channel:
        """Connect a channel.

        Permission `channels.manage`: admin."""
        return self._call(
            operations.CREATE_CHANNEL,
            body={
                "type": type,
                "name": name,
                "config": config,
                "credentials": credentials,
                "is_active": is_active,
            },
            timeout=timeout,
        )

    def create_contact(
        self,
        *,
        name: str | Omit | None = OMIT,
        attributes: dict[str, Any] | Omit = OMIT,
        identifiers: list[IdentifierOfNewContact] | Omit = OMIT,
        timeout: float | None = None,
    ) -> Contact:
        """Create a contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return self._call(
            operations.CREATE_CONTACT,
            body={"name": name, "attributes": attributes, "identifiers": identifiers},
            timeout=timeout,
        )

    def create_contact_identifier(
        self,
        *,
        contact_id: str,
        channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"],
        identifier: str,
        display_name: str | Omit | None = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactIdentifier:
        """Add an identifier to a contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return self._call(
            operations.CREATE_CONTACT_IDENTIFIER,
            body={
                "contact_id": contact_id,
                "channel_type": channel_type,
                "identifier": identifier,
                "display_name": display_name,
                "metadata": metadata,
            },
            timeout=timeout,
        )

    def create_conversation(
        self,
        *,
        channel_id: str,
        contact_identifier: str,
        contact_name: str | Omit | None = OMIT,
        subject: str | Omit | None = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        labels: list[str] | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        outlet_id: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Conversation:
        """Open a conversation.

        Permission `conversation.create`: agent, lead, admin, service."""
        return self._call(
            operations.CREATE_CONVERSATION,
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

    def create_event_webhook(
        self,
        *,
        url: str,
        description: str | Omit | None = OMIT,
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
    ) -> EventWebhookWithSecret:
        """Have events sent to a URL; the secret is shown once.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.CREATE_EVENT_WEBHOOK,
            body={"url": url, "description": description, "event_types": event_types, "is_active": is_active},
            timeout=timeout,
        )

    def create_message(
        self,
        id: str,
        *,
        content: str,
        sender_type: Literal["agent", "bot", "contact", "system"] | Omit | None = OMIT,
        is_private: bool | Omit = OMIT,
        content_type: str | Omit = OMIT,
        attachments: list[Attachment] | Omit = OMIT,
        reply_to: str | Omit | None = OMIT,
        client_message_id: str | Omit | None = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        to: list[str] | Omit | None = OMIT,
        cc: list[str] | Omit | None = OMIT,
        bcc: list[str] | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Message:
        """Write a message or a note; repeating a client_message_id returns the original with 200.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return self._call(
            operations.CREATE_MESSAGE,
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

    def create_stream_ticket(self, *, timeout: float | None = None) -> StreamTicket:
        """A single-use 30-s stream ticket.

        Permission `streams.read`: agent, lead, admin, service, customer."""
        return self._call(operations.CREATE_STREAM_TICKET, timeout=timeout)

    def create_suggestion(
        self,
        id: str,
        *,
        tone: Literal["casual", "empathetic", "formal", "friendly", "neutral", "professional"]
        | Omit
        | None = OMIT,
        length: Literal["longer", "same", "shorter"] | Omit | None = OMIT,
        custom_prompt: str | Omit | None = OMIT,
        draft: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Suggestion:
        """Draft a reply now, or improve an agent's draft; it replaces the pending suggestion.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.CREATE_SUGGESTION,
            (id,),
            body={"tone": tone, "length": length, "custom_prompt": custom_prompt, "draft": draft},
            timeout=timeout,
        )

    def create_team(
        self, *, name: str, description: str | Omit | None = OMIT, timeout: float | None = None
    ) -> Team:
        """Create a team.

        Permission `teams.manage`: lead, admin."""
        return self._call(
            operations.CREATE_TEAM, body={"name": name, "description": description}, timeout=timeout
        )

    def create_token(
        self,
        *,
        grant_type: Literal["client_credentials"],
        client_id: str | Omit | None = OMIT,
        client_secret: str | Omit | None = OMIT,
        scope: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Token:
        """Issue a service token to an API client.

        No token is needed."""
        return self._call(
            operations.CREATE_TOKEN,
            body={
                "grant_type": grant_type,
                "client_id": client_id,
                "client_secret": client_secret,
                "scope": scope,
            },
            timeout=timeout,
        )

    def create_webchat_message(
        self,
        *,
        content: str,
        client_message_id: str | Omit | None = OMIT,
        attachments: list[Attachment] | Omit = OMIT,
        form: dict[str, str] | Omit = OMIT,
        timeout: float | None = None,
    ) -> Message:
        """Write a message as the customer.

        Permission `webchat.write`: customer."""
        return self._call(
            operations.CREATE_WEBCHAT_MESSAGE,
            body={
                "content": content,
                "client_message_id": new_key()
                if client_message_id is OMIT or client_message_id is None
                else client_message_id,
                "attachments": attachments,
                "form": form,
            },
            timeout=timeout,
        )

    def create_webchat_session(
        self,
        channel_id: str,
        *,
        contact_name: str | Omit | None = OMIT,
        contact_identifier: str | Omit | None = OMIT,
        identity_hash: str | Omit | None = OMIT,
        identity_token: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> WebchatSession:
        """Open a session for a customer: a new visitor, a known customer with proof, or the caller's own session renewed.

        No token is needed."""
        return self._call(
            operations.CREATE_WEBCHAT_SESSION,
            (channel_id,),
            body={
                "contact_name": contact_name,
                "contact_identifier": contact_identifier,
                "identity_hash": identity_hash,
                "identity_token": identity_token,
            },
            timeout=timeout,
        )

    def crm_active_conversations(
        self, *, x_tenant_id: str, outlet_id: str | Omit = OMIT, timeout: float | None = None
    ) -> list[CrmConversation]:
        """Conversations with status active, oldest first.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_ACTIVE_CONVERSATIONS,
            query={"outlet_id": outlet_id},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_assign_agent(
        self, id: str, *, x_tenant_id: str, agent_id: str, timeout: float | None = None
    ) -> CrmConversation:
        """Assign to an agent.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_ASSIGN_AGENT,
            (id,),
            body={"agent_id": agent_id},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_create_conversation(
        self,
        *,
        x_tenant_id: str,
        customer_phone: str,
        outlet_id: str | Omit | None = OMIT,
        customer_name: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> CrmConversation:
        """Open a conversation.

        Permission `conversation.create`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_CREATE_CONVERSATION,
            body={"customer_phone": customer_phone, "outlet_id": outlet_id, "customer_name": customer_name},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_create_message(
        self,
        *,
        x_tenant_id: str,
        conversation_id: str,
        sender_type: Literal["agent", "customer", "llm"],
        content: str,
        whatsapp_message_id: str | Omit | None = OMIT,
        metadata: dict[str, Any] | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> CreatedCrmMessage:
        """Store a message; says whether it handed the conversation to a human.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return self._call(
            operations.CRM_CREATE_MESSAGE,
            body={
                "conversation_id": conversation_id,
                "sender_type": sender_type,
                "content": content,
                "whatsapp_message_id": whatsapp_message_id,
                "metadata": metadata,
            },
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_find_or_create_conversation(
        self,
        *,
        x_tenant_id: str,
        customer_phone: str,
        outlet_id: str | Omit | None = OMIT,
        customer_name: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> CrmConversation:
        """The customer's live conversation, or a new one.

        Permission `conversation.create`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_FIND_OR_CREATE_CONVERSATION,
            body={"customer_phone": customer_phone, "outlet_id": outlet_id, "customer_name": customer_name},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_get_conversation(
        self,
        id: str,
        *,
        x_tenant_id: str,
        include_messages: Literal["0", "1", "false", "true"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> CrmConversationDetail:
        """One conversation.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_GET_CONVERSATION,
            (id,),
            query={"include_messages": include_messages},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_health(self, *, timeout: float | None = None) -> CrmHealth:
        """Health of the CRM service.

        No token is needed."""
        return self._call(operations.CRM_HEALTH, timeout=timeout)

    def crm_list_messages(
        self, id: str, *, x_tenant_id: str, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> list[CrmMessage]:
        """The newest messages, oldest first.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_LIST_MESSAGES,
            (id,),
            query={"limit": limit},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_recent_messages(
        self, id: str, *, x_tenant_id: str, count: int | Omit = OMIT, timeout: float | None = None
    ) -> list[CrmMessage]:
        """The newest messages for a prompt, from the actor's memory.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_RECENT_MESSAGES,
            (id,),
            query={"count": count},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_request_handoff(
        self,
        id: str,
        *,
        x_tenant_id: str,
        reason: str | Omit | None = OMIT,
        agent_id: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> CrmConversation:
        """Hand over to a human.

        Permission `conversation.handoff`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_REQUEST_HANDOFF,
            (id,),
            body={"reason": reason, "agent_id": agent_id},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def crm_set_status(
        self,
        id: str,
        *,
        x_tenant_id: str,
        status: Literal["active", "expired", "handed_off", "resolved"],
        timeout: float | None = None,
    ) -> CrmConversation:
        """Set the status.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(
            operations.CRM_SET_STATUS,
            (id,),
            body={"status": status},
            headers={"X-Tenant-Id": x_tenant_id},
            timeout=timeout,
        )

    def decline_offer(self, id: str, *, timeout: float | None = None) -> Conversation:
        """Decline an offer.

        Permission `conversation.claim`: agent, lead, admin."""
        return self._call(operations.DECLINE_OFFER, (id,), timeout=timeout)

    def delete_api_client(self, id: str, *, timeout: float | None = None) -> None:
        """Delete an API client.

        Permission `clients.manage`: admin."""
        return self._call(operations.DELETE_API_CLIENT, (id,), timeout=timeout)

    def delete_article(self, id: str, *, timeout: float | None = None) -> None:
        """Delete an article with its versions.

        Permission `articles.manage`: lead, admin."""
        return self._call(operations.DELETE_ARTICLE, (id,), timeout=timeout)

    def delete_bot_rule(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a bot rule.

        Permission `bot_rules.manage`: admin."""
        return self._call(operations.DELETE_BOT_RULE, (id,), timeout=timeout)

    def delete_canned_response(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a canned response.

        Permission `canned.manage`: lead, admin."""
        return self._call(operations.DELETE_CANNED_RESPONSE, (id,), timeout=timeout)

    def delete_channel(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a channel without conversations.

        Permission `channels.manage`: admin."""
        return self._call(operations.DELETE_CHANNEL, (id,), timeout=timeout)

    def delete_contact(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a contact without conversations.

        Permission `contacts.write`: agent, lead, admin, service."""
        return self._call(operations.DELETE_CONTACT, (id,), timeout=timeout)

    def delete_contact_identifier(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a contact identifier; its conversations keep their contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return self._call(operations.DELETE_CONTACT_IDENTIFIER, (id,), timeout=timeout)

    def delete_draft(self, id: str, *, timeout: float | None = None) -> None:
        """Delete one's own draft.

        Permission `me`: agent, lead, admin."""
        return self._call(operations.DELETE_DRAFT, (id,), timeout=timeout)

    def delete_event_webhook(self, id: str, *, timeout: float | None = None) -> None:
        """Delete an event webhook and its log.

        Permission `event_webhooks.manage`: admin."""
        return self._call(operations.DELETE_EVENT_WEBHOOK, (id,), timeout=timeout)

    def delete_inbox_session(self, *, timeout: float | None = None) -> None:
        """Delete the page's cookie.

        No token is needed."""
        return self._call(operations.DELETE_INBOX_SESSION, timeout=timeout)

    def delete_team(self, id: str, *, timeout: float | None = None) -> None:
        """Delete a team; it is removed from conversations that are not closed.

        Permission `teams.manage`: lead, admin."""
        return self._call(operations.DELETE_TEAM, (id,), timeout=timeout)

    def desk_approve(
        self,
        id: str,
        *,
        suggestion_id: str,
        edited_body: str | Omit | None = OMIT,
        edited_subject: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> DeskSuccess:
        """Send a suggestion, edited or not.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.DESK_APPROVE,
            (id,),
            body={
                "suggestion_id": suggestion_id,
                "edited_body": edited_body,
                "edited_subject": edited_subject,
            },
            timeout=timeout,
        )

    def desk_archive(
        self, id: str, *, reason: str | Omit | None = OMIT, timeout: float | None = None
    ) -> DeskSuccess:
        """Archive a conversation.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(operations.DESK_ARCHIVE, (id,), body={"reason": reason}, timeout=timeout)

    def desk_get_conversation(self, id: str, *, timeout: float | None = None) -> DeskThread:
        """A thread with its messages and the pending suggestion.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.DESK_GET_CONVERSATION, (id,), timeout=timeout)

    def desk_get_suggestion(self, id: str, *, timeout: float | None = None) -> DeskSuggestion:
        """The pending suggestion.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(operations.DESK_GET_SUGGESTION, (id,), timeout=timeout)

    def desk_list_conversations(
        self,
        *,
        status: Literal["active", "archived"] | Omit = OMIT,
        lead_id: str | Omit = OMIT,
        search: str | Omit = OMIT,
        page: int | Omit = OMIT,
        page_size: int | Omit = OMIT,
        sort_by: Literal["created_at", "last_message_at"] | Omit = OMIT,
        sort_order: Literal["asc", "desc"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> DeskConversations:
        """E-mail conversations, page by page.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.DESK_LIST_CONVERSATIONS,
            query={
                "status": status,
                "lead_id": lead_id,
                "search": search,
                "page": page,
                "page_size": page_size,
                "sort_by": sort_by,
                "sort_order": sort_order,
            },
            timeout=timeout,
        )

    def desk_regenerate(
        self,
        id: str,
        *,
        message_id: str,
        tone: str | Omit | None = OMIT,
        length: str | Omit | None = OMIT,
        custom_prompt: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> DeskSuggestion:
        """Draft again, with another tone or length.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.DESK_REGENERATE,
            (id,),
            body={"message_id": message_id, "tone": tone, "length": length, "custom_prompt": custom_prompt},
            timeout=timeout,
        )

    def desk_reject(
        self, id: str, *, suggestion_id: str, reason: str | Omit | None = OMIT, timeout: float | None = None
    ) -> DeskSuccess:
        """Reject a suggestion.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.DESK_REJECT,
            (id,),
            body={"suggestion_id": suggestion_id, "reason": reason},
            timeout=timeout,
        )

    def desk_reply(
        self,
        id: str,
        *,
        subject: str,
        body: str,
        body_html: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> DeskSuccess:
        """Send a reply that the agent wrote.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.DESK_REPLY,
            (id,),
            body={"subject": subject, "body": body, "body_html": body_html},
            timeout=timeout,
        )

    def desk_stats(self, *, timeout: float | None = None) -> DeskStats:
        """Statistics of the reply desk.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.DESK_STATS, timeout=timeout)

    def erase_contact(self, id: str, *, timeout: float | None = None) -> None:
        """Erase a customer for good: names, addresses and messages.

        Permission `contacts.erase`: admin."""
        return self._call(operations.ERASE_CONTACT, (id,), timeout=timeout)

    def export_contact(self, id: str, *, timeout: float | None = None) -> ContactExport:
        """Everything about a contact.

        Permission `contacts.export`: admin."""
        return self._call(operations.EXPORT_CONTACT, (id,), timeout=timeout)

    def find_or_create_conversation(
        self,
        *,
        channel_id: str,
        contact_identifier: str,
        contact_name: str | Omit | None = OMIT,
        subject: str | Omit | None = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        labels: list[str] | Omit = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        outlet_id: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Conversation:
        """The live conversation of a thread key, or a new one.

        Permission `conversation.create`: agent, lead, admin, service."""
        return self._call(
            operations.FIND_OR_CREATE_CONVERSATION,
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

    def get_account(self, *, timeout: float | None = None) -> Account:
        """The account and its settings.

        Permission `account.read`: admin, service."""
        return self._call(operations.GET_ACCOUNT, timeout=timeout)

    def get_agent_preferences(self, user_id: str, *, timeout: float | None = None) -> AgentPreferences:
        """An agent's preferences.

        Permission `agents.read`: agent, lead, admin, service."""
        return self._call(operations.GET_AGENT_PREFERENCES, (user_id,), timeout=timeout)

    def get_agent_stats(
        self, user_id: str, *, from_: str | Omit = OMIT, to: str | Omit = OMIT, timeout: float | None = None
    ) -> AgentStats:
        """An agent's statistics: `me` for one's own; leads may read others'.

        Permission `agents.read`: agent, lead, admin, service."""
        return self._call(
            operations.GET_AGENT_STATS, (user_id,), query={"from": from_, "to": to}, timeout=timeout
        )

    def get_article(self, id: str, *, timeout: float | None = None) -> Article:
        """One article.

        Permission `articles.read`: agent, lead, admin, service."""
        return self._call(operations.GET_ARTICLE, (id,), timeout=timeout)

    def get_async_api_document(self, *, timeout: float | None = None) -> dict[str, Any]:
        """The streams as an AsyncAPI document.

        No token is needed."""
        return self._call(operations.GET_ASYNC_API_DOCUMENT, timeout=timeout)

    def get_attachment(self, id: str, *, expires: int | Omit = OMIT, timeout: float | None = None) -> bytes:
        """A file.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.GET_ATTACHMENT, (id,), query={"expires": expires}, timeout=timeout)

    def get_attachment_link(self, id: str, *, timeout: float | None = None) -> AttachmentLink:
        """A link to a file that works without a token for 15 minutes.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.GET_ATTACHMENT_LINK, (id,), timeout=timeout)

    def get_board(self, *, at: str, timeout: float | None = None) -> Board:
        """The board at a past time: agents, waiting conversations, assignments.

        Permission `reports.read`: lead, admin, service."""
        return self._call(operations.GET_BOARD, query={"at": at}, timeout=timeout)

    def get_bot_rule(self, id: str, *, timeout: float | None = None) -> BotRule:
        """One bot rule.

        Permission `bot_rules.manage`: admin."""
        return self._call(operations.GET_BOT_RULE, (id,), timeout=timeout)

    def get_canned_response(self, id: str, *, timeout: float | None = None) -> CannedResponse:
        """One canned response.

        Permission `canned.read`: agent, lead, admin, service."""
        return self._call(operations.GET_CANNED_RESPONSE, (id,), timeout=timeout)

    def get_channel(self, id: str, *, timeout: float | None = None) -> Channel:
        """One channel.

        Permission `channels.manage`: admin."""
        return self._call(operations.GET_CHANNEL, (id,), timeout=timeout)

    def get_contact(self, id: str, *, timeout: float | None = None) -> Contact:
        """One contact.

        Permission `contacts.read`: agent, lead, admin, service."""
        return self._call(operations.GET_CONTACT, (id,), timeout=timeout)

    def get_contact_identifier(self, id: str, *, timeout: float | None = None) -> ContactIdentifier:
        """One contact identifier.

        Permission `contacts.read`: agent, lead, admin, service."""
        return self._call(operations.GET_CONTACT_IDENTIFIER, (id,), timeout=timeout)

    def get_conversation(
        self, id: str, *, include: list[str] | Omit = OMIT, timeout: float | None = None
    ) -> ConversationDetail:
        """One conversation.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.GET_CONVERSATION, (id,), query={"include": include}, timeout=timeout)

    def get_conversation_context(
        self, id: str, *, count: int | Omit = OMIT, timeout: float | None = None
    ) -> ConversationContext:
        """The newest public messages, from the actor's memory.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.GET_CONVERSATION_CONTEXT, (id,), query={"count": count}, timeout=timeout)

    def get_conversation_stats(
        self, *, from_: str | Omit = OMIT, to: str | Omit = OMIT, timeout: float | None = None
    ) -> InboxStats:
        """Statistics of the inbox.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.GET_CONVERSATION_STATS, query={"from": from_, "to": to}, timeout=timeout)

    def get_delivery(self, message_id: str, *, timeout: float | None = None) -> Delivery:
        """The delivery of a message.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.GET_DELIVERY, (message_id,), timeout=timeout)

    def get_demo_shop(self, *, timeout: float | None = None) -> str:
        """A shop with the widget; only in the demo.

        No token is needed."""
        return self._call(operations.GET_DEMO_SHOP, timeout=timeout)

    def get_demo_shop_file(self, path: str, *, timeout: float | None = None) -> None:
        """Files of the demo's shop.

        No token is needed."""
        return self._call(operations.GET_DEMO_SHOP_FILE, (path,), timeout=timeout)

    def get_docs_page(self, *, timeout: float | None = None) -> str:
        """This document as a web page.

        No token is needed."""
        return self._call(operations.GET_DOCS_PAGE, timeout=timeout)

    def get_event_delivery(
        self, id: str, delivery_id: str, *, timeout: float | None = None
    ) -> EventDeliveryDetail:
        """One delivery, with its payload.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.GET_EVENT_DELIVERY,
            (
                id,
                delivery_id,
            ),
            timeout=timeout,
        )

    def get_event_webhook(self, id: str, *, timeout: float | None = None) -> EventWebhook:
        """One event webhook.

        Permission `event_webhooks.manage`: admin."""
        return self._call(operations.GET_EVENT_WEBHOOK, (id,), timeout=timeout)

    def get_health(self, *, timeout: float | None = None) -> Health:
        """Whether the process is alive.

        No token is needed."""
        return self._call(operations.GET_HEALTH, timeout=timeout)

    def get_inbound_failure(self, id: str, *, timeout: float | None = None) -> InboundFailureDetail:
        """One failure, with its payload.

        Permission `channels.manage`: admin."""
        return self._call(operations.GET_INBOUND_FAILURE, (id,), timeout=timeout)

    def get_inbox_file(self, path: str, *, timeout: float | None = None) -> None:
        """Files of the agents' page.

        No token is needed."""
        return self._call(operations.GET_INBOX_FILE, (path,), timeout=timeout)

    def get_inbox_page(self, *, timeout: float | None = None) -> str:
        """The agents' page.

        No token is needed."""
        return self._call(operations.GET_INBOX_PAGE, timeout=timeout)

    def get_inbox_session(self, *, timeout: float | None = None) -> Session:
        """The page's session, from its cookie.

        No token is needed."""
        return self._call(operations.GET_INBOX_SESSION, timeout=timeout)

    def get_metrics(self, *, timeout: float | None = None) -> str:
        """Prometheus metrics.

        No token is needed."""
        return self._call(operations.GET_METRICS, timeout=timeout)

    def get_my_inbox_preferences(self, *, timeout: float | None = None) -> InboxPreferences:
        """One's own saved filters and changed shortcuts.

        Permission `me`: agent, lead, admin."""
        return self._call(operations.GET_MY_INBOX_PREFERENCES, timeout=timeout)

    def get_my_preferences(self, *, timeout: float | None = None) -> AgentPreferences:
        """One's own preferences.

        Permission `me`: agent, lead, admin."""
        return self._call(operations.GET_MY_PREFERENCES, timeout=timeout)

    def get_open_api_document(self, *, timeout: float | None = None) -> dict[str, Any]:
        """This document.

        No token is needed."""
        return self._call(operations.GET_OPEN_API_DOCUMENT, timeout=timeout)

    def get_readiness(self, *, timeout: float | None = None) -> Readiness:
        """Whether it can serve requests.

        No token is needed."""
        return self._call(operations.GET_READINESS, timeout=timeout)

    def get_report(
        self,
        *,
        from_: str | Omit = OMIT,
        to: str | Omit = OMIT,
        by: Literal["account", "agent", "channel", "label", "team"] | Omit = OMIT,
        id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> Report:
        """A report by `account`, `agent`, `team`, `channel` or `label`.

        Permission `reports.read`: lead, admin, service."""
        return self._call(
            operations.GET_REPORT, query={"from": from_, "to": to, "by": by, "id": id}, timeout=timeout
        )

    def get_shadow_policy(self, *, timeout: float | None = None) -> Shadow:
        """What the shadow policy would have decided.

        Permission `reports.read`: lead, admin, service."""
        return self._call(operations.GET_SHADOW_POLICY, timeout=timeout)

    def get_static_file(self, path: str, *, timeout: float | None = None) -> bytes:
        """Files of the server's pages.

        No token is needed."""
        return self._call(operations.GET_STATIC_FILE, (path,), timeout=timeout)

    def get_suggestion_stats(
        self, *, days: int | Omit = OMIT, timeout: float | None = None
    ) -> SuggestionStats:
        """Outcomes of suggestions by model, and the usage of model calls.

        Permission `reports.read`: lead, admin, service."""
        return self._call(operations.GET_SUGGESTION_STATS, query={"days": days}, timeout=timeout)

    def get_team(self, id: str, *, timeout: float | None = None) -> Team:
        """One team.

        Permission `teams.read`: agent, lead, admin, service."""
        return self._call(operations.GET_TEAM, (id,), timeout=timeout)

    def get_webchat(self, channel_id: str, *, timeout: float | None = None) -> Webchat:
        """What a page needs to know about the channel: texts, hours and form.

        No token is needed."""
        return self._call(operations.GET_WEBCHAT, (channel_id,), timeout=timeout)

    def get_webchat_conversation(self, *, timeout: float | None = None) -> WebchatConversation:
        """The state of the customer's newest conversation.

        Permission `webchat.read`: customer."""
        return self._call(operations.GET_WEBCHAT_CONVERSATION, timeout=timeout)

    def get_welcome(self, *, timeout: float | None = None) -> Welcome:
        """An introduction to the server, as a page or as JSON.

        No token is needed."""
        return self._call(operations.GET_WELCOME, timeout=timeout)

    def get_welcome_style(self, *, timeout: float | None = None) -> None:
        """The style of the page at /.

        No token is needed."""
        return self._call(operations.GET_WELCOME_STYLE, timeout=timeout)

    def get_widget(self, *, timeout: float | None = None) -> None:
        """The script that sites embed.

        docs/guides/widget.md says how. No token is needed."""
        return self._call(operations.GET_WIDGET, timeout=timeout)

    def get_widget_file(self, path: str, *, timeout: float | None = None) -> None:
        """Files of the widget.

        No token is needed."""
        return self._call(operations.GET_WIDGET_FILE, (path,), timeout=timeout)

    def get_widget_page(self, channel_id: str, *, timeout: float | None = None) -> str:
        """The page in the widget's frame.

        No token is needed."""
        return self._call(operations.GET_WIDGET_PAGE, (channel_id,), timeout=timeout)

    def hand_back_conversation(self, id: str, *, timeout: float | None = None) -> Conversation:
        """Return an open, assigned or pending conversation to the bot; ends the handoff, frees its agent's slot, and removes it from the queue. For its assignee, leads, admins and services.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(operations.HAND_BACK_CONVERSATION, (id,), timeout=timeout)

    def import_articles(
        self,
        *,
        content: Upload,
        content_type: str,
        visibility: Literal["internal", "public"] | Omit = OMIT,
        language: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> Import:
        """Import a folder of Markdown files, or a saved website with its sitemap.xml, from a zip archive; what was imported before is updated.

        Permission `articles.manage`: lead, admin."""
        return self._call(
            operations.IMPORT_ARTICLES,
            query={"visibility": visibility, "language": language},
            upload=content,
            headers={"Content-Type": content_type},
            timeout=timeout,
        )

    def keep_draft(
        self, id: str, *, content: str, is_private: bool | Omit = OMIT, timeout: float | None = None
    ) -> Draft:
        """Save one's own draft; colleagues see it, customers never do.

        Permission `me`: agent, lead, admin."""
        return self._call(
            operations.KEEP_DRAFT, (id,), body={"content": content, "is_private": is_private}, timeout=timeout
        )

    def keep_inbox_session(self, *, timeout: float | None = None) -> Session:
        """Keep the token in the page's cookie.

        Permission `me`: agent, lead, admin."""
        return self._call(operations.KEEP_INBOX_SESSION, timeout=timeout)

    def list_agent_preferences(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        timeout: float | None = None,
    ) -> AgentPreferencesPage:
        """Agents' preferences, oldest first.

        Permission `agents.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_AGENT_PREFERENCES,
            query={
                "limit": limit,
                "cursor": cursor,
                "is_available": is_available,
                "available_topics": available_topics,
                "available_channels": available_channels,
            },
            timeout=timeout,
        )

    def iter_agent_preferences(
        self,
        *,
        limit: int | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        timeout: float | None = None,
    ) -> Iterator[AgentPreferences]:
        """All items of `list_agent_preferences`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_AGENT_PREFERENCES,
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

    def list_agents(self, *, timeout: float | None = None) -> AgentList:
        """Agents with presence and load.

        Permission `agents.read`: agent, lead, admin, service."""
        return self._call(operations.LIST_AGENTS, timeout=timeout)

    def list_api_clients(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> ApiClientsPage:
        """API clients, oldest first.

        Permission `clients.manage`: admin."""
        return self._call(
            operations.LIST_API_CLIENTS, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_api_clients(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[ApiClient]:
        """All items of `list_api_clients`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_API_CLIENTS, query={"limit": limit, **page}, timeout=timeout
            )
        )

    def list_article_versions(self, id: str, *, timeout: float | None = None) -> ArticleVersions:
        """Versions of an article.

        Permission `articles.read`: agent, lead, admin, service."""
        return self._call(operations.LIST_ARTICLE_VERSIONS, (id,), timeout=timeout)

    def list_articles(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        visibility: Literal["internal", "public"] | Omit = OMIT,
        language: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> ArticlesPage:
        """Articles of the knowledge base, oldest first.

        Permission `articles.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_ARTICLES,
            query={"limit": limit, "cursor": cursor, "visibility": visibility, "language": language, "q": q},
            timeout=timeout,
        )

    def iter_articles(
        self,
        *,
        limit: int | Omit = OMIT,
        visibility: Literal["internal", "public"] | Omit = OMIT,
        language: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> Iterator[ArticleSummary]:
        """All items of `list_articles`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_ARTICLES,
                query={"limit": limit, "visibility": visibility, "language": language, "q": q, **page},
                timeout=timeout,
            )
        )

    def list_assignments(self, id: str, *, timeout: float | None = None) -> AssignmentList:
        """The assignments of a conversation, oldest first.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.LIST_ASSIGNMENTS, (id,), timeout=timeout)

    def list_audit_records(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        action: str | Omit = OMIT,
        target_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> AuditRecordsPage:
        """The audit log, newest first.

        Permission `audit.read`: admin."""
        return self._call(
            operations.LIST_AUDIT_RECORDS,
            query={"limit": limit, "cursor": cursor, "action": action, "target_id": target_id},
            timeout=timeout,
        )

    def iter_audit_records(
        self,
        *,
        limit: int | Omit = OMIT,
        action: str | Omit = OMIT,
        target_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> Iterator[AuditRecord]:
        """All items of `list_audit_records`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_AUDIT_RECORDS,
                query={"limit": limit, "action": action, "target_id": target_id, **page},
                timeout=timeout,
            )
        )

    def list_bot_rules(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> BotRulesPage:
        """Bot rules, oldest first.

        Permission `bot_rules.manage`: admin."""
        return self._call(
            operations.LIST_BOT_RULES, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_bot_rules(self, *, limit: int | Omit = OMIT, timeout: float | None = None) -> Iterator[BotRule]:
        """All items of `list_bot_rules`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_BOT_RULES, query={"limit": limit, **page}, timeout=timeout
            )
        )

    def list_canned_responses(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        category: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> CannedResponsesPage:
        """Canned responses, oldest first.

        Permission `canned.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_CANNED_RESPONSES,
            query={"limit": limit, "cursor": cursor, "category": category, "q": q},
            timeout=timeout,
        )

    def iter_canned_responses(
        self,
        *,
        limit: int | Omit = OMIT,
        category: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> Iterator[CannedResponse]:
        """All items of `list_canned_responses`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_CANNED_RESPONSES,
                query={"limit": limit, "category": category, "q": q, **page},
                timeout=timeout,
            )
        )

    def list_channels(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> ChannelsPage:
        """Channels, oldest first.

        Permission `channels.manage`: admin."""
        return self._call(operations.LIST_CHANNELS, query={"limit": limit, "cursor": cursor}, timeout=timeout)

    def iter_channels(self, *, limit: int | Omit = OMIT, timeout: float | None = None) -> Iterator[Channel]:
        """All items of `list_channels`, page by page."""
        return by_cursor(
            lambda page: self._call(operations.LIST_CHANNELS, query={"limit": limit, **page}, timeout=timeout)
        )

    def list_contact_identifiers(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        contact_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactIdentifiersPage:
        """Contact identifiers, oldest first.

        Permission `contacts.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_CONTACT_IDENTIFIERS,
            query={"limit": limit, "cursor": cursor, "contact_id": contact_id},
            timeout=timeout,
        )

    def iter_contact_identifiers(
        self, *, limit: int | Omit = OMIT, contact_id: str | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[ContactIdentifier]:
        """All items of `list_contact_identifiers`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_CONTACT_IDENTIFIERS,
                query={"limit": limit, "contact_id": contact_id, **page},
                timeout=timeout,
            )
        )

    def list_contacts(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        q: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactsPage:
        """Contacts, newest first.

        Permission `contacts.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_CONTACTS, query={"limit": limit, "cursor": cursor, "q": q}, timeout=timeout
        )

    def iter_contacts(
        self, *, limit: int | Omit = OMIT, q: str | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[Contact]:
        """All items of `list_contacts`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_CONTACTS, query={"limit": limit, "q": q, **page}, timeout=timeout
            )
        )

    def list_conversations(
        self,
        *,
        status: list[ConversationStatus] | Omit = OMIT,
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
    ) -> ConversationsPage:
        """The account's conversations.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_CONVERSATIONS,
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

    def iter_conversations(
        self,
        *,
        status: list[ConversationStatus] | Omit = OMIT,
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
    ) -> Iterator[Conversation]:
        """All items of `list_conversations`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_CONVERSATIONS,
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

    def list_deliveries(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        status: Literal["delivered", "failed", "queued", "read", "sent"] | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> DeliveriesPage:
        """Deliveries to providers, newest first.

        Permission `reports.read`: lead, admin, service."""
        return self._call(
            operations.LIST_DELIVERIES,
            query={"limit": limit, "cursor": cursor, "status": status, "channel_id": channel_id},
            timeout=timeout,
        )

    def iter_deliveries(
        self,
        *,
        limit: int | Omit = OMIT,
        status: Literal["delivered", "failed", "queued", "read", "sent"] | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> Iterator[Delivery]:
        """All items of `list_deliveries`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_DELIVERIES,
                query={"limit": limit, "status": status, "channel_id": channel_id, **page},
                timeout=timeout,
            )
        )

    def list_demo_agents(self, *, timeout: float | None = None) -> DemoAgents:
        """The demo's agents; none outside the demo.

        No token is needed."""
        return self._call(operations.LIST_DEMO_AGENTS, timeout=timeout)

    def list_drafts(self, id: str, *, timeout: float | None = None) -> Drafts:
        """Agents' drafts in a conversation.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.LIST_DRAFTS, (id,), timeout=timeout)

    def list_entries(
        self, id: str, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> EntriesPage:
        """Every entry, oldest first.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(
            operations.LIST_ENTRIES, (id,), query={"limit": limit, "after_seq": after_seq}, timeout=timeout
        )

    def iter_entries(
        self, id: str, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[Entry]:
        """All items of `list_entries`, page by page."""
        return by_seq(
            lambda page: self._call(
                operations.LIST_ENTRIES, (id,), query={"limit": limit, **page}, timeout=timeout
            ),
            after_seq,
        )

    def list_event_deliveries(
        self,
        id: str,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        status: Literal["delivered", "delivering", "failed", "pending"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> EventDeliveriesPage:
        """Deliveries, newest first.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.LIST_EVENT_DELIVERIES,
            (id,),
            query={"limit": limit, "cursor": cursor, "status": status},
            timeout=timeout,
        )

    def iter_event_deliveries(
        self,
        id: str,
        *,
        limit: int | Omit = OMIT,
        status: Literal["delivered", "delivering", "failed", "pending"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> Iterator[EventDelivery]:
        """All items of `list_event_deliveries`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_EVENT_DELIVERIES,
                (id,),
                query={"limit": limit, "status": status, **page},
                timeout=timeout,
            )
        )

    def list_event_webhooks(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> EventWebhooksPage:
        """Event webhooks, oldest first.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.LIST_EVENT_WEBHOOKS, query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_event_webhooks(
        self, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[EventWebhook]:
        """All items of `list_event_webhooks`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_EVENT_WEBHOOKS, query={"limit": limit, **page}, timeout=timeout
            )
        )

    def list_inbound_failures(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | Omit = OMIT,
        channel_id: str | Omit = OMIT,
        timeout: float | None = None,
    ) -> InboundFailuresPage:
        """Payloads that could not be processed, newest first.

        Permission `channels.manage`: admin."""
        return self._call(
            operations.LIST_INBOUND_FAILURES,
            query={"limit": limit, "cursor": cursor, "channel_id": channel_id},
            timeout=timeout,
        )

    def iter_inbound_failures(
        self, *, limit: int | Omit = OMIT, channel_id: str | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[InboundFailure]:
        """All items of `list_inbound_failures`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_INBOUND_FAILURES,
                query={"limit": limit, "channel_id": channel_id, **page},
                timeout=timeout,
            )
        )

    def list_labels(self, *, timeout: float | None = None) -> LabelList:
        """Labels of the newest 10,000 conversations, most used first, at most 1,000.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.LIST_LABELS, timeout=timeout)

    def list_messages(
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
        return self._call(
            operations.LIST_MESSAGES,
            (id,),
            query={"limit": limit, "before_seq": before_seq, "after_seq": after_seq},
            timeout=timeout,
        )

    def iter_messages(
        self, id: str, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[Message]:
        """All items of `list_messages`, page by page."""
        return by_seq(
            lambda page: self._call(
                operations.LIST_MESSAGES, (id,), query={"limit": limit, **page}, timeout=timeout
            ),
            after_seq,
        )

    def list_metrics_targets(self, *, timeout: float | None = None) -> list[MetricsTarget]:
        """Where each process serves its own metrics.

        For Prometheus's HTTP service discovery. Processes that died are listed for a day, so that they are seen to be down. No token is needed."""
        return self._call(operations.LIST_METRICS_TARGETS, timeout=timeout)

    def list_queue(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> QueuePage:
        """Waiting conversations, in order.

        Permission `queue.read`: lead, admin, service."""
        return self._call(operations.LIST_QUEUE, query={"limit": limit, "cursor": cursor}, timeout=timeout)

    def iter_queue(self, *, limit: int | Omit = OMIT, timeout: float | None = None) -> Iterator[QueueItem]:
        """All items of `list_queue`, page by page."""
        return by_cursor(
            lambda page: self._call(operations.LIST_QUEUE, query={"limit": limit, **page}, timeout=timeout)
        )

    def list_routing_entries(
        self,
        *,
        after: int | Omit = OMIT,
        at: str | Omit = OMIT,
        limit: int | Omit = OMIT,
        timeout: float | None = None,
    ) -> RoutingEntries:
        """The routing journal: the inputs of routing, in order.

        Permission `reports.read`: lead, admin, service."""
        return self._call(
            operations.LIST_ROUTING_ENTRIES, query={"after": after, "at": at, "limit": limit}, timeout=timeout
        )

    def list_sla_clocks(
        self, *, conversation_id: list[str] | Omit = OMIT, timeout: float | None = None
    ) -> SlaClockList:
        """When replies and resolutions are due, by conversation.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_SLA_CLOCKS, query={"conversation_id": conversation_id}, timeout=timeout
        )

    def list_suggestions(self, id: str, *, timeout: float | None = None) -> Suggestions:
        """A conversation's suggestions.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(operations.LIST_SUGGESTIONS, (id,), timeout=timeout)

    def list_team_members(
        self, id: str, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> TeamMembersPage:
        """A team's members, in the order they joined.

        Permission `teams.read`: agent, lead, admin, service."""
        return self._call(
            operations.LIST_TEAM_MEMBERS, (id,), query={"limit": limit, "cursor": cursor}, timeout=timeout
        )

    def iter_team_members(
        self, id: str, *, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[TeamMember]:
        """All items of `list_team_members`, page by page."""
        return by_cursor(
            lambda page: self._call(
                operations.LIST_TEAM_MEMBERS, (id,), query={"limit": limit, **page}, timeout=timeout
            )
        )

    def list_teams(
        self, *, limit: int | Omit = OMIT, cursor: str | Omit = OMIT, timeout: float | None = None
    ) -> TeamsPage:
        """Teams, oldest first.

        Permission `teams.read`: agent, lead, admin, service."""
        return self._call(operations.LIST_TEAMS, query={"limit": limit, "cursor": cursor}, timeout=timeout)

    def iter_teams(self, *, limit: int | Omit = OMIT, timeout: float | None = None) -> Iterator[Team]:
        """All items of `list_teams`, page by page."""
        return by_cursor(
            lambda page: self._call(operations.LIST_TEAMS, query={"limit": limit, **page}, timeout=timeout)
        )

    def list_webchat_messages(
        self,
        *,
        limit: int | Omit = OMIT,
        before_seq: int | Omit = OMIT,
        after_seq: int | Omit = OMIT,
        timeout: float | None = None,
    ) -> MessagesPage:
        """The customer's newest conversation, oldest message first.

        Permission `webchat.read`: customer."""
        return self._call(
            operations.LIST_WEBCHAT_MESSAGES,
            query={"limit": limit, "before_seq": before_seq, "after_seq": after_seq},
            timeout=timeout,
        )

    def iter_webchat_messages(
        self, *, limit: int | Omit = OMIT, after_seq: int | Omit = OMIT, timeout: float | None = None
    ) -> Iterator[Message]:
        """All items of `list_webchat_messages`, page by page."""
        return by_seq(
            lambda page: self._call(
                operations.LIST_WEBCHAT_MESSAGES, query={"limit": limit, **page}, timeout=timeout
            ),
            after_seq,
        )

    def mark_read(self, id: str, *, seq: int, timeout: float | None = None) -> Conversation:
        """Move the read marker.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.MARK_READ, (id,), body={"seq": seq}, timeout=timeout)

    def merge_contact(self, id: str, *, into: str, timeout: float | None = None) -> Contact:
        """Merge a contact into another one, which is returned.

        Permission `contacts.merge`: lead, admin, service."""
        return self._call(operations.MERGE_CONTACT, (id,), body={"into": into}, timeout=timeout)

    def rate_conversation(
        self, id: str, *, score: int, comment: str | Omit | None = OMIT, timeout: float | None = None
    ) -> Conversation:
        """Submit the customer's rating, once per resolution.

        Permission `csat.write`: service, customer."""
        return self._call(
            operations.RATE_CONVERSATION, (id,), body={"score": score, "comment": comment}, timeout=timeout
        )

    def receive_provider_call(
        self,
        channel_type: str,
        channel_id: str,
        *,
        content: Upload,
        content_type: str,
        timeout: float | None = None,
    ) -> str:
        """A provider's webhook call, with the provider's own signature.

        No token is needed."""
        return self._call(
            operations.RECEIVE_PROVIDER_CALL,
            (
                channel_type,
                channel_id,
            ),
            upload=content,
            headers={"Content-Type": content_type},
            timeout=timeout,
        )

    def reject_suggestion(
        self, id: str, suggestion_id: str, *, reason: str | Omit | None = OMIT, timeout: float | None = None
    ) -> Suggestion:
        """Reject a suggestion.

        Permission `suggestions.use`: agent, lead, admin, service."""
        return self._call(
            operations.REJECT_SUGGESTION,
            (
                id,
                suggestion_id,
            ),
            body={"reason": reason},
            timeout=timeout,
        )

    def release_conversation(self, id: str, *, timeout: float | None = None) -> Conversation:
        """Return it to the queue.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(operations.RELEASE_CONVERSATION, (id,), timeout=timeout)

    def remove_agent(self, user_id: str, *, timeout: float | None = None) -> None:
        """Remove an agent who holds no conversation.

        Signs the agent off, and deletes their preferences, team memberships and drafts. What they wrote and did stays, with their id. A token that is used later makes them an agent again, with default preferences. 409 names conversations that are assigned to them. Permission `agents.remove`: admin."""
        return self._call(operations.REMOVE_AGENT, (user_id,), timeout=timeout)

    def remove_team_member(self, id: str, user_id: str, *, timeout: float | None = None) -> None:
        """Remove a member from a team.

        Permission `teams.manage`: lead, admin."""
        return self._call(
            operations.REMOVE_TEAM_MEMBER,
            (
                id,
                user_id,
            ),
            timeout=timeout,
        )

    def render_canned_response(
        self, id: str, *, conversation_id: str, timeout: float | None = None
    ) -> RenderedResponse:
        """Render the text for a conversation.

        Permission `canned.read`: agent, lead, admin, service."""
        return self._call(
            operations.RENDER_CANNED_RESPONSE,
            (id,),
            body={"conversation_id": conversation_id},
            timeout=timeout,
        )

    def replay_event_delivery(
        self, id: str, delivery_id: str, *, timeout: float | None = None
    ) -> EventDelivery:
        """Send an event again.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.REPLAY_EVENT_DELIVERY,
            (
                id,
                delivery_id,
            ),
            timeout=timeout,
        )

    def replay_failed_event_deliveries(
        self, id: str, *, since: str, timeout: float | None = None
    ) -> EventReplay:
        """Resend deliveries that failed since a time.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.REPLAY_FAILED_EVENT_DELIVERIES, (id,), body={"since": since}, timeout=timeout
        )

    def replay_inbound_failure(self, id: str, *, timeout: float | None = None) -> InboundReplay:
        """Process it again.

        Permission `channels.manage`: admin."""
        return self._call(operations.REPLAY_INBOUND_FAILURE, (id,), timeout=timeout)

    def request_handoff(
        self, id: str, *, reason: str, agent_id: str | Omit | None = OMIT, timeout: float | None = None
    ) -> Conversation:
        """Request a human agent.

        Permission `conversation.handoff`: agent, lead, admin, service."""
        return self._call(
            operations.REQUEST_HANDOFF, (id,), body={"reason": reason, "agent_id": agent_id}, timeout=timeout
        )

    def retry_delivery(self, message_id: str, *, timeout: float | None = None) -> Delivery:
        """Resend a message that could not be delivered.

        Permission `deliveries.retry`: agent, lead, admin, service."""
        return self._call(operations.RETRY_DELIVERY, (message_id,), timeout=timeout)

    def rotate_event_webhook_secret(self, id: str, *, timeout: float | None = None) -> EventWebhookWithSecret:
        """Create a new secret, shown once; the old one also signs for 24 hours.

        Permission `event_webhooks.manage`: admin."""
        return self._call(operations.ROTATE_EVENT_WEBHOOK_SECRET, (id,), timeout=timeout)

    def search_articles(
        self,
        *,
        q: str,
        visibility: Literal["internal", "public"] | Omit = OMIT,
        limit: int | Omit = OMIT,
        timeout: float | None = None,
    ) -> Passages:
        """Passages that answer a question, found by words and by vectors.

        Permission `articles.read`: agent, lead, admin, service."""
        return self._call(
            operations.SEARCH_ARTICLES,
            query={"q": q, "visibility": visibility, "limit": limit},
            timeout=timeout,
        )

    def search_public_articles(
        self, *, q: str, limit: int | Omit = OMIT, timeout: float | None = None
    ) -> PublicPassages:
        """Passages of public articles that answer a customer's question.

        Permission `webchat.read`: customer."""
        return self._call(operations.SEARCH_PUBLIC_ARTICLES, query={"q": q, "limit": limit}, timeout=timeout)

    def set_my_presence(
        self, *, status: Literal["away", "offline", "online"], timeout: float | None = None
    ) -> Presence:
        """Set one's own presence.

        Permission `me`: agent, lead, admin."""
        return self._call(operations.SET_MY_PRESENCE, body={"status": status}, timeout=timeout)

    def set_typing(self, id: str, *, state: Literal["start", "stop"], timeout: float | None = None) -> None:
        """Show or hide a typing indicator.

        Permission `conversation.read`: agent, lead, admin, service, customer."""
        return self._call(operations.SET_TYPING, (id,), body={"state": state}, timeout=timeout)

    def show_viewing(self, id: str, *, state: Literal["start", "stop"], timeout: float | None = None) -> None:
        """Show colleagues that one has it open; customers never see this.

        Permission `me`: agent, lead, admin."""
        return self._call(operations.SHOW_VIEWING, (id,), body={"state": state}, timeout=timeout)

    def sign_in_to_demo(self, *, user_id: str, timeout: float | None = None) -> DemoToken:
        """Sign in as one of the demo's agents.

        No token is needed."""
        return self._call(operations.SIGN_IN_TO_DEMO, body={"user_id": user_id}, timeout=timeout)

    def sync_add_agent_message(
        self,
        session_id: str,
        *,
        role: Literal["bot", "user"],
        content: str,
        metadata: dict[str, Any] | Omit | None = OMIT,
        sub_domain: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> SyncEnvelope:
        """Add a message.

        Permission `message.as_any_sender`: service."""
        return self._call(
            operations.SYNC_ADD_AGENT_MESSAGE,
            (session_id,),
            body={"role": role, "content": content, "metadata": metadata, "subDomain": sub_domain},
            timeout=timeout,
        )

    def sync_add_message(
        self,
        session_id: str,
        *,
        role: Literal["bot", "user"],
        content: str,
        metadata: dict[str, Any] | Omit | None = OMIT,
        sub_domain: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> SyncEnvelope:
        """Add a message (legacy).

        Permission `message.as_any_sender`: service."""
        return self._call(
            operations.SYNC_ADD_MESSAGE,
            (session_id,),
            body={"role": role, "content": content, "metadata": metadata, "subDomain": sub_domain},
            timeout=timeout,
        )

    def sync_create_conversation(
        self,
        *,
        user_id: str,
        sub_domain: str | Omit | None = OMIT,
        local_id: str | Omit | None = OMIT,
        bot_id: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> SyncEnvelope:
        """The customer's live conversation, or a new one (legacy).

        Permission `message.as_any_sender`: service."""
        return self._call(
            operations.SYNC_CREATE_CONVERSATION,
            body={"userId": user_id, "subDomain": sub_domain, "localId": local_id, "botId": bot_id},
            timeout=timeout,
        )

    def sync_from_agent(
        self,
        session_id: str,
        *,
        intent: str | Omit | None = OMIT,
        step: str | Omit | None = OMIT,
        context: dict[str, Any] | Omit | None = OMIT,
        metadata: dict[str, Any] | Omit | None = OMIT,
        sub_domain: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> SyncEnvelope:
        """Sync an agent's state.

        Permission `message.as_any_sender`: service."""
        return self._call(
            operations.SYNC_FROM_AGENT,
            (session_id,),
            body={
                "intent": intent,
                "step": step,
                "context": context,
                "metadata": metadata,
                "subDomain": sub_domain,
            },
            timeout=timeout,
        )

    def sync_get_conversation(self, session_id: str, *, timeout: float | None = None) -> SyncEnvelope:
        """One conversation (legacy).

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.SYNC_GET_CONVERSATION, (session_id,), timeout=timeout)

    def sync_health(self, *, timeout: float | None = None) -> SyncEnvelope:
        """Health of the sync service.

        No token is needed."""
        return self._call(operations.SYNC_HEALTH, timeout=timeout)

    def sync_look_up_conversation(self, phone_number: str, *, timeout: float | None = None) -> SyncEnvelope:
        """The conversation of a phone number.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.SYNC_LOOK_UP_CONVERSATION, (phone_number,), timeout=timeout)

    def sync_look_up_tenant(self, phone_number: str, *, timeout: float | None = None) -> SyncEnvelope:
        """The tenant and session of a phone number.

        Permission `inbox.read`: agent, lead, admin, service."""
        return self._call(operations.SYNC_LOOK_UP_TENANT, (phone_number,), timeout=timeout)

    def sync_update_context(
        self,
        session_id: str,
        *,
        context: dict[str, Any],
        sub_domain: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> SyncEnvelope:
        """Merge into the context (legacy).

        Permission `message.as_any_sender`: service."""
        return self._call(
            operations.SYNC_UPDATE_CONTEXT,
            (session_id,),
            body={"context": context, "subDomain": sub_domain},
            timeout=timeout,
        )

    def sync_update_intent(
        self,
        session_id: str,
        *,
        intent: str,
        step: str | Omit | None = OMIT,
        sub_domain: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> SyncEnvelope:
        """Update intent and step (legacy).

        Permission `message.as_any_sender`: service."""
        return self._call(
            operations.SYNC_UPDATE_INTENT,
            (session_id,),
            body={"intent": intent, "step": step, "subDomain": sub_domain},
            timeout=timeout,
        )

    def test_bot_rules(
        self,
        *,
        content: str,
        channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"],
        at: str | Omit | None = OMIT,
        language: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> BotRuleTestResult:
        """Try the rules on a message; nothing is stored.

        Permission `bot_rules.manage`: admin."""
        return self._call(
            operations.TEST_BOT_RULES,
            body={"content": content, "channel_type": channel_type, "at": at, "language": language},
            timeout=timeout,
        )

    def test_event_webhook(self, id: str, *, timeout: float | None = None) -> EventWebhookTest:
        """Send a ping now, and return the response.

        Permission `event_webhooks.manage`: admin."""
        return self._call(operations.TEST_EVENT_WEBHOOK, (id,), timeout=timeout)

    def update_account(
        self,
        *,
        name: str | Omit = OMIT,
        settings: AccountSettingsPatch | Omit = OMIT,
        timeout: float | None = None,
    ) -> Account:
        """Change the account's name and settings.

        Permission `account.manage`: admin."""
        return self._call(
            operations.UPDATE_ACCOUNT, body={"name": name, "settings": settings}, timeout=timeout
        )

    def update_agent_preferences(
        self,
        user_id: str,
        *,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_hours: AvailableHours | Omit | None = OMIT,
        languages: list[str] | Omit = OMIT,
        max_concurrent_conversations: int | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        auto_accept: bool | Omit = OMIT,
        notification_preferences: NotificationPreferencesPatch | Omit = OMIT,
        timeout: float | None = None,
    ) -> AgentPreferences:
        """Change an agent's preferences.

        Permission `agents.manage`: lead, admin."""
        return self._call(
            operations.UPDATE_AGENT_PREFERENCES,
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

    def update_article(
        self,
        id: str,
        *,
        title: str | Omit = OMIT,
        body: str | Omit = OMIT,
        language: str | Omit | None = OMIT,
        visibility: Literal["internal", "public"] | Omit = OMIT,
        timeout: float | None = None,
    ) -> Article:
        """Change an article, which makes a new version.

        Permission `articles.manage`: lead, admin."""
        return self._call(
            operations.UPDATE_ARTICLE,
            (id,),
            body={"title": title, "body": body, "language": language, "visibility": visibility},
            timeout=timeout,
        )

    def update_bot_rule(
        self,
        id: str,
        *,
        name: str | Omit = OMIT,
        trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]
        | Omit = OMIT,
        priority: int | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        conditions: BotRuleConditions | Omit = OMIT,
        actions: BotRuleActions | Omit = OMIT,
        timeout: float | None = None,
    ) -> BotRule:
        """Change a bot rule.

        Permission `bot_rules.manage`: admin."""
        return self._call(
            operations.UPDATE_BOT_RULE,
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

    def update_canned_response(
        self,
        id: str,
        *,
        short_code: str | Omit = OMIT,
        title: str | Omit = OMIT,
        content: str | Omit = OMIT,
        category: str | Omit | None = OMIT,
        actions: MacroActions | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> CannedResponse:
        """Change a canned response.

        Permission `canned.manage`: lead, admin."""
        return self._call(
            operations.UPDATE_CANNED_RESPONSE,
            (id,),
            body={
                "short_code": short_code,
                "title": title,
                "content": content,
                "category": category,
                "actions": actions,
            },
            timeout=timeout,
        )

    def update_channel(
        self,
        id: str,
        *,
        name: str | Omit = OMIT,
        config: dict[str, Any] | Omit = OMIT,
        credentials: dict[str, str] | Omit = OMIT,
        is_active: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> Channel:
        """Change a channel, switch it on or off.

        Permission `channels.manage`: admin."""
        return self._call(
            operations.UPDATE_CHANNEL,
            (id,),
            body={"name": name, "config": config, "credentials": credentials, "is_active": is_active},
            timeout=timeout,
        )

    def update_contact(
        self,
        id: str,
        *,
        name: str | Omit | None = OMIT,
        attributes: dict[str, Any] | Omit = OMIT,
        timeout: float | None = None,
    ) -> Contact:
        """Change a contact.

        Permission `contacts.write`: agent, lead, admin, service."""
        return self._call(
            operations.UPDATE_CONTACT, (id,), body={"name": name, "attributes": attributes}, timeout=timeout
        )

    def update_contact_identifier(
        self,
        id: str,
        *,
        contact_id: str | Omit = OMIT,
        display_name: str | Omit | None = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        timeout: float | None = None,
    ) -> ContactIdentifier:
        """Change a contact identifier.

        Permission `contacts.write`: agent, lead, admin, service."""
        return self._call(
            operations.UPDATE_CONTACT_IDENTIFIER,
            (id,),
            body={"contact_id": contact_id, "display_name": display_name, "metadata": metadata},
            timeout=timeout,
        )

    def update_conversation(
        self,
        id: str,
        *,
        status: ConversationStatus | Omit = OMIT,
        assignee_id: str | Omit | None = OMIT,
        team_id: str | Omit | None = OMIT,
        priority: Literal["high", "low", "normal", "urgent"] | Omit = OMIT,
        labels: list[str] | Omit = OMIT,
        subject: str | Omit | None = OMIT,
        metadata: dict[str, Any] | Omit = OMIT,
        snoozed_until: str | Omit | None = OMIT,
        archived: bool | Omit = OMIT,
        timeout: float | None = None,
    ) -> Conversation:
        """Change a conversation.

        Permission `conversation.update`: agent, lead, admin, service."""
        return self._call(
            operations.UPDATE_CONVERSATION,
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

    def update_event_webhook(
        self,
        id: str,
        *,
        url: str | Omit = OMIT,
        description: str | Omit | None = OMIT,
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
    ) -> EventWebhook:
        """Change an event webhook, switch it on or off.

        Permission `event_webhooks.manage`: admin."""
        return self._call(
            operations.UPDATE_EVENT_WEBHOOK,
            (id,),
            body={"url": url, "description": description, "event_types": event_types, "is_active": is_active},
            timeout=timeout,
        )

    def update_my_inbox_preferences(
        self,
        *,
        filters: dict[str, SavedFilter | None] | Omit = OMIT,
        shortcuts: dict[str, str | None] | Omit = OMIT,
        timeout: float | None = None,
    ) -> InboxPreferences:
        """Save or delete one's own filters and shortcuts.

        Permission `me`: agent, lead, admin."""
        return self._call(
            operations.UPDATE_MY_INBOX_PREFERENCES,
            body={"filters": filters, "shortcuts": shortcuts},
            timeout=timeout,
        )

    def update_my_preferences(
        self,
        *,
        available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
        | Omit = OMIT,
        available_topics: list[str] | Omit = OMIT,
        available_hours: AvailableHours | Omit | None = OMIT,
        languages: list[str] | Omit = OMIT,
        max_concurrent_conversations: int | Omit = OMIT,
        is_available: bool | Omit = OMIT,
        auto_accept: bool | Omit = OMIT,
        notification_preferences: NotificationPreferencesPatch | Omit = OMIT,
        timeout: float | None = None,
    ) -> AgentPreferences:
        """Change one's own preferences.

        Permission `me`: agent, lead, admin."""
        return self._call(
            operations.UPDATE_MY_PREFERENCES,
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

    def update_team(
        self,
        id: str,
        *,
        name: str | Omit = OMIT,
        description: str | Omit | None = OMIT,
        timeout: float | None = None,
    ) -> Team:
        """Change a team.

        Permission `teams.manage`: lead, admin."""
        return self._call(
            operations.UPDATE_TEAM, (id,), body={"name": name, "description": description}, timeout=timeout
        )

    def upload_attachment(
        self, *, content: Upload, content_type: str, name: str | Omit = OMIT, timeout: float | None = None
    ) -> UploadedAttachment:
        """Upload a file for use in a message.

        Permission `message.write`: agent, lead, admin, service, customer."""
        return self._call(
            operations.UPLOAD_ATTACHMENT,
            query={"name": name},
            upload=content,
            headers={"Content-Type": content_type},
            timeout=timeout,
        )

    def verify_provider_webhook(
        self, channel_type: str, channel_id: str, *, timeout: float | None = None
    ) -> str:
        """A provider verifies the webhook address.

        No token is needed."""
        return self._call(
            operations.VERIFY_PROVIDER_WEBHOOK,
            (
                channel_type,
                channel_id,
            ),
            timeout=timeout,
        )
