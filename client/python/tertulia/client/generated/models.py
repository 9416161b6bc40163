"""The objects of the API. Generated from the server's OpenAPI document by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

ConversationStatus = Literal["assigned", "bot", "closed", "expired", "open", "pending", "resolved"]


class Account(TypedDict):
    """`settings`: in force, including defaults."""

    id: str
    name: str
    settings: AccountSettings
    created_at: str
    updated_at: str


class AccountPatch(TypedDict):
    """`settings` are merged key by key; null resets a key to its default."""

    name: NotRequired[str]
    settings: NotRequired[AccountSettings]


class AccountSettings(TypedDict):
    """`handoff_keywords`: words and phrases by which a customer asks for a human, regardless of case and accents.
    `handoff_sentiment`: the bot hands over on an English message with a sentiment (-1 to 1) below this; -1: never.
    `csat_question`: sent to the customer after a resolution if `csat_enabled`; a reply that is only a digit from 1 to 5 is the
    score."""

    timezone: NotRequired[str]
    """IANA name"""
    business_hours: NotRequired[BusinessHours]
    handoff_keywords: NotRequired[list[str]]
    handoff_sentiment: NotRequired[float]
    offer_timeout_s: NotRequired[int]
    presence_grace_s: NotRequired[int]
    expiry_hours: NotRequired[int]
    auto_close_hours: NotRequired[int]
    retention_days: NotRequired[int]
    csat_enabled: NotRequired[bool]
    csat_question: NotRequired[str]
    sla: NotRequired[SlaSettings]
    routing: NotRequired[RoutingSettings]
    sub_domain: NotRequired[str | None]


class Actor(TypedDict):
    type: str
    id: str | None


class Agent(TypedDict):
    """`active`: conversations held, of at most `maximum`; `last_seen`: when presence was last renewed."""

    user_id: str
    name: str | None
    status: Literal["away", "offline", "online"]
    active: int
    maximum: int
    is_available: bool
    last_seen: str | None


class AgentList(TypedDict):
    items: list[Agent]


class AgentPreferences(TypedDict):
    """Empty lists and no hours mean any."""

    id: str
    user_id: str
    available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    available_topics: list[str]
    available_hours: AvailableHours | None
    languages: list[str]
    max_concurrent_conversations: int
    is_available: bool
    auto_accept: bool
    notification_preferences: NotificationPreferences
    created_at: str
    updated_at: str


class AgentPreferencesPage(TypedDict):
    items: list[AgentPreferences]
    next_cursor: str | None


class AgentPreferencesPatch(TypedDict):
    """Only given fields change. Empty lists, and null or an empty schedule for the hours, mean any."""

    available_channels: NotRequired[
        list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    ]
    available_topics: NotRequired[list[str]]
    available_hours: NotRequired[AvailableHours | None]
    languages: NotRequired[list[str]]
    max_concurrent_conversations: NotRequired[int]
    is_available: NotRequired[bool]
    auto_accept: NotRequired[bool]
    notification_preferences: NotRequired[NotificationPreferencesPatch]


AgentStats = TypedDict(
    "AgentStats",
    {
        "from": "str",
        "to": "str",
        "user_id": "str",
        "assigned": "int",
        "resolved": "int",
        "messages": "int",
        "first_reply": "DurationFigures",
        "csat": "CsatFigures",
    },
)
"""An agent's figures for a period. `assigned`: how often the agent received a conversation; `resolved`: conversations resolved in
    the period that were and still are theirs; `messages`: without notes; `first_reply`: of conversations that the agent answered
    first; `csat`: of conversations that the agent held last before the score."""


class AiFigures(TypedDict):
    """`bot_message_share`: of all outbound messages."""

    bot_messages: int
    bot_message_share: float | None
    handoffs: int


class ApiClient(TypedDict):
    client_id: str
    name: str
    created_at: str
    last_used_at: str | None


class ApiClientWithSecret(TypedDict):
    """Returned by creation only, as no other response contains the secret."""

    client_id: str
    client_secret: str
    name: str
    created_at: str


class ApiClientsPage(TypedDict):
    items: list[ApiClient]
    next_cursor: str | None


class Assignment(TypedDict):
    """The time for which an agent held a conversation."""

    id: str
    agent_id: str
    previous_agent_id: str | None
    by: str
    assigned_at: str
    ended_at: str | None
    explain: dict[str, Any] | None


class AssignmentList(TypedDict):
    items: list[Assignment]


class AssignmentRequest(TypedDict):
    agent_id: NotRequired[str | None]
    team_id: NotRequired[str | None]
    strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]


class Attachment(TypedDict):
    """A file of a message; `size` in bytes."""

    url: str
    name: NotRequired[str | None]
    content_type: NotRequired[str | None]
    size: NotRequired[int | None]


class AttachmentLink(TypedDict):
    """`url` works without a token until `expires_at`."""

    url: str
    expires_at: str


class AuditRecord(TypedDict):
    id: str
    at: str
    actor_type: str
    actor_id: str | None
    action: str
    target_type: str | None
    target_id: str | None
    details: dict[str, Any]


class AuditRecordsPage(TypedDict):
    items: list[AuditRecord]
    next_cursor: str | None


class AvailableHours(TypedDict):
    """When an agent takes conversations, in the agent's own time zone. An empty schedule means any time."""

    timezone: str
    """IANA name"""
    schedule: NotRequired[list[OpeningHours]]


class BotRule(TypedDict):
    id: str
    name: str
    priority: int
    is_active: bool
    trigger_type: str
    conditions: dict[str, Any]
    actions: dict[str, Any]
    created_at: str
    updated_at: str


class BotRuleActions(TypedDict):
    reply_template_id: NotRequired[str | None]
    reply_text: NotRequired[str | None]
    assign_team_id: NotRequired[str | None]
    assign_strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]
    set_labels: NotRequired[list[str]]
    set_priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    collect_info: NotRequired[list[str]]


class BotRuleConditions(TypedDict):
    """All given conditions must hold. `match_mode`: any or all of the keywords."""

    keywords: NotRequired[list[str]]
    match_mode: NotRequired[Literal["all", "any"]]
    channels: NotRequired[list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]]
    languages: NotRequired[list[str]]
    time_range: NotRequired[TimeRange | None]
    intent: NotRequired[str | None]
    confidence_min: NotRequired[float | None]


class BotRulePatch(TypedDict):
    """`conditions` and `actions` are replaced as a whole."""

    name: NotRequired[str]
    trigger_type: NotRequired[Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]]
    priority: NotRequired[int]
    """Lower is tried first; of equal ones, the older"""
    is_active: NotRequired[bool]
    conditions: NotRequired[BotRuleConditions]
    actions: NotRequired[BotRuleActions]


class BotRuleTest(TypedDict):
    """A customer's first message. `at`: its time, RFC 3339, by default now. `language`: by default detected, if rules or agents
    depend on it. The classifier is asked as for a real message."""

    content: str
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    at: NotRequired[str | None]
    language: NotRequired[str | None]


class BotRuleTestResult(TypedDict):
    """Every active rule in order of evaluation, and the actions of the first one that matches; their `handoff` says why a human
    would take over."""

    rules: list[BotRuleVerdict]
    actions: dict[str, Any]


class BotRuleVerdict(TypedDict):
    rule_id: str
    name: str
    matched: bool
    reasons: list[str]
    faulty: bool


class BotRulesPage(TypedDict):
    items: list[BotRule]
    next_cursor: str | None


class BusinessHours(TypedDict):
    """An empty schedule means always open."""

    schedule: NotRequired[list[OpeningHours]]


class CannedResponse(TypedDict):
    """`content` may contain `{{contact_name}}`, `{{agent_name}}` and `{{conversation_id}}`."""

    id: str
    account_id: str
    short_code: str
    title: str
    content: str
    category: str | None
    created_by: str | None
    created_at: str
    updated_at: str


class CannedResponsePatch(TypedDict):
    short_code: NotRequired[str]
    """Without spaces, as `/refund`"""
    title: NotRequired[str]
    content: NotRequired[str]
    category: NotRequired[str | None]


class CannedResponsesPage(TypedDict):
    items: list[CannedResponse]
    next_cursor: str | None


class Channel(TypedDict):
    """`credential_fields`: names of the credentials that are set, never their values; null if the server's keys cannot decrypt
    them."""

    id: str
    account_id: str
    type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    name: str
    config: dict[str, Any]
    credential_fields: list[str] | None
    is_active: bool
    created_at: str
    updated_at: str


class ChannelPatch(TypedDict):
    name: NotRequired[str]
    config: NotRequired[dict[str, Any]]
    """`base_url` replaces the provider's; the rest is the channel's own"""
    credentials: NotRequired[dict[str, str]]
    """Write-only; field names depend on the type. They replace all earlier ones"""
    is_active: NotRequired[bool]


class ChannelsPage(TypedDict):
    items: list[Channel]
    next_cursor: str | None


class Contact(TypedDict):
    """`merged_into`: the contact that got its identifiers and conversations; from then on it does not change."""

    id: str
    account_id: str
    name: str | None
    attributes: dict[str, Any]
    merged_into: str | None
    identifiers: list[ContactIdentifier]
    created_at: str
    updated_at: str


class ContactExport(TypedDict):
    """Everything stored about a contact, including private notes."""

    exported_at: str
    contact: Contact
    conversations: list[ExportedConversation]


class ContactIdentifier(TypedDict):
    id: str
    contact_id: str
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    identifier: str
    display_name: str | None
    metadata: dict[str, Any]
    created_at: str
    updated_at: str


class ContactIdentifierPatch(TypedDict):
    """Moving an identifier to another contact moves its conversations as well."""

    contact_id: NotRequired[str]
    display_name: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]


class ContactIdentifiersPage(TypedDict):
    items: list[ContactIdentifier]
    next_cursor: str | None


class ContactPatch(TypedDict):
    """`attributes` are replaced as a whole. A new name is applied to the contact's conversations."""

    name: NotRequired[str | None]
    attributes: NotRequired[dict[str, Any]]


class ContactsPage(TypedDict):
    items: list[Contact]
    next_cursor: str | None


class Conversation(TypedDict):
    id: str
    account_id: str
    channel_id: str
    channel_type: str
    contact_id: str
    contact_identifier: str
    contact_name: str | None
    outlet_id: str | None
    status: ConversationStatus
    priority: Literal["high", "low", "normal", "urgent"]
    subject: str | None
    labels: list[str]
    assignee_id: str | None
    team_id: str | None
    handoff_requested: bool
    handoff_reason: str | None
    bot_context: dict[str, Any]
    metadata: dict[str, Any]
    seq: int
    unread_count: int
    queue_position: int | None
    first_reply_at: str | None
    last_message_at: str | None
    last_message_preview: str | None
    snoozed_until: str | None
    resolved_at: str | None
    archived_at: str | None
    created_at: str
    updated_at: str


class ConversationContext(TypedDict):
    items: list[Message]


class ConversationDetail(TypedDict):
    """A conversation with what `include` names: `messages` are the newest 50, oldest first."""

    id: str
    account_id: str
    channel_id: str
    channel_type: str
    contact_id: str
    contact_identifier: str
    contact_name: str | None
    outlet_id: str | None
    status: ConversationStatus
    priority: Literal["high", "low", "normal", "urgent"]
    subject: str | None
    labels: list[str]
    assignee_id: str | None
    team_id: str | None
    handoff_requested: bool
    handoff_reason: str | None
    bot_context: dict[str, Any]
    metadata: dict[str, Any]
    seq: int
    unread_count: int
    queue_position: int | None
    first_reply_at: str | None
    last_message_at: str | None
    last_message_preview: str | None
    snoozed_until: str | None
    resolved_at: str | None
    archived_at: str | None
    created_at: str
    updated_at: str
    messages: NotRequired[list[Message]]
    contact: NotRequired[IncludedContact | None]
    assignments: NotRequired[list[Assignment]]


class ConversationPatch(TypedDict):
    """`PATCH /v1/conversations/{id}`: only given fields change; null clears a nullable one."""

    status: NotRequired[ConversationStatus]
    assignee_id: NotRequired[str | None]
    team_id: NotRequired[str | None]
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    labels: NotRequired[list[str]]
    subject: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]
    snoozed_until: NotRequired[str | None]
    archived: NotRequired[bool]


class ConversationsPage(TypedDict):
    items: list[Conversation]
    next_cursor: str | None


class CsatFigures(TypedDict):
    """A conversation's last score in the period counts."""

    count: int
    average: float | None
    distribution: dict[str, int]


class DayVolume(TypedDict):
    """One day in UTC. Notes do not count as messages."""

    date: str
    conversations: int
    inbound: int
    outbound: int


class DeliveriesPage(TypedDict):
    items: list[Delivery]
    next_cursor: str | None


class Delivery(TypedDict):
    """`error`: `{code, detail}`, for a queued delivery that of the last try. `attempts`: tries so far."""

    message_id: str
    conversation_id: str
    channel_id: str
    seq: int
    status: Literal["delivered", "failed", "queued", "read", "sent"]
    attempts: int
    provider_id: str | None
    error: dict[str, Any] | None
    next_attempt_at: str | None
    created_at: str
    updated_at: str


class DurationFigures(TypedDict):
    """In seconds, for conversations created in the period."""

    count: int
    p50_s: float | None
    p90_s: float | None


class EntriesPage(TypedDict):
    items: list[Entry]
    has_more: bool


class Entry(TypedDict):
    seq: int
    kind: str
    at: str
    actor: Actor
    data: dict[str, Any]


class EventDeliveriesPage(TypedDict):
    items: list[EventDelivery]
    next_cursor: str | None


class EventDelivery(TypedDict):
    """`event_id` is sent as `webhook-id` at every attempt. Response, error and duration are of the newest attempt; a `pending`
    delivery is attempted at `next_attempt_at`."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: Literal["delivered", "delivering", "failed", "pending"]
    attempts: int
    next_attempt_at: str | None
    response_status: int | None
    response_excerpt: str | None
    error: str | None
    duration_ms: int | None
    created_at: str
    delivered_at: str | None


class EventDeliveryDetail(TypedDict):
    """A delivery with the body that is sent."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: Literal["delivered", "delivering", "failed", "pending"]
    attempts: int
    next_attempt_at: str | None
    response_status: int | None
    response_excerpt: str | None
    error: str | None
    duration_ms: int | None
    created_at: str
    delivered_at: str | None
    payload: Any


class EventReplay(TypedDict):
    """The number of deliveries queued again."""

    replayed: int


class EventReplayRequest(TypedDict):
    since: str
    """of the events; RFC 3339"""


class EventWebhook(TypedDict):
    """`event_types` empty: all except `notification:*`. `failing_since`: no delivery has succeeded since. `disabled_reason`: `gone`
    (its receiver answered 410) or `failing` (for days); when reactivated (`is_active`), it starts with new events.
    `previous_secret_until`: until then the secret before the last rotation signs as well."""

    id: str
    account_id: str
    url: str
    description: str | None
    event_types: list[str]
    is_active: bool
    previous_secret_until: str | None
    failing_since: str | None
    disabled_at: str | None
    disabled_reason: Literal["failing", "gone"] | None
    created_at: str
    updated_at: str


class EventWebhookPatch(TypedDict):
    url: NotRequired[str]
    """https; no address of a private network, and no port but 443"""
    description: NotRequired[str | None]
    event_types: NotRequired[
        list[
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
    ]
    """Which events; empty: all but `notification:*`"""
    is_active: NotRequired[bool]


class EventWebhookTest(TypedDict):
    """A receiver's response to a `ping`; `error` if there was none."""

    delivered: bool
    event_id: str
    response_status: int | None
    response_excerpt: str | None
    error: str | None
    duration_ms: int


class EventWebhookWithSecret(TypedDict):
    """Returned only by creation and rotation, as no other response contains the secret."""

    id: str
    account_id: str
    url: str
    description: str | None
    event_types: list[str]
    is_active: bool
    previous_secret_until: str | None
    failing_since: str | None
    disabled_at: str | None
    disabled_reason: Literal["failing", "gone"] | None
    created_at: str
    updated_at: str
    secret: str


class EventWebhooksPage(TypedDict):
    items: list[EventWebhook]
    next_cursor: str | None


class ExportedConversation(TypedDict):
    conversation: Conversation
    entries: list[Entry]


class FieldError(TypedDict):
    """`path` as in `content` or `attachments[0].url`."""

    path: str
    message: str


class HandoffRequest(TypedDict):
    reason: str
    agent_id: NotRequired[str | None]


class HeadStart(TypedDict):
    """Minutes by which a conversation may arrive after one of priority `low` and still go before it."""

    normal: NotRequired[int]
    high: NotRequired[int]
    urgent: NotRequired[int]


class Health(TypedDict):
    status: str


class IdentifierOfNewContact(TypedDict):
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    identifier: str
    display_name: NotRequired[str | None]


class InboundFailure(TypedDict):
    """`size`: bytes of the whole payload. `replayed_at`: when a replay succeeded completely."""

    id: str
    channel_id: str
    at: str
    reason: str
    faults: list[InboundFault]
    size: int
    replayed_at: str | None


class InboundFailureDetail(TypedDict):
    """`payload`: as text, with invalid UTF-8 replaced. `truncated`: it was too long to be stored as a whole."""

    id: str
    channel_id: str
    at: str
    reason: str
    faults: list[InboundFault]
    size: int
    replayed_at: str | None
    payload: str
    truncated: bool


class InboundFailuresPage(TypedDict):
    items: list[InboundFailure]
    next_cursor: str | None


class InboundFault(TypedDict):
    """`part`: the failed part of the payload, as JSON, truncated if long; null for the whole payload."""

    reason: str
    part: str | None


class InboundReplay(TypedDict):
    """The result of a replay: new messages, repeats, edits, receipts, and what still fails."""

    received: int
    repeated: int
    edited: int
    receipts: int
    faults: list[InboundFault]
    failure: InboundFailure


InboxStats = TypedDict(
    "InboxStats",
    {
        "from": "str",
        "to": "str",
        "statuses": "dict[str, int]",
        "queue": "QueueFigures",
        "first_reply": "DurationFigures",
        "resolution": "DurationFigures",
        "volume": "VolumeFigures",
        "csat": "CsatFigures",
        "ai": "AiFigures",
    },
)
"""`statuses` and `queue` are as of now; everything else covers the period."""


class IncludedContact(TypedDict):
    """A contact with its addresses."""

    id: str
    name: str | None
    attributes: dict[str, Any]
    identifiers: list[IncludedIdentifier]
    created_at: str
    updated_at: str


class IncludedIdentifier(TypedDict):
    id: str
    channel_type: str
    identifier: str
    display_name: str | None
    metadata: dict[str, Any]
    created_at: str
    updated_at: str


class LabelCount(TypedDict):
    label: str
    count: int


class LabelList(TypedDict):
    items: list[LabelCount]


class MergeRequest(TypedDict):
    into: str


class Message(TypedDict):
    id: str
    conversation_id: str
    seq: int
    direction: Literal["inbound", "outbound"]
    sender_type: Literal["agent", "bot", "contact", "system"]
    sender_id: str | None
    content: str
    content_type: str
    attachments: list[Attachment]
    is_private: bool
    external_id: str | None
    client_message_id: str | None
    reply_to: str | None
    delivery_status: Literal["delivered", "failed", "queued", "read", "sent"] | None
    delivery_error: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: str


class MessagesPage(TypedDict):
    items: list[Message]
    has_more: bool


class NewApiClient(TypedDict):
    name: str


class NewBotRule(TypedDict):
    name: str
    trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]
    priority: NotRequired[int]
    """Lower is tried first; of equal ones, the older"""
    is_active: NotRequired[bool]
    conditions: NotRequired[BotRuleConditions]
    actions: NotRequired[BotRuleActions]


class NewCannedResponse(TypedDict):
    short_code: str
    """Without spaces, as `/refund`"""
    title: str
    content: str
    category: NotRequired[str | None]


class NewChannel(TypedDict):
    type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    name: str
    config: NotRequired[dict[str, Any]]
    """`base_url` replaces the provider's; the rest is the channel's own"""
    credentials: NotRequired[dict[str, str]]
    """Write-only; field names depend on the type. They replace all earlier ones"""
    is_active: NotRequired[bool]


class NewContact(TypedDict):
    name: NotRequired[str | None]
    attributes: NotRequired[dict[str, Any]]
    identifiers: NotRequired[list[IdentifierOfNewContact]]


class NewContactIdentifier(TypedDict):
    contact_id: str
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    identifier: str
    display_name: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]


class NewConversation(TypedDict):
    """`POST /v1/conversations` and `…/find-or-create`."""

    channel_id: str
    contact_identifier: str
    contact_name: NotRequired[str | None]
    subject: NotRequired[str | None]
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    labels: NotRequired[list[str]]
    metadata: NotRequired[dict[str, Any]]
    outlet_id: NotRequired[str | None]


class NewEventWebhook(TypedDict):
    url: str
    """https; no address of a private network, and no port but 443"""
    description: NotRequired[str | None]
    event_types: NotRequired[
        list[
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
    ]
    """Which events; empty: all but `notification:*`"""
    is_active: NotRequired[bool]


class NewMessage(TypedDict):
    """`POST …/messages`. `to`, `cc` and `bcc` are for e-mail alone; without them an answer goes to all whom the mail it
    answers came from and went to."""

    content: str
    sender_type: NotRequired[Literal["agent", "bot", "contact", "system"] | None]
    is_private: NotRequired[bool]
    content_type: NotRequired[str]
    attachments: NotRequired[list[Attachment]]
    reply_to: NotRequired[str | None]
    client_message_id: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]
    to: NotRequired[list[str] | None]
    cc: NotRequired[list[str] | None]
    bcc: NotRequired[list[str] | None]


class NewRating(TypedDict):
    score: int
    comment: NotRequired[str | None]


class NewTeam(TypedDict):
    name: str
    description: NotRequired[str | None]


class NewTeamMember(TypedDict):
    """`user_id`: the `sub` of their tokens. They need not have connected yet."""

    user_id: str


class NewWebchatMessage(TypedDict):
    content: str
    client_message_id: NotRequired[str | None]
    attachments: NotRequired[list[Attachment]]


class NewWebchatSession(TypedDict):
    contact_name: NotRequired[str | None]
    contact_identifier: NotRequired[str | None]
    identity_hash: NotRequired[str | None]


class NotificationPreferences(TypedDict):
    """Stored for clients, which apply them."""

    sound: NotRequired[bool]
    desktop: NotRequired[bool]
    email_on_assignment: NotRequired[bool]


class NotificationPreferencesPatch(TypedDict):
    """Only given fields change."""

    sound: NotRequired[bool]
    desktop: NotRequired[bool]
    email_on_assignment: NotRequired[bool]


class OpeningHours(TypedDict):
    """Open on `days` from `start` to `end` (HH:MM, 24:00 is midnight), in the account's time zone. An `end` before
    `start` is on the next day."""

    days: list[Literal["fri", "mon", "sat", "sun", "thu", "tue", "wed"]]
    start: str
    end: str


class OverflowTeam(TypedDict):
    """After a wait of `after_minutes` this team may take conversations of another."""

    after_minutes: int
    team_id: str


class Presence(TypedDict):
    """`ttl_s`: seconds until it expires, unless it is set again or a stream is open."""

    user_id: str
    status: Literal["away", "offline", "online"]
    ttl_s: float


class PresenceChange(TypedDict):
    status: Literal["away", "offline", "online"]


class Problem(TypedDict):
    """RFC 9457. `current` is the state that a conflict was refused for."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError]
    request_id: str
    current: NotRequired[dict[str, Any]]


class QueueFigures(TypedDict):
    """Open conversations that no agent and no bot holds."""

    waiting: int
    oldest_waiting_since: str | None


class QueueItem(TypedDict):
    """`estimated_wait_s` is null while too few were served for an estimate. `offered_to`: the agent with the open offer."""

    conversation_id: str
    position: int
    waiting_since: str
    estimated_wait_s: int | None
    priority: Literal["high", "low", "normal", "urgent"]
    requirements: RoutingRequirements
    strategy: str
    offered_to: str | None


class QueuePage(TypedDict):
    items: list[QueueItem]
    next_cursor: str | None
    total: int


class ReadMarker(TypedDict):
    seq: int


class Readiness(TypedDict):
    """`checks` has each part that this gateway needs: `ok`, or its fault."""

    status: str
    checks: dict[str, str]


class RelaxStep(TypedDict):
    """After a wait of `after_minutes` an agent need no longer match this."""

    after_minutes: int
    drop: Literal["language", "team", "topics"]


class RenderRequest(TypedDict):
    conversation_id: str


class RenderedResponse(TypedDict):
    content: str


class RoutingRequirements(TypedDict):
    """What an agent must serve for routing to assign the conversation."""

    channel_type: str
    topics: list[str]
    language: str | None
    team_id: str | None


class RoutingSettings(TypedDict):
    """`sticky_hours`: for how long the agent of a customer's last conversation is preferred for the next; 0: never."""

    strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"]]
    sticky_hours: NotRequired[int]
    relax: NotRequired[list[RelaxStep]]
    overflow: NotRequired[OverflowTeam | None]
    head_start_minutes: NotRequired[HeadStart]


class SlaSettings(TypedDict):
    """Targets of all conversations, overridden by those of a priority. A warning is sent when `warn_percent` of a target's time has
    passed."""

    first_reply_minutes: NotRequired[int | None]
    next_reply_minutes: NotRequired[int | None]
    resolution_minutes: NotRequired[int | None]
    priorities: NotRequired[dict[str, SlaTargets]]
    warn_percent: NotRequired[int]


class SlaTargets(TypedDict):
    """Targets in minutes of business time; null for none. `next_reply`: for each message after the first reply."""

    first_reply_minutes: NotRequired[int | None]
    next_reply_minutes: NotRequired[int | None]
    resolution_minutes: NotRequired[int | None]


class StreamTicket(TypedDict):
    ticket: str
    expires_at: str


class Team(TypedDict):
    id: str
    account_id: str
    name: str
    description: str | None
    created_at: str
    updated_at: str


class TeamMember(TypedDict):
    """`created_at`: when the agent joined."""

    user_id: str
    name: str | None
    created_at: str


class TeamMembersPage(TypedDict):
    items: list[TeamMember]
    next_cursor: str | None


class TeamPatch(TypedDict):
    name: NotRequired[str]
    description: NotRequired[str | None]


class TeamsPage(TypedDict):
    items: list[Team]
    next_cursor: str | None


class TimeRange(TypedDict):
    """Every day from `start` to `end` in `tz`; an `end` before `start` is on the next day."""

    start: str
    end: str
    tz: NotRequired[str]


class Token(TypedDict):
    access_token: str
    token_type: str
    expires_in: int


class TokenRequest(TypedDict):
    """RFC 6749 section 4.4. Id and secret may be sent by HTTP Basic instead; `scope` is accepted and ignored."""

    grant_type: Literal["client_credentials"]
    client_id: NotRequired[str | None]
    client_secret: NotRequired[str | None]
    scope: NotRequired[str | None]


class TypingChange(TypedDict):
    state: Literal["start", "stop"]


class UploadedAttachment(TypedDict):
    """`url` is how messages name it."""

    id: str
    url: str
    name: str | None
    content_type: str
    size: int


class VolumeFigures(TypedDict):
    conversations: int
    inbound: int
    outbound: int
    days: list[DayVolume]


class WebchatSession(TypedDict):
    token: str
    contact_identifier: str
    expires_at: str
