"""The objects of the API. Generated from the server's OpenAPI document by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class Account(TypedDict):
    """`settings`: in force, including defaults."""

    id: str
    """The account that it belongs to"""
    name: str
    """The account's name"""
    settings: AccountSettings
    """The settings in force, including defaults"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class AccountPatch(TypedDict):
    """`settings` are merged key by key; null resets a key to its default."""

    name: NotRequired[str]
    """The account's name"""
    settings: NotRequired[AccountSettingsPatch]
    """Settings to change, merged key by key; null resets one to its default"""


class AccountSettings(TypedDict):
    """`handoff_keywords`: words and phrases by which a customer asks for a human, regardless of case, accents and
    English articles; the first one that matches is the reason.
    `handoff_sentiment`: the bot hands over on an English message with a sentiment (-1 to 1) below this; -1: never.
    `csat_question`: sent to the customer after a resolution if `csat_enabled`; a reply that is only a digit from 1 to 5 is the
    score."""

    timezone: NotRequired[str]
    """IANA name of the account's time zone"""
    business_hours: NotRequired[BusinessHours]
    """When the account is open; SLA targets count only this time"""
    handoff_keywords: NotRequired[list[str]]
    """Words and phrases by which a customer asks for a human, regardless of case, accents and articles"""
    handoff_sentiment: NotRequired[float]
    """The bot hands over on an English message with a sentiment below this; -1 for never"""
    offer_timeout_s: NotRequired[int]
    """Seconds that an agent has to answer an offer"""
    presence_grace_s: NotRequired[int]
    """Seconds after which the conversations of an agent who left are requeued"""
    expiry_hours: NotRequired[int]
    """Hours without a message after which a conversation expires"""
    auto_close_hours: NotRequired[int]
    """Hours after which a resolved conversation is closed"""
    retention_days: NotRequired[int]
    """Days for which closed conversations are kept"""
    routing_journal_days: NotRequired[int]
    """Days for which the routing journal is kept, for boards of past times and replays"""
    csat_enabled: NotRequired[bool]
    """Whether customers are asked for a rating after a resolution"""
    csat_question: NotRequired[str]
    """The question; a reply that is only a digit from 1 to 5 is the score"""
    sla: NotRequired[SlaSettings]
    """Targets for replies and resolutions"""
    routing: NotRequired[RoutingSettings]
    """How conversations reach agents"""
    assistance: NotRequired[Assistance]
    """How language models assist the account"""
    sub_domain: NotRequired[str | None]
    """A name for the account that other services use"""


class AccountSettingsPatch(TypedDict):
    timezone: NotRequired[str | None]
    """IANA name of the account's time zone"""
    business_hours: NotRequired[BusinessHours | None]
    """When the account is open; SLA targets count only this time"""
    handoff_keywords: NotRequired[list[str] | None]
    """Words and phrases by which a customer asks for a human, regardless of case, accents and articles"""
    handoff_sentiment: NotRequired[float | None]
    """The bot hands over on an English message with a sentiment below this; -1 for never"""
    offer_timeout_s: NotRequired[int | None]
    """Seconds that an agent has to answer an offer"""
    presence_grace_s: NotRequired[int | None]
    """Seconds after which the conversations of an agent who left are requeued"""
    expiry_hours: NotRequired[int | None]
    """Hours without a message after which a conversation expires"""
    auto_close_hours: NotRequired[int | None]
    """Hours after which a resolved conversation is closed"""
    retention_days: NotRequired[int | None]
    """Days for which closed conversations are kept"""
    routing_journal_days: NotRequired[int | None]
    """Days for which the routing journal is kept, for boards of past times and replays"""
    csat_enabled: NotRequired[bool | None]
    """Whether customers are asked for a rating after a resolution"""
    csat_question: NotRequired[str | None]
    """The question; a reply that is only a digit from 1 to 5 is the score"""
    sla: NotRequired[SlaSettings | None]
    """Targets for replies and resolutions"""
    routing: NotRequired[RoutingSettings | None]
    """How conversations reach agents"""
    assistance: NotRequired[Assistance | None]
    """How language models assist the account"""
    sub_domain: NotRequired[str | None | None]
    """A name for the account that other services use"""


class Actor(TypedDict):
    type: Literal["agent", "bot", "contact", "service", "system"]
    """What kind of actor"""
    id: str | None
    """The user, contact identifier, client or rule; null for the server itself"""


class Agent(TypedDict):
    """`active`: conversations held, of at most `maximum`; `last_seen`: when presence was last renewed."""

    user_id: str
    """The agent: the `sub` of their tokens"""
    name: str | None
    """The agent's name"""
    status: Literal["away", "offline", "online"]
    """The agent's presence"""
    active: int
    """Conversations assigned to the agent"""
    maximum: int
    """The most conversations that the agent may hold"""
    is_available: bool
    """Whether the agent receives conversations at all"""
    last_seen: str | None
    """When the presence was last renewed"""


class AgentAssignedEvent(TypedDict):
    """A conversation was assigned, or released."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["agent:assigned"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: AssignmentChange
    """The details, by `type`"""


class AgentList(TypedDict):
    items: list[Agent]
    """The agents"""


class AgentPreferences(TypedDict):
    """Empty lists and no hours mean any."""

    id: str
    """A UUID"""
    user_id: str
    """The agent: the `sub` of their tokens"""
    available_channels: list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    """Channel types that the agent serves; empty for any"""
    available_topics: list[str]
    """Topics that the agent serves; empty for any"""
    available_hours: AvailableHours | None
    """The agent's working hours; null for any time"""
    languages: list[str]
    """Languages that the agent speaks; empty for any"""
    max_concurrent_conversations: int
    """How many conversations the agent may hold at once"""
    is_available: bool
    """Whether the agent receives conversations at all"""
    auto_accept: bool
    """Whether conversations are assigned without an offer"""
    notification_preferences: NotificationPreferences
    """How clients notify the agent"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class AgentPreferencesPage(TypedDict):
    items: list[AgentPreferences]
    """The agents' preferences"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class AgentPreferencesPatch(TypedDict):
    """Only given fields change. Empty lists, and null or an empty schedule for the hours, mean any."""

    available_channels: NotRequired[
        list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    ]
    """Channel types that the agent serves; empty for any"""
    available_topics: NotRequired[list[str]]
    """Topics that the agent serves; empty for any"""
    available_hours: NotRequired[AvailableHours | None]
    """The agent's working hours; null for any time"""
    languages: NotRequired[list[str]]
    """Languages that the agent speaks; empty for any"""
    max_concurrent_conversations: NotRequired[int]
    """How many conversations the agent may hold at once"""
    is_available: NotRequired[bool]
    """Whether the agent receives conversations at all"""
    auto_accept: NotRequired[bool]
    """Whether conversations are assigned without an offer"""
    notification_preferences: NotRequired[NotificationPreferencesPatch]
    """How clients notify the agent"""


class AgentPresenceEvent(TypedDict):
    """An agent came, went, holds more or less, or has another name."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["agent:presence"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: None
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: PresenceHint
    """The details, by `type`"""


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
    """Messages that bots wrote"""
    bot_message_share: float | None
    """Their share of all messages to customers, from 0 to 1"""
    handoffs: int
    """How often a human was requested"""


class Answer(TypedDict):
    answer: str | None
    """The answer; null if no article says it"""
    confidence: float
    """How sure it is, from 0 to 1"""
    citations: list[Citation]
    """The passages that it cites"""
    provider: str | None
    """What answered; null if nothing was asked"""
    model: str | None
    """The model"""
    failed_provider: str | None
    """The provider that should have answered but failed"""
    failed_reason: str | None
    """Why it failed"""


class ApiClient(TypedDict):
    client_id: str
    """The client's id"""
    name: str
    """Its purpose"""
    created_at: str
    """When it was created"""
    last_used_at: str | None
    """When it last requested a token"""


class ApiClientWithSecret(TypedDict):
    """Returned by creation only, as no other response contains the secret."""

    client_id: str
    """The client's id"""
    client_secret: str
    """Its secret, shown only once"""
    name: str
    """Its purpose"""
    created_at: str
    """When it was created"""


class ApiClientsPage(TypedDict):
    items: list[ApiClient]
    """The clients"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class Approval(TypedDict):
    suggestion: Suggestion
    """The suggestion as decided"""
    message: Message
    """The message that was sent"""


class Article(TypedDict):
    id: str
    """The article's id"""
    title: str
    """What it is about"""
    language: str | None
    """The language it is written in"""
    visibility: Literal["internal", "public"]
    """Who may read it"""
    source: str | None
    """Where it was imported from"""
    version: int
    """The version, from 1; each change makes a new one"""
    created_by: str | None
    """Who wrote it"""
    updated_by: str | None
    """Who changed it last"""
    created_at: str
    """RFC 3339, in UTC, with milliseconds"""
    updated_at: str
    """RFC 3339, in UTC, with milliseconds"""
    body: str
    """The text, in Markdown"""


class ArticlePatch(TypedDict):
    title: NotRequired[str]
    """What it is about"""
    body: NotRequired[str]
    """The text, in Markdown"""
    language: NotRequired[str | None]
    """The language it is written in; null for none"""
    visibility: NotRequired[Literal["internal", "public"]]
    """Who may read it: customers and bots too, or only the team"""


class ArticleSummary(TypedDict):
    id: str
    """The article's id"""
    title: str
    """What it is about"""
    language: str | None
    """The language it is written in"""
    visibility: Literal["internal", "public"]
    """Who may read it"""
    source: str | None
    """Where it was imported from"""
    version: int
    """The version, from 1; each change makes a new one"""
    created_by: str | None
    """Who wrote it"""
    updated_by: str | None
    """Who changed it last"""
    created_at: str
    """RFC 3339, in UTC, with milliseconds"""
    updated_at: str
    """RFC 3339, in UTC, with milliseconds"""


class ArticleVersion(TypedDict):
    version: int
    """The version's number"""
    title: str
    """Its title"""
    body: str
    """Its text"""
    language: str | None
    """The language it was written in"""
    visibility: Literal["internal", "public"]
    """Who could read it"""
    saved_by: str | None
    """Who saved it"""
    saved_at: str
    """RFC 3339, in UTC, with milliseconds"""


class ArticleVersions(TypedDict):
    items: list[ArticleVersion]
    """The newest 50, newest first"""


class ArticlesPage(TypedDict):
    items: list[ArticleSummary]
    """The articles, without their texts"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class AssignedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["assigned"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: AssignmentChange
    """The details, by `kind`"""


class Assignment(TypedDict):
    """The time for which an agent held a conversation."""

    id: str
    """A UUID"""
    agent_id: str
    """The agent it was assigned to"""
    previous_agent_id: str | None
    """The agent it was assigned to before"""
    by: str
    """How it was assigned: `routing`, `manual`, `takeover` …"""
    assigned_at: str
    """When the assignment began"""
    ended_at: str | None
    """When it ended; null if it still lasts"""
    explain: RoutingRecord | None
    """How routing decided; null if a person did"""


class AssignmentChange(TypedDict):
    """An agent holds it now, or nobody does."""

    agent_id: str | None
    """The agent it is assigned to now"""
    previous_agent_id: str | None
    """The agent it was assigned to before"""
    by: str | None
    """How it was assigned: `routing`, `manual`, `takeover` …"""
    assignment_id: str | None
    """The assignment's id"""


class AssignmentList(TypedDict):
    items: list[Assignment]
    """The assignments"""


class AssignmentNotice(TypedDict):
    """For the agent who holds the conversation now."""

    id: NotRequired[str]
    """The conversation"""
    channel_id: NotRequired[str]
    """A UUID"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    """The channel's type"""
    contact_name: NotRequired[str | None]
    """The customer's name"""
    contact_identifier: NotRequired[str]
    """The customer's address on this channel"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    """How urgent it is"""
    subject: NotRequired[str | None]
    """The subject"""
    labels: NotRequired[list[str]]
    """Labels"""
    last_message_preview: NotRequired[str | None]
    """The beginning of the newest message"""
    conversation_id: str
    """The conversation"""
    assignment_id: str
    """The assignment's id"""


class AssignmentRequest(TypedDict):
    agent_id: NotRequired[str | None]
    """The agent; `me` for oneself"""
    team_id: NotRequired[str | None]
    """The team"""
    strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]
    """How an agent of the team is chosen"""


class Assist(TypedDict):
    """A language model talks with the customer, from the account's public articles, until a human takes over."""

    instruction: NotRequired[str]
    """How the bot should sound, and what it is there for"""
    confidence_min: NotRequired[float]
    """A less sure answer is not sent: a human takes over"""
    sensitive_topics: NotRequired[list[str]]
    """Words and phrases on which a human takes over, whatever their case and accents"""


class Assistance(TypedDict):
    """Assistance by language models, and the limits of its use."""

    suggestions: NotRequired[Literal["inbound", "off", "on_request"]]
    """When replies are drafted: never, when an agent asks, or on each customer's message. A person sends every draft"""
    wait_s: NotRequired[int]
    """Seconds of silence after a customer's message before a reply is drafted"""
    instruction: NotRequired[str]
    """Instructions for the style of every draft"""
    calls_per_minute: NotRequired[int | None]
    """Model calls per minute; null for no limit"""
    daily_tokens: NotRequired[int | None]
    """Tokens per day (UTC); null for no limit"""
    daily_cost: NotRequired[float | None]
    """US dollars per day (UTC); null for no limit"""


class AssistantConversation(TypedDict):
    id: str
    title: str | None
    owner_id: str | None
    metadata_json: dict[str, Any]
    created_at: str
    updated_at: str


class AssistantError(TypedDict):
    """`detail` names the wrong fields."""

    detail: str


class AssistantHealth(TypedDict):
    status: NotRequired[Literal["ok"]]


class AssistantMessage(TypedDict):
    id: str
    conversation_id: str
    role: Literal["assistant", "system", "user"]
    content: str
    metadata_json: dict[str, Any]
    created_at: str
    updated_at: str


class Attachment(TypedDict):
    """A file of a message; `size` in bytes."""

    url: str
    """Where the file is: the `url` of an uploaded attachment, or a public https address"""
    name: NotRequired[str | None]
    """The file's name"""
    content_type: NotRequired[str | None]
    """The file's media type"""
    size: NotRequired[int | None]
    """The file's size in bytes"""


class AttachmentLink(TypedDict):
    """`url` works without a token until `expires_at`."""

    url: str
    """A URL that works without a token"""
    expires_at: str
    """When it expires"""


class AuditRecord(TypedDict):
    id: str
    """A UUID"""
    at: str
    """When it happened"""
    actor_type: str
    """What kind of actor did it"""
    actor_id: str | None
    """Who did it"""
    action: str
    """The action"""
    target_type: str | None
    """What kind of object it was done to"""
    target_id: str | None
    """The object's id"""
    details: dict[str, Any]
    """Free-form: the fields that changed, by action"""


class AuditRecordsPage(TypedDict):
    items: list[AuditRecord]
    """The records"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class AvailableHours(TypedDict):
    """The hours in which an agent takes conversations, in the agent's own time zone. An empty schedule means any time."""

    timezone: str
    """IANA name of the agent's time zone"""
    schedule: NotRequired[list[OpeningHours]]
    """When the agent works; empty means any time"""


class Board(TypedDict):
    """The agents, the queue and who held what at a time."""

    at: str
    """The time"""
    position: int
    """The position of the last entry before it"""
    agents: list[BoardAgent]
    """The agents, by id"""
    queued: int
    """The number of waiting conversations"""
    waiting: list[str]
    """The first of these, in the order of the queue"""
    held: int
    """The number of assigned conversations"""


class BoardAgent(TypedDict):
    user_id: str
    """The agent: the `sub` of their tokens"""
    status: Literal["away", "offline", "online"]
    """The agent's presence"""
    active: int
    """Conversations assigned to the agent"""
    offered: int
    """Open offers"""
    maximum: int
    """The most conversations that the agent could hold"""
    is_available: bool
    """Whether the agent received conversations"""


class BotRule(TypedDict):
    id: str
    """A UUID"""
    name: str
    """The rule's name"""
    priority: int
    """Lower values first; among equal ones, the older rule"""
    is_active: bool
    """Whether the rule is active"""
    trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]
    """The event that triggers the rule"""
    conditions: BotRuleConditions
    """The conditions"""
    actions: BotRuleActions
    """The actions"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class BotRuleActions(TypedDict):
    reply_template_id: NotRequired[str | None]
    """A canned response to answer with"""
    reply_text: NotRequired[str | None]
    """A text to answer with"""
    assign_team_id: NotRequired[str | None]
    """A team to assign the conversation to"""
    assign_strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]
    """How an agent of the team is chosen"""
    set_labels: NotRequired[list[str]]
    """Labels to add"""
    set_priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    """The priority to set"""
    collect_info: NotRequired[list[str]]
    """Fields to ask the customer for, one at a time"""
    assist: NotRequired[Assist | None]
    """Let a language model answer from the public articles; it asks for the fields of `collect_info`"""


class BotRuleConditions(TypedDict):
    """All given conditions must hold. `match_mode`: any or all of the keywords."""

    keywords: NotRequired[list[str]]
    """Words and phrases, regardless of case and accents"""
    match_mode: NotRequired[Literal["all", "any"]]
    """Whether any or all of the keywords must occur"""
    channels: NotRequired[list[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]]
    """Channel types; empty for any"""
    languages: NotRequired[list[str]]
    """Languages of the message; empty for any"""
    time_range: NotRequired[TimeRange | None]
    """The time of day; null for any"""
    intent: NotRequired[str | None]
    """The intent that the classifier must find"""
    confidence_min: NotRequired[float | None]
    """The classifier's least confidence"""


class BotRulePatch(TypedDict):
    """`conditions` and `actions` are replaced as a whole."""

    name: NotRequired[str]
    """The rule's name"""
    trigger_type: NotRequired[Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]]
    """The event that triggers the rule"""
    priority: NotRequired[int]
    """Lower values first; among equal ones, the older rule"""
    is_active: NotRequired[bool]
    """Whether the rule is active"""
    conditions: NotRequired[BotRuleConditions]
    """The conditions"""
    actions: NotRequired[BotRuleActions]
    """The actions"""


class BotRuleTest(TypedDict):
    """A customer's first message. `at`: its time, RFC 3339, by default now. `language`: by default detected, if rules or agents
    depend on it. The classifier is asked as for a real message."""

    content: str
    """A customer's first message"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel it is written on"""
    at: NotRequired[str | None]
    """When it is written; now by default"""
    language: NotRequired[str | None]
    """Its language; detected by default, if rules or agents depend on it"""


class BotRuleTestActions(TypedDict):
    """A rule's effects, and why a human would take over."""

    reply_template_id: NotRequired[str | None]
    """A canned response to answer with"""
    reply_text: NotRequired[str | None]
    """A text to answer with"""
    assign_team_id: NotRequired[str | None]
    """A team to assign the conversation to"""
    assign_strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]
    """How an agent of the team is chosen"""
    set_labels: NotRequired[list[str]]
    """Labels to add"""
    set_priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    """The priority to set"""
    collect_info: NotRequired[list[str]]
    """Fields to ask the customer for, one at a time"""
    assist: NotRequired[Assist | None]
    """Let a language model answer from the public articles; it asks for the fields of `collect_info`"""
    handoff: NotRequired[str | None]
    """Why it would be handed to a human"""


class BotRuleTestResult(TypedDict):
    """Every active rule in order of evaluation, and the actions of the first one that matches; their `handoff` says why a human
    would take over."""

    rules: list[BotRuleVerdict]
    """Every active rule, in the order of evaluation"""
    actions: BotRuleTestActions
    """What the first rule that matches does"""


class BotRuleVerdict(TypedDict):
    rule_id: str
    """The rule"""
    name: str
    """Its name"""
    matched: bool
    """Whether all conditions hold"""
    reasons: list[str]
    """Why it matched, or each condition that does not hold"""
    faulty: bool
    """Whether this version of the server cannot read the rule"""


class BotRulesPage(TypedDict):
    items: list[BotRule]
    """The rules"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class BusinessHours(TypedDict):
    """An empty schedule means always open."""

    schedule: NotRequired[list[OpeningHours]]
    """Opening hours; empty means always open"""


class CannedResponse(TypedDict):
    """`content` may contain `{{contact_name}}`, `{{agent_name}}` and `{{conversation_id}}`. With `actions` it is a macro."""

    id: str
    """A UUID"""
    account_id: str
    """The account that it belongs to"""
    short_code: str
    """The short code by which agents find it"""
    title: str
    """The title"""
    content: str
    """The text, with its placeholders"""
    category: str | None
    """The category it is listed under"""
    created_by: str | None
    """Who created it"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""
    actions: MacroActions | None
    """What else applying it changes; null if it is only a text"""


class CannedResponsePatch(TypedDict):
    short_code: NotRequired[str]
    """Without spaces, as `/refund`"""
    title: NotRequired[str]
    """What it is about"""
    content: NotRequired[str]
    """The text, with its placeholders"""
    category: NotRequired[str | None]
    """The category it is listed under; null to clear it"""
    actions: NotRequired[MacroActions | None]
    """What else applying it changes; null if it is only a text"""


class CannedResponsesPage(TypedDict):
    items: list[CannedResponse]
    """The canned responses"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class Channel(TypedDict):
    """`credential_fields`: names of the credentials that are set, never their values; null if the server's keys cannot decrypt
    them."""

    id: str
    """The channel through which the customer writes"""
    account_id: str
    """The account that it belongs to"""
    type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The type of the channel"""
    name: str
    """The channel's name"""
    config: dict[str, Any]
    """Free-form: settings of the channel's provider"""
    credential_fields: list[str] | None
    """Names of the credentials that are set; null if the server's keys cannot decrypt them"""
    is_active: bool
    """Whether the channel receives and sends messages"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class ChannelPatch(TypedDict):
    name: NotRequired[str]
    """The channel's name"""
    config: NotRequired[dict[str, Any]]
    """Free-form: `base_url` replaces the provider's. `allowed_origins` of a web chat: the origins (`https://shop.example`) whose pages may use and show it; `require_identity`: whether only known customers get a session; `session_hours` (24): how long a session lasts; `widget`: its `title`, `greeting`, `color`, `attachments`, `prechat_form`, `offline_form`. The rest is the channel's own"""
    credentials: NotRequired[dict[str, str]]
    """Write-only; field names depend on the type. They replace all earlier ones"""
    is_active: NotRequired[bool]
    """Whether the channel receives and sends messages"""


class ChannelsPage(TypedDict):
    items: list[Channel]
    """The channels"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class Citation(TypedDict):
    """A passage that the answer cites."""

    number: int
    """Cited in the answer as [number]"""
    article_id: str
    """The article's id"""
    title: str
    """The article's title, with the heading above the passage"""
    content: str
    """The passage"""


class CloseEvent(TypedDict):
    """An event stream ends: the last event of each."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["close"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: None
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: StreamEnd
    """The details, by `type`"""


class Contact(TypedDict):
    """`merged_into`: the contact that got its identifiers and conversations; from then on it does not change."""

    id: str
    """The customer"""
    account_id: str
    """The account that it belongs to"""
    name: str | None
    """The customer's name"""
    attributes: dict[str, Any]
    """Free-form: what the account keeps about the customer"""
    merged_into: str | None
    """The contact that got its identifiers and conversations; from then on this one does not change"""
    identifiers: list[ContactIdentifier]
    """The customer's addresses"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class ContactExport(TypedDict):
    """Everything stored about a contact, including private notes."""

    exported_at: str
    """When it was exported"""
    contact: Contact
    """The contact"""
    conversations: list[ExportedConversation]
    """The contact's conversations"""


class ContactIdentifier(TypedDict):
    id: str
    """A UUID"""
    contact_id: str
    """The customer"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel type of the address"""
    identifier: str
    """The address, in its normal form"""
    display_name: str | None
    """The name used with it"""
    metadata: dict[str, Any]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class ContactIdentifierPatch(TypedDict):
    """Moving an identifier to another contact moves its conversations as well."""

    contact_id: NotRequired[str]
    """The contact to move it to, with its conversations"""
    display_name: NotRequired[str | None]
    """The name used with it; null to clear it"""
    metadata: NotRequired[dict[str, Any]]
    """Free-form: replaced as a whole, at most 16,384 bytes as JSON"""


class ContactIdentifiersPage(TypedDict):
    items: list[ContactIdentifier]
    """The identifiers"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class ContactPatch(TypedDict):
    """`attributes` are replaced as a whole. A new name is applied to the contact's conversations."""

    name: NotRequired[str | None]
    """The customer's name; null to clear it"""
    attributes: NotRequired[dict[str, Any]]
    """Free-form: replaced as a whole, at most 16,384 bytes as JSON"""


class ContactsPage(TypedDict):
    items: list[Contact]
    """The contacts"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class Conversation(TypedDict):
    id: str
    """The conversation"""
    account_id: str
    """The account that it belongs to"""
    channel_id: str
    """The channel through which the customer writes"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel's type"""
    contact_id: str
    """The customer"""
    contact_identifier: str
    """The customer's address on this channel"""
    contact_name: str | None
    """The customer's name"""
    outlet_id: str | None
    """The outlet that the customer wrote to"""
    status: ConversationStatus
    """The status"""
    priority: Literal["high", "low", "normal", "urgent"]
    """How urgent it is"""
    subject: str | None
    """The subject"""
    labels: list[str]
    """Labels, in the order given"""
    assignee_id: str | None
    """The agent it is assigned to"""
    team_id: str | None
    """The team it is assigned to"""
    handoff_requested: bool
    """Whether a human has been requested"""
    handoff_reason: str | None
    """Why"""
    bot_context: dict[str, Any]
    """Free-form: what the bot keeps between messages"""
    metadata: dict[str, Any]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    seq: int
    """The number of the newest entry"""
    unread_count: int
    """The customer's messages after the read marker"""
    queue_position: int | None
    """Its position in the queue, from 1; null if it is not waiting"""
    first_reply_at: str | None
    """When an agent first replied"""
    last_message_at: str | None
    """When the newest message was written"""
    last_message_preview: str | None
    """The beginning of the newest message"""
    snoozed_until: str | None
    """Hidden from the inbox until then"""
    resolved_at: str | None
    """When it was resolved"""
    archived_at: str | None
    """When it was archived"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class ConversationChanges(TypedDict):
    id: NotRequired[str | None]
    """The conversation"""
    account_id: NotRequired[str | None]
    """The account that it belongs to"""
    channel_id: NotRequired[str | None]
    """The channel through which the customer writes"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"] | None]
    """The channel's type"""
    contact_id: NotRequired[str | None]
    """The customer"""
    contact_identifier: NotRequired[str | None]
    """The customer's address on this channel"""
    contact_name: NotRequired[str | None | None]
    """The customer's name"""
    outlet_id: NotRequired[str | None | None]
    """The outlet that the customer wrote to"""
    status: NotRequired[ConversationStatus | None]
    """The status"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    """How urgent it is"""
    subject: NotRequired[str | None | None]
    """The subject"""
    labels: NotRequired[list[str] | None]
    """Labels, in the order given"""
    assignee_id: NotRequired[str | None | None]
    """The agent it is assigned to"""
    team_id: NotRequired[str | None | None]
    """The team it is assigned to"""
    handoff_requested: NotRequired[bool | None]
    """Whether a human has been requested"""
    handoff_reason: NotRequired[str | None | None]
    """Why"""
    bot_context: NotRequired[dict[str, Any] | None]
    """Free-form: what the bot keeps between messages"""
    metadata: NotRequired[dict[str, Any] | None]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    seq: NotRequired[int | None]
    """The number of the newest entry"""
    unread_count: NotRequired[int | None]
    """The customer's messages after the read marker"""
    queue_position: NotRequired[int | None | None]
    """Its position in the queue, from 1; null if it is not waiting"""
    first_reply_at: NotRequired[str | None | None]
    """When an agent first replied"""
    last_message_at: NotRequired[str | None | None]
    """When the newest message was written"""
    last_message_preview: NotRequired[str | None | None]
    """The beginning of the newest message"""
    snoozed_until: NotRequired[str | None | None]
    """Hidden from the inbox until then"""
    resolved_at: NotRequired[str | None | None]
    """When it was resolved"""
    archived_at: NotRequired[str | None | None]
    """When it was archived"""
    created_at: NotRequired[str | None]
    """When it was created"""
    updated_at: NotRequired[str | None]
    """When it last changed"""
    strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]
    """How an agent is chosen"""


class ConversationContext(TypedDict):
    items: list[Message]
    """The messages, oldest first"""


class ConversationDetail(TypedDict):
    """A conversation with what `include` names: `messages` are the newest 50, oldest first."""

    id: str
    """The conversation"""
    account_id: str
    """The account that it belongs to"""
    channel_id: str
    """The channel through which the customer writes"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel's type"""
    contact_id: str
    """The customer"""
    contact_identifier: str
    """The customer's address on this channel"""
    contact_name: str | None
    """The customer's name"""
    outlet_id: str | None
    """The outlet that the customer wrote to"""
    status: ConversationStatus
    """The status"""
    priority: Literal["high", "low", "normal", "urgent"]
    """How urgent it is"""
    subject: str | None
    """The subject"""
    labels: list[str]
    """Labels, in the order given"""
    assignee_id: str | None
    """The agent it is assigned to"""
    team_id: str | None
    """The team it is assigned to"""
    handoff_requested: bool
    """Whether a human has been requested"""
    handoff_reason: str | None
    """Why"""
    bot_context: dict[str, Any]
    """Free-form: what the bot keeps between messages"""
    metadata: dict[str, Any]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    seq: int
    """The number of the newest entry"""
    unread_count: int
    """The customer's messages after the read marker"""
    queue_position: int | None
    """Its position in the queue, from 1; null if it is not waiting"""
    first_reply_at: str | None
    """When an agent first replied"""
    last_message_at: str | None
    """When the newest message was written"""
    last_message_preview: str | None
    """The beginning of the newest message"""
    snoozed_until: str | None
    """Hidden from the inbox until then"""
    resolved_at: str | None
    """When it was resolved"""
    archived_at: str | None
    """When it was archived"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""
    messages: NotRequired[list[Message]]
    """With `include=messages`: the newest 50, oldest first"""
    contact: NotRequired[IncludedContact | None]
    """With `include=contact`: the customer"""
    assignments: NotRequired[list[Assignment]]
    """With `include=assignments`: its assignments, oldest first"""


class ConversationDraftEvent(TypedDict):
    """For the team: an agent's draft changed."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:draft"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: DraftHint
    """The details, by `type`"""


class ConversationHandoffEvent(TypedDict):
    """A human has been requested."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:handoff"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: HandoffReason
    """The details, by `type`"""


class ConversationMessageEvent(TypedDict):
    """A message was written."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:message"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: Message
    """The details, by `type`"""


class ConversationNewEvent(TypedDict):
    """A conversation was opened."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:new"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: Conversation
    """The details, by `type`"""


class ConversationOpening(TypedDict):
    """Entry 0: how the conversation began."""

    channel_id: str
    """The channel"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel's type"""
    contact_id: str
    """The customer"""
    contact_identifier: str
    """The customer's address on this channel"""
    contact_name: str | None
    """The customer's name"""
    topic: str
    """E-mail: the subject by which mails are threaded"""
    outlet_id: str | None
    """The outlet that the customer wrote to"""
    subject: str | None
    """The subject"""
    priority: Literal["high", "low", "normal", "urgent"]
    """How urgent it is"""
    labels: list[str]
    """Labels"""
    metadata: dict[str, Any]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""


class ConversationPatch(TypedDict):
    """`PATCH /v1/conversations/{id}`: only given fields change; null clears a nullable one."""

    status: NotRequired[ConversationStatus]
    """The new status; `bot` and `assigned` cannot be set here"""
    assignee_id: NotRequired[str | None]
    """The agent to assign it to (`me` for oneself); null to release it"""
    team_id: NotRequired[str | None]
    """The team it is assigned to; null for none"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    """How urgent it is"""
    labels: NotRequired[list[str]]
    """Labels, replaced as a whole"""
    subject: NotRequired[str | None]
    """The subject; null to clear it"""
    metadata: NotRequired[dict[str, Any]]
    """Free-form: replaced as a whole, at most 16,384 bytes as JSON"""
    snoozed_until: NotRequired[str | None]
    """Hide it from the inbox until then; null to show it"""
    archived: NotRequired[bool]
    """Whether it is archived"""


class ConversationRating(TypedDict):
    """The customer's satisfaction."""

    score: int
    """From 1 (worst) to 5"""
    comment: str | None
    """The customer's comment"""


class ConversationReceiptEvent(TypedDict):
    """A message got further, or failed."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:receipt"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: ReceiptHint
    """The details, by `type`"""


class ConversationStatusEvent(TypedDict):
    """A conversation's status changed."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:status"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: StatusChange
    """The details, by `type`"""


class ConversationSuggestionEvent(TypedDict):
    """For the team: a reply was suggested, or the suggestion was decided."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:suggestion"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: SuggestionHint
    """The details, by `type`"""


class ConversationSummary(TypedDict):
    """The part of a conversation that notifications include. After an erasure it is empty."""

    id: NotRequired[str]
    """The conversation"""
    channel_id: NotRequired[str]
    """A UUID"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    """The channel's type"""
    contact_name: NotRequired[str | None]
    """The customer's name"""
    contact_identifier: NotRequired[str]
    """The customer's address on this channel"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    """How urgent it is"""
    subject: NotRequired[str | None]
    """The subject"""
    labels: NotRequired[list[str]]
    """Labels"""
    last_message_preview: NotRequired[str | None]
    """The beginning of the newest message"""


class ConversationTypingEvent(TypedDict):
    """Somebody types, or has stopped."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:typing"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: TypingHint
    """The details, by `type`"""


class ConversationUpdate(TypedDict):
    id: NotRequired[str | None]
    """The conversation"""
    account_id: NotRequired[str | None]
    """The account that it belongs to"""
    channel_id: NotRequired[str | None]
    """The channel through which the customer writes"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"] | None]
    """The channel's type"""
    contact_id: NotRequired[str | None]
    """The customer"""
    contact_identifier: NotRequired[str | None]
    """The customer's address on this channel"""
    contact_name: NotRequired[str | None | None]
    """The customer's name"""
    outlet_id: NotRequired[str | None | None]
    """The outlet that the customer wrote to"""
    status: NotRequired[ConversationStatus | None]
    """The status"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    """How urgent it is"""
    subject: NotRequired[str | None | None]
    """The subject"""
    labels: NotRequired[list[str] | None]
    """Labels, in the order given"""
    assignee_id: NotRequired[str | None | None]
    """The agent it is assigned to"""
    team_id: NotRequired[str | None | None]
    """The team it is assigned to"""
    handoff_requested: NotRequired[bool | None]
    """Whether a human has been requested"""
    handoff_reason: NotRequired[str | None | None]
    """Why"""
    bot_context: NotRequired[dict[str, Any] | None]
    """Free-form: what the bot keeps between messages"""
    metadata: NotRequired[dict[str, Any] | None]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    seq: NotRequired[int | None]
    """The number of the newest entry"""
    unread_count: NotRequired[int | None]
    """The customer's messages after the read marker"""
    queue_position: NotRequired[int | None | None]
    """Its position in the queue, from 1; null if it is not waiting"""
    first_reply_at: NotRequired[str | None | None]
    """When an agent first replied"""
    last_message_at: NotRequired[str | None | None]
    """When the newest message was written"""
    last_message_preview: NotRequired[str | None | None]
    """The beginning of the newest message"""
    snoozed_until: NotRequired[str | None | None]
    """Hidden from the inbox until then"""
    resolved_at: NotRequired[str | None | None]
    """When it was resolved"""
    archived_at: NotRequired[str | None | None]
    """When it was archived"""
    created_at: NotRequired[str | None]
    """When it was created"""
    updated_at: NotRequired[str | None]
    """When it last changed"""
    strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"] | None]
    """How an agent is chosen"""
    message: NotRequired[EditedMessage | None]
    """A message that its customer edited"""
    csat: NotRequired[ConversationRating | None]
    """The customer's rating"""
    sla: NotRequired[SlaNotice | None]
    """An SLA target"""


class ConversationUpdatedEvent(TypedDict):
    """Fields of a conversation changed."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:updated"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: ConversationUpdate
    """The details, by `type`"""


class ConversationViewingEvent(TypedDict):
    """For the team: who has a conversation open."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["conversation:viewing"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: ViewingHint
    """The details, by `type`"""


class ConversationsPage(TypedDict):
    items: list[Conversation]
    """The conversations"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class CreatedCrmMessage(TypedDict):
    """`handoff_reason` only where the message handed the conversation to a human."""

    message: CrmMessage
    handoff_requested: bool
    handoff_reason: NotRequired[str]


class CrmAssignment(TypedDict):
    agent_id: str


class CrmConversation(TypedDict):
    """A conversation, as the CRM shows it."""

    id: str
    """The conversation"""
    tenant_id: str
    """The tenant, which is an account"""
    outlet_id: str | None
    """The outlet that it belongs to"""
    customer_phone: str
    """The customer's number"""
    customer_name: str | None
    """The customer's name"""
    status: Literal["active", "expired", "handed_off", "resolved"]
    """Who is handling it, or how it ended"""
    handoff_requested: bool
    """Whether a human has been requested"""
    handoff_agent_id: str | None
    """The agent it is assigned to"""
    handoff_reason: str | None
    """Why a human was requested"""
    started_at: str
    """When it was opened"""
    ended_at: str | None
    """When it ended"""
    last_message_at: str
    """When the last message was written"""


class CrmConversationDetail(TypedDict):
    """`messages` with `include_messages=true`."""

    id: str
    """The conversation"""
    tenant_id: str
    """The tenant, which is an account"""
    outlet_id: str | None
    """The outlet that it belongs to"""
    customer_phone: str
    """The customer's number"""
    customer_name: str | None
    """The customer's name"""
    status: Literal["active", "expired", "handed_off", "resolved"]
    """Who is handling it, or how it ended"""
    handoff_requested: bool
    """Whether a human has been requested"""
    handoff_agent_id: str | None
    """The agent it is assigned to"""
    handoff_reason: str | None
    """Why a human was requested"""
    started_at: str
    """When it was opened"""
    ended_at: str | None
    """When it ended"""
    last_message_at: str
    """When the last message was written"""
    messages: NotRequired[list[CrmMessage]]


class CrmHandoff(TypedDict):
    reason: NotRequired[str | None]
    agent_id: NotRequired[str | None]


class CrmHealth(TypedDict):
    status: Literal["healthy", "unhealthy"]
    database: Literal["connected", "disconnected"]
    websocket: Literal["active", "inactive"]
    service: NotRequired[str]
    version: NotRequired[str]


class CrmMessage(TypedDict):
    """A message, as the CRM shows it."""

    id: str
    """The message"""
    conversation_id: str
    """The conversation"""
    sender_type: Literal["agent", "customer", "llm"]
    """Who wrote it"""
    sender_id: str | None
    """The agent who wrote it"""
    content: str
    """The text"""
    whatsapp_message_id: str | None
    """WhatsApp's id of the message"""
    timestamp: str
    """When it was written"""
    metadata: dict[str, Any] | None
    """Free-form: what came with the text"""


class CrmStatusChange(TypedDict):
    status: Literal["active", "expired", "handed_off", "resolved"]


class CsatFigures(TypedDict):
    """A conversation's last score in the period counts."""

    count: int
    """How many conversations were rated"""
    average: float | None
    """The mean score, from 1 to 5"""
    distribution: dict[str, int]
    """Score → how many customers gave it"""


class CursorHint(TypedDict):
    """The stream's position."""

    cursor: str
    """Resume after it with `Last-Event-ID` or `since`"""


class DayVolume(TypedDict):
    """One day in UTC. Notes do not count as messages."""

    date: str
    """The day"""
    conversations: int
    """Conversations created"""
    inbound: int
    """Messages of customers"""
    outbound: int
    """Messages to customers"""


class DeliveriesPage(TypedDict):
    items: list[Delivery]
    """The deliveries"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class Delivery(TypedDict):
    """`error`: `{code, detail}`, for a queued delivery that of the last try. `attempts`: tries so far."""

    message_id: str
    """The message"""
    conversation_id: str
    """The conversation"""
    channel_id: str
    """The channel through which the customer writes"""
    seq: int
    """The message's number in its conversation"""
    status: Literal["delivered", "failed", "queued", "read", "sent"]
    """The delivery status"""
    attempts: int
    """Attempts so far"""
    provider_id: str | None
    """The provider's id of the message"""
    error: DeliveryError | None
    """Why the last attempt failed"""
    next_attempt_at: str | None
    """When the next attempt is due"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class DeliveryError(TypedDict):
    """Why a provider did not take a message."""

    code: str
    """The provider's code, or one of ours"""
    detail: str
    """The reason, for people"""


class DemoAgent(TypedDict):
    """An agent of the demo."""

    user_id: str
    """The agent: the `sub` of their tokens"""
    name: str
    """The agent's name"""
    role: Role
    """What the agent may do"""


class DemoAgents(TypedDict):
    """The demo's agents; empty outside the demo."""

    items: list[DemoAgent]
    """The agents"""


class DemoSignIn(TypedDict):
    """The agent who signs in."""

    user_id: str
    """The agent"""


class DemoToken(TypedDict):
    """A short-lived token of a demo agent."""

    token: str
    """The access token"""
    expires_in: int
    """Seconds for which it is valid"""


class DeskAi(TypedDict):
    total_suggestions: int
    approved: int
    rejected: int
    approval_rate: float
    average_confidence: float


class DeskApproval(TypedDict):
    suggestion_id: str
    edited_body: NotRequired[str | None]
    edited_subject: NotRequired[str | None]


class DeskArchiving(TypedDict):
    reason: NotRequired[str | None]


class DeskConversation(TypedDict):
    id: str
    subject: str | None
    status: Literal["active", "archived"]
    lead_id: str
    lead: DeskLead
    message_count: int
    unread_count: int
    has_pending_suggestion: bool
    last_message_at: str | None
    last_message_preview: str | None
    archived_at: str | None
    created_at: str
    updated_at: str


class DeskConversations(TypedDict):
    conversations: list[DeskConversation]
    total: int
    page: int
    page_size: int
    has_more: bool


class DeskDelivery(TypedDict):
    """Mails. `clicked`: those with a link that was followed; they were opened too. Rates are shares of those sent."""

    sent: int
    delivered: int
    opened: int
    clicked: int
    delivery_rate: float
    open_rate: float
    click_rate: float


class DeskError(TypedDict):
    detail: str
    conversation_id: str | None
    timestamp: str


class DeskLead(TypedDict):
    id: str
    name: str | None
    email: str


class DeskMessage(TypedDict):
    id: str
    conversation_id: str
    direction: Literal["inbound", "outbound"]
    sender: DeskPerson
    recipient: DeskPerson
    subject: str | None
    body: str
    body_html: str | None
    status: str | None
    external_id: str | None
    created_at: str


class DeskPerson(TypedDict):
    name: str | None
    email: str | None


class DeskRegeneration(TypedDict):
    """`tone`, `length`: any word; the document lists none."""

    message_id: str
    tone: NotRequired[str | None]
    length: NotRequired[str | None]
    custom_prompt: NotRequired[str | None]


class DeskRejection(TypedDict):
    suggestion_id: str
    reason: NotRequired[str | None]


class DeskReply(TypedDict):
    subject: str
    body: str
    body_html: NotRequired[str | None]


class DeskStats(TypedDict):
    total_conversations: int
    active_conversations: int
    archived_conversations: int
    weekly: DeskWeek
    ai_performance: DeskAi
    delivery: DeskDelivery


class DeskSuccess(TypedDict):
    message: str
    conversation_id: str
    message_id: NotRequired[str | None]
    suggestion_id: NotRequired[str | None]
    success: NotRequired[bool]


class DeskSuggestion(TypedDict):
    id: str
    conversation_id: str
    message_id: str | None
    suggested_subject: str | None
    suggested_body: str
    confidence_score: float
    sentiment: str
    sentiment_score: float
    intent: str | None
    status: str
    model: str
    provider: str
    similar_conversations: list[str]
    rejection_reason: str | None
    created_at: str


class DeskThread(TypedDict):
    id: str
    subject: str | None
    status: Literal["active", "archived"]
    lead_id: str
    lead: DeskLead
    message_count: int
    unread_count: int
    has_pending_suggestion: bool
    last_message_at: str | None
    last_message_preview: str | None
    archived_at: str | None
    created_at: str
    updated_at: str
    messages: list[DeskMessage]
    pending_suggestion: DeskSuggestion | None
    ai_suggestions: list[DeskSuggestion]


class DeskWeek(TypedDict):
    emails_sent: int
    emails_received: int
    response_rate: float


class Draft(TypedDict):
    """An agent's unsent text."""

    conversation_id: str
    """The conversation"""
    user_id: str
    """The agent: the `sub` of their tokens"""
    name: str | None
    """The agent's name, if known"""
    content: str
    """The whole text so far"""
    is_private: bool
    """Whether it will be a private note"""
    updated_at: str
    """When it last changed"""


class DraftHint(TypedDict):
    """An agent's draft changed; without content it is gone. Customers never learn of it."""

    conversation_id: str
    """The conversation"""
    user_id: str
    """The agent"""
    name: str | None
    """Their name"""
    content: str | None
    """The text so far; null once the draft is gone"""
    is_private: bool
    """Whether it will be a private note"""
    updated_at: str | None
    """When it changed"""


class Drafts(TypedDict):
    """The newest 100, the newest first."""

    items: list[Draft]
    """The drafts"""


class DurationFigures(TypedDict):
    """In seconds, for conversations created in the period. Percentiles of the inbox's statistics are within 1 %."""

    count: int
    """How many conversations had one"""
    p50_s: float | None
    """The median, in seconds"""
    p90_s: float | None
    """The 90th percentile, in seconds"""


class EditedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["edited"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: MessageEdit
    """The details, by `kind`"""


class EditedMessage(TypedDict):
    """A message's new text."""

    id: str
    """The message"""
    seq: int
    """The message's number in the conversation"""
    content: str
    """The new text"""
    edited_at: str
    """When it was edited, by the provider's clock"""


class EntriesPage(TypedDict):
    items: list[Entry]
    """The entries, oldest first"""
    has_more: bool
    """Whether there are more after these"""


class ErasedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["erased"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: ConversationChanges
    """The details, by `kind`"""


class EventDeliveriesPage(TypedDict):
    items: list[EventDelivery]
    """The deliveries"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class EventDelivery(TypedDict):
    """`event_id` is sent as `webhook-id` at every attempt. Response, error and duration are of the newest attempt; a `pending`
    delivery is attempted at `next_attempt_at`."""

    id: str
    """A UUID"""
    webhook_id: str
    """The event webhook"""
    event_id: str
    """The event, sent as `webhook-id` at every attempt"""
    event_type: Literal[
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
    """What happened"""
    status: Literal["delivered", "delivering", "failed", "pending"]
    """The delivery status"""
    attempts: int
    """Attempts so far"""
    next_attempt_at: str | None
    """When it is attempted again"""
    response_status: int | None
    """The receiver's status at the newest attempt"""
    response_excerpt: str | None
    """The beginning of the receiver's answer"""
    error: str | None
    """Why there was no answer"""
    duration_ms: int | None
    """How long the newest attempt took"""
    created_at: str
    """When it was created"""
    delivered_at: str | None
    """When the receiver took it"""


class EventDeliveryDetail(TypedDict):
    """A delivery with the body that is sent."""

    id: str
    """A UUID"""
    webhook_id: str
    """The event webhook"""
    event_id: str
    """The event, sent as `webhook-id` at every attempt"""
    event_type: Literal[
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
    """What happened"""
    status: Literal["delivered", "delivering", "failed", "pending"]
    """The delivery status"""
    attempts: int
    """Attempts so far"""
    next_attempt_at: str | None
    """When it is attempted again"""
    response_status: int | None
    """The receiver's status at the newest attempt"""
    response_excerpt: str | None
    """The beginning of the receiver's answer"""
    error: str | None
    """Why there was no answer"""
    duration_ms: int | None
    """How long the newest attempt took"""
    created_at: str
    """When it was created"""
    delivered_at: str | None
    """When the receiver took it"""
    payload: EventWebhookBody
    """The body that is sent"""


class EventReplay(TypedDict):
    """The number of deliveries queued again."""

    replayed: int
    """How many deliveries are being resent"""


class EventReplayRequest(TypedDict):
    since: str
    """Deliveries of events from this time on"""


class EventWebhook(TypedDict):
    """`event_types` empty: all except `notification:*`. `failing_since`: no delivery has succeeded since. `disabled_reason`: `gone`
    (its receiver answered 410) or `failing` (for days); when reactivated (`is_active`), it starts with new events.
    `previous_secret_until`: until then the secret before the last rotation signs as well."""

    id: str
    """A UUID"""
    account_id: str
    """The account that it belongs to"""
    url: str
    """Where events are sent"""
    description: str | None
    """Its purpose"""
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
    """Event types to send; empty for all but `notification:*`"""
    is_active: bool
    """Whether events are sent"""
    previous_secret_until: str | None
    """Until when the secret before the last rotation signs as well"""
    failing_since: str | None
    """Since when no delivery has succeeded"""
    disabled_at: str | None
    """When the server switched it off"""
    disabled_reason: Literal["failing", "gone"] | None
    """Why: its receiver answered 410 (`gone`), or failed for days (`failing`)"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class EventWebhookBody(TypedDict):
    """The body that an event webhook receives."""

    type: str
    """What happened"""
    timestamp: str
    """When it happened"""
    data: Event
    """The event, as on the streams"""


class EventWebhookPatch(TypedDict):
    url: NotRequired[str]
    """https; no address of a private network, and no port but 443"""
    description: NotRequired[str | None]
    """Its purpose"""
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
    """Whether events are sent"""


class EventWebhookTest(TypedDict):
    """A receiver's response to a `ping`; `error` if there was none."""

    delivered: bool
    """Whether the receiver took it"""
    event_id: str
    """The `webhook-id` it was sent with"""
    response_status: int | None
    """The receiver's status; null without an answer"""
    response_excerpt: str | None
    """The beginning of the receiver's answer"""
    error: str | None
    """Why there was no answer"""
    duration_ms: int
    """How long it took"""


class EventWebhookWithSecret(TypedDict):
    """Returned only by creation and rotation, as no other response contains the secret."""

    id: str
    """A UUID"""
    account_id: str
    """The account that it belongs to"""
    url: str
    """Where events are sent"""
    description: str | None
    """Its purpose"""
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
    """Event types to send; empty for all but `notification:*`"""
    is_active: bool
    """Whether events are sent"""
    previous_secret_until: str | None
    """Until when the secret before the last rotation signs as well"""
    failing_since: str | None
    """Since when no delivery has succeeded"""
    disabled_at: str | None
    """When the server switched it off"""
    disabled_reason: Literal["failing", "gone"] | None
    """Why: its receiver answered 410 (`gone`), or failed for days (`failing`)"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""
    secret: str
    """The secret that signs, shown this once"""


class EventWebhooksPage(TypedDict):
    items: list[EventWebhook]
    """The event webhooks"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class ExportedConversation(TypedDict):
    conversation: Conversation
    """The conversation"""
    entries: list[Entry]
    """Everything that happened in it"""


class FieldError(TypedDict):
    """The error of one field."""

    path: str
    """The field, as in `attachments[0].url`; empty for the whole body"""
    message: str
    """What is wrong with it, for people"""


class FormField(TypedDict):
    """A field of a form that customers fill in before they write. The widget translates `name`, `email`, `phone` and `order`;
    other fields need a label."""

    name: str
    """The value's name"""
    label: NotRequired[str | None]
    """The label that customers read; null for the widget's default"""
    type: NotRequired[Literal["email", "phone", "text"]]
    """The kind of value"""
    required: NotRequired[bool]
    """Whether it must be filled in"""


class HandoffEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["handoff"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: HandoffReason
    """The details, by `kind`"""


class HandoffReason(TypedDict):
    """A human has been requested."""

    reason: str | None
    """Why"""


class HandoffRequest(TypedDict):
    reason: str
    """Why a human was requested"""
    agent_id: NotRequired[str | None]
    """An agent to assign it to at once"""


class HeadStart(TypedDict):
    """Minutes by which a conversation may arrive after one of priority `low` and still go before it."""

    normal: NotRequired[int]
    """Minutes of a normal priority"""
    high: NotRequired[int]
    """Minutes of a high priority"""
    urgent: NotRequired[int]
    """Minutes of an urgent priority"""


class Health(TypedDict):
    status: Literal["ok"]
    """The process is alive"""


class IdentifierOfNewContact(TypedDict):
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel type of the address"""
    identifier: str
    """The address"""
    display_name: NotRequired[str | None]
    """The name used with it"""


class Import(TypedDict):
    created: int
    """New articles"""
    updated: int
    """Articles with a new version"""
    unchanged: int
    """Articles whose file has not changed"""
    skipped: list[Skipped]
    """Files that were not imported"""


class InboundFailure(TypedDict):
    """`size`: bytes of the whole payload. `replayed_at`: when a replay succeeded completely."""

    id: str
    """A UUID"""
    channel_id: str
    """The channel whose provider sent it"""
    at: str
    """When it arrived"""
    reason: str
    """Why it could not be processed"""
    faults: list[InboundFault]
    """The problems of its parts"""
    size: int
    """Bytes of the whole payload"""
    replayed_at: str | None
    """When a replay succeeded completely"""


class InboundFailureDetail(TypedDict):
    """`payload`: as text, with invalid UTF-8 replaced. `truncated`: it was too long to be stored as a whole."""

    id: str
    """A UUID"""
    channel_id: str
    """The channel whose provider sent it"""
    at: str
    """When it arrived"""
    reason: str
    """Why it could not be processed"""
    faults: list[InboundFault]
    """The problems of its parts"""
    size: int
    """Bytes of the whole payload"""
    replayed_at: str | None
    """When a replay succeeded completely"""
    payload: str
    """The payload as text, with invalid UTF-8 replaced"""
    truncated: bool
    """Whether it was too long to be stored completely"""


class InboundFailuresPage(TypedDict):
    items: list[InboundFailure]
    """The failures"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class InboundFault(TypedDict):
    """`part`: the failed part of the payload, as JSON, truncated if long; null for the whole payload."""

    reason: str
    """The problem"""
    part: str | None
    """The failed part of the payload as JSON, cut if long; null for the whole payload"""


class InboundReplay(TypedDict):
    """The result of a replay: new messages, repeats, edits, receipts, and what still fails."""

    received: int
    """New messages"""
    repeated: int
    """Messages that had been stored before"""
    edited: int
    """Edits of messages"""
    receipts: int
    """Delivery receipts"""
    faults: list[InboundFault]
    """Parts that still fail"""
    failure: InboundFailure
    """The failure after the replay"""


class InboxPreferences(TypedDict):
    """An agent's saved filters by name, and the shortcuts that they changed, by command."""

    filters: dict[str, SavedFilter]
    """The saved filters, by name"""
    shortcuts: dict[str, str]
    """The changed keys, by the name of their command"""


class InboxPreferencesPatch(TypedDict):
    """Only what is named changes; null deletes a filter, or gives a command its default keys again."""

    filters: NotRequired[dict[str, SavedFilter | None]]
    """Filters to save or to delete, by name"""
    shortcuts: NotRequired[dict[str, str | None]]
    """Keys by the name of their command: one, or two with a space between"""


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
"""`statuses` and `queue` are as of now; everything else covers the period, which is moved out to whole hours (UTC)."""


class IncludedContact(TypedDict):
    """A contact with its addresses."""

    id: str
    """The customer"""
    name: str | None
    """The customer's name"""
    attributes: dict[str, Any]
    """Free-form: what the account keeps about the customer"""
    identifiers: list[IncludedIdentifier]
    """The customer's addresses"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class IncludedIdentifier(TypedDict):
    id: str
    """A UUID"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel type of the address"""
    identifier: str
    """The address"""
    display_name: str | None
    """The name used with it"""
    metadata: dict[str, Any]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class LabelCount(TypedDict):
    label: str
    """The label"""
    count: int
    """How many conversations have it"""


class LabelList(TypedDict):
    items: list[LabelCount]
    """The labels"""


class LeadsNotice(TypedDict):
    """Leads were told that nobody can take it."""

    summary: ConversationSummary
    """The conversation at that time"""


class LeadsNotifiedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["leads_notified"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: LeadsNotice
    """The details, by `kind`"""


class Links(TypedDict):
    """Paths of this server."""

    openapi: NotRequired[str]
    """The OpenAPI document"""
    asyncapi: NotRequired[str]
    """The AsyncAPI document: the streams"""
    docs: NotRequired[str]
    """The API as a web page"""
    inbox: NotRequired[str]
    """The agents' page"""
    health: NotRequired[str]
    """Whether the process is alive"""
    ready: NotRequired[str]
    """Whether it can serve requests"""


class MacroActions(TypedDict):
    """A macro's changes to the conversation, besides sending its text."""

    status: NotRequired[Literal["pending", "resolved"] | None]
    """The new status"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    """The new priority"""
    add_labels: NotRequired[list[str]]
    """Added to those that it has"""
    team_id: NotRequired[str | None]
    """The new team"""


class MergeRequest(TypedDict):
    into: str
    """The contact that gets everything"""


class Message(TypedDict):
    id: str
    """The message"""
    conversation_id: str
    """The conversation"""
    seq: int
    """Its number in the conversation"""
    direction: Literal["inbound", "outbound"]
    """Whether the customer or the account's side wrote it"""
    sender_type: Literal["agent", "bot", "contact", "system"]
    """Who wrote it"""
    sender_id: str | None
    """The customer's address, the agent, or the API client; null for the server, and where customers may not see it"""
    content: str
    """Its text"""
    content_type: str
    """`text`, or a kind that clients agree on"""
    attachments: list[Attachment]
    """Its files"""
    is_private: bool
    """Whether it is a private note, which the customer does not see"""
    external_id: str | None
    """The provider's id"""
    client_message_id: str | None
    """The idempotency key that it was sent with"""
    reply_to: str | None
    """The message it answers"""
    delivery_status: Literal["delivered", "failed", "queued", "read", "sent"] | None
    """The delivery status; null without a provider"""
    delivery_error: DeliveryError | None
    """Why it was not delivered"""
    metadata: dict[str, Any]
    """Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON"""
    created_at: str
    """When it was created"""


class MessageAnalysis(TypedDict):
    """`sentiment`: from -1 to 1. `confidence`: of the intent, from 0 to 1."""

    sentiment: float
    """From -1 (bad) to 1 (good)"""
    sentiment_label: Literal["negative", "neutral", "positive"]
    """The same as a word"""
    intent: str | None
    """What the customer wants"""
    confidence: float
    """How sure of the intent, from 0 to 1"""
    entities: dict[str, str]
    """What the message names"""


class MessageEdit(TypedDict):
    """The customer edited a message."""

    message_id: str
    """The message"""
    message_seq: int
    """The message's number in the conversation"""
    content: str
    """The new text"""
    previous_content: str
    """The text before"""
    edited_at: str
    """When it was edited, by the provider's clock"""


class MessageEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["message"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: Message
    """The details, by `kind`"""


class MessagesPage(TypedDict):
    items: list[Message]
    """The messages, oldest first"""
    has_more: bool
    """Whether there are more in this direction"""


class MetricsTarget(TypedDict):
    """As Prometheus's HTTP service discovery wants it."""

    targets: list[str]
    """The address where the process serves its metrics"""
    labels: dict[str, str]
    """`process`, its name, which its `kind` names too; `node`, Ray's id of its node; `release`"""


class Missed(TypedDict):
    """Conversations that missed an SLA target at least once."""

    first_reply: NotRequired[int]
    """How many missed the target of the first reply"""
    next_reply: NotRequired[int]
    """How many missed the target of a later reply"""
    resolution: NotRequired[int]
    """How many missed the target of the resolution"""


class ModelFigures(TypedDict):
    """One model's suggestions by outcome."""

    provider: str
    """The provider"""
    model: str
    """The model"""
    drafted: int
    """Suggestions drafted"""
    shown: int
    """Seen by an agent"""
    approved: int
    """Sent unchanged"""
    edited: int
    """Sent after changes"""
    edit_distance: float | None
    """Mean share of words changed in those"""
    rejected: int
    """Rejected"""
    overtaken: int
    """Became stale before a decision"""
    replaced: int
    """Drafted again before a decision"""
    sent: int
    """Approved, edited or not"""
    answered: int
    """Sent, and answered by the customer"""
    confidence: float | None
    """Their mean"""


class NewAnswer(TypedDict):
    question: str
    """A question"""
    visibility: NotRequired[Literal["public"] | None]
    """`public`: from what customers may read, as customers get it"""


class NewApiClient(TypedDict):
    name: str
    """Its purpose"""


class NewApproval(TypedDict):
    content: NotRequired[str | None]
    """The text to send; the suggested text if left out"""


class NewArticle(TypedDict):
    title: str
    """What it is about"""
    body: str
    """The text, in Markdown"""
    language: NotRequired[str | None]
    """The language it is written in"""
    visibility: NotRequired[Literal["internal", "public"]]
    """Who may read it: customers and bots too, or only the team"""


class NewAssistantConversation(TypedDict):
    title: NotRequired[str | None]
    owner_id: NotRequired[str | None]
    metadata_json: NotRequired[dict[str, Any] | None]


class NewAssistantMessage(TypedDict):
    role: Literal["assistant", "system", "user"]
    content: str
    metadata_json: NotRequired[dict[str, Any] | None]


class NewBotRule(TypedDict):
    name: str
    """The rule's name"""
    trigger_type: Literal["channel", "fallback", "keyword", "new_conversation", "time_based"]
    """The event that triggers the rule"""
    priority: NotRequired[int]
    """Lower values first; among equal ones, the older rule"""
    is_active: NotRequired[bool]
    """Whether the rule is active"""
    conditions: NotRequired[BotRuleConditions]
    """The conditions"""
    actions: NotRequired[BotRuleActions]
    """The actions"""


class NewCannedResponse(TypedDict):
    short_code: str
    """The short code by which agents find it; no spaces"""
    title: str
    """What it is about"""
    content: str
    """The text; `{{contact_name}}`, `{{agent_name}}` and `{{conversation_id}}` are filled in"""
    category: NotRequired[str | None]
    """The category it is listed under"""
    actions: NotRequired[MacroActions | None]
    """What else applying it changes; null if it is only a text"""


class NewChannel(TypedDict):
    type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The type of the channel"""
    name: str
    """The channel's name"""
    config: NotRequired[dict[str, Any]]
    """Free-form: settings of the channel's provider; `base_url` replaces the provider's address"""
    credentials: NotRequired[dict[str, str]]
    """Write-only; the names of its fields depend on the type"""
    is_active: NotRequired[bool]
    """Whether the channel receives and sends messages"""


class NewContact(TypedDict):
    name: NotRequired[str | None]
    """The customer's name"""
    attributes: NotRequired[dict[str, Any]]
    """Free-form: what the account keeps about the customer, at most 16,384 bytes as JSON"""
    identifiers: NotRequired[list[IdentifierOfNewContact]]
    """The customer's addresses"""


class NewContactIdentifier(TypedDict):
    contact_id: str
    """The customer"""
    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The channel type of the address"""
    identifier: str
    """The address"""
    display_name: NotRequired[str | None]
    """The name used with it"""
    metadata: NotRequired[dict[str, Any]]
    """Free-form: kept with the identifier, at most 16,384 bytes as JSON"""


class NewConversation(TypedDict):
    """`POST /v1/conversations` and `…/find-or-create`."""

    channel_id: str
    """The channel through which the customer writes"""
    contact_identifier: str
    """The customer's address on this channel"""
    contact_name: NotRequired[str | None]
    """The customer's name"""
    subject: NotRequired[str | None]
    """The subject"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    """How urgent it is"""
    labels: NotRequired[list[str]]
    """Labels"""
    metadata: NotRequired[dict[str, Any]]
    """Free-form: kept with the conversation, at most 16,384 bytes as JSON"""
    outlet_id: NotRequired[str | None]
    """The outlet that the customer wrote to"""


class NewCrmConversation(TypedDict):
    customer_phone: str
    outlet_id: NotRequired[str | None]
    customer_name: NotRequired[str | None]


class NewCrmMessage(TypedDict):
    """`whatsapp_message_id` is the provider's: a message with the same id exists once."""

    conversation_id: str
    sender_type: Literal["agent", "customer", "llm"]
    content: str
    whatsapp_message_id: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]


class NewDraft(TypedDict):
    """`PUT …/draft`."""

    content: str
    """The whole text so far"""
    is_private: NotRequired[bool]
    """Whether it will be a private note"""


class NewEventWebhook(TypedDict):
    url: str
    """Where to send events: https on port 443, at a public address"""
    description: NotRequired[str | None]
    """Its purpose"""
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
    """Event types to send; empty for all but `notification:*`"""
    is_active: NotRequired[bool]
    """Whether events are sent"""


class NewMessage(TypedDict):
    """`POST …/messages`. `to`, `cc` and `bcc` are for e-mail alone; without them an answer goes to all whom the mail it
    answers came from and went to."""

    content: str
    """The text"""
    sender_type: NotRequired[Literal["agent", "bot", "contact", "system"] | None]
    """The sender that a service writes as; its bot by default"""
    is_private: NotRequired[bool]
    """Whether it is a private note, which the customer does not see"""
    content_type: NotRequired[str]
    """`text`, or a kind that clients agree on"""
    attachments: NotRequired[list[Attachment]]
    """Files: uploaded ones, or public addresses"""
    reply_to: NotRequired[str | None]
    """The message it answers, of the same conversation"""
    client_message_id: NotRequired[str | None]
    """An idempotency key: a repetition returns the first message"""
    metadata: NotRequired[dict[str, Any]]
    """Free-form: kept with the message, at most 16,384 bytes as JSON"""
    to: NotRequired[list[str] | None]
    """E-mail only: recipients"""
    cc: NotRequired[list[str] | None]
    """E-mail only: recipients of a copy"""
    bcc: NotRequired[list[str] | None]
    """E-mail only: recipients of a blind copy"""


class NewPublicAnswer(TypedDict):
    question: str
    """A question"""


class NewRating(TypedDict):
    score: int
    """From 1 (worst) to 5"""
    comment: NotRequired[str | None]
    """The customer's comment"""


class NewSuggestion(TypedDict):
    """`POST …/suggestions`. With `draft`, an agent's own text is improved."""

    tone: NotRequired[Literal["casual", "empathetic", "formal", "friendly", "neutral", "professional"] | None]
    """The tone of the reply"""
    length: NotRequired[Literal["longer", "same", "shorter"] | None]
    """The length of the reply"""
    custom_prompt: NotRequired[str | None]
    """Instructions for the reply, in the agent's own words"""
    draft: NotRequired[str | None]
    """An agent's own text to improve"""


class NewSyncConversation(TypedDict):
    """`userId` is the customer's phone number."""

    userId: str
    subDomain: NotRequired[str | None]
    localId: NotRequired[str | None]
    botId: NotRequired[str | None]


class NewSyncMessage(TypedDict):
    role: Literal["bot", "user"]
    content: str
    metadata: NotRequired[dict[str, Any] | None]
    subDomain: NotRequired[str | None]


class NewTeam(TypedDict):
    name: str
    """The team's name"""
    description: NotRequired[str | None]
    """What the team does"""


class NewTeamMember(TypedDict):
    """`user_id`: the `sub` of their tokens. They need not have connected yet."""

    user_id: str
    """The `sub` of the agent's tokens"""


class NewWebchatMessage(TypedDict):
    content: str
    """The text"""
    client_message_id: NotRequired[str | None]
    """An idempotency key: a repetition returns the first message"""
    attachments: NotRequired[list[Attachment]]
    """Files: uploaded ones"""
    form: NotRequired[dict[str, str]]
    """The customer's answers to the channel's form, stored in the metadata of the conversation that the message opens"""


class NewWebchatSession(TypedDict):
    contact_name: NotRequired[str | None]
    """The customer's name"""
    contact_identifier: NotRequired[str | None]
    """The identifier of a known customer; needs a proof"""
    identity_hash: NotRequired[str | None]
    """A proof: the hex HMAC-SHA256 of the identifier with the channel's `identity_secret`"""
    identity_token: NotRequired[str | None]
    """A proof that expires: a JWT signed with the channel's `identity_secret` (HS256), with the identifier as `sub`, with `exp`, and optionally the customer's `name`"""


class NotificationAssignmentEvent(TypedDict):
    """For an agent: a conversation is theirs now."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["notification:assignment"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: AssignmentNotice
    """The details, by `type`"""


class NotificationMentionEvent(TypedDict):
    """For an agent: a note mentions them."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["notification:mention"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: Message
    """The details, by `type`"""


class NotificationOfferEvent(TypedDict):
    """For an agent: a conversation is offered to them."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["notification:offer"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: OfferNotice
    """The details, by `type`"""


class NotificationPreferences(TypedDict):
    """Stored for clients, which apply them."""

    sound: NotRequired[bool]
    """Whether a sound is played"""
    desktop: NotRequired[bool]
    """Whether the desktop shows a notification"""
    email_on_assignment: NotRequired[bool]
    """Whether an assignment is sent by e-mail"""


class NotificationPreferencesPatch(TypedDict):
    """Only given fields change."""

    sound: NotRequired[bool]
    """Whether a sound is played"""
    desktop: NotRequired[bool]
    """Whether the desktop shows a notification"""
    email_on_assignment: NotRequired[bool]
    """Whether an assignment is sent by e-mail"""


class NotificationQueueEvent(TypedDict):
    """For leads: nobody can take an urgent conversation."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["notification:queue"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: QueueNotice
    """The details, by `type`"""


class NotificationSlaEvent(TypedDict):
    """For leads: an SLA target is about to be missed, or was."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["notification:sla"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: int
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: SlaAlarm
    """The details, by `type`"""


class OfferEnd(TypedDict):
    """An offer ended."""

    offer_id: str
    """The offer's id"""
    agent_id: str
    """The agent: the `sub` of their tokens"""
    outcome: Literal["accepted", "declined", "timeout", "withdrawn"]
    """How it ended; `withdrawn`: the conversation was assigned otherwise"""


class OfferEndedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["offer_ended"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: OfferEnd
    """The details, by `kind`"""


class OfferMade(TypedDict):
    """It was offered to an agent."""

    offer_id: str
    """The offer's id"""
    agent_id: str
    """The agent: the `sub` of their tokens"""
    expires_at: str
    """When the offer expires"""


class OfferNotice(TypedDict):
    """For the agent to whom the conversation is offered."""

    id: NotRequired[str]
    """The conversation"""
    channel_id: NotRequired[str]
    """A UUID"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    """The channel's type"""
    contact_name: NotRequired[str | None]
    """The customer's name"""
    contact_identifier: NotRequired[str]
    """The customer's address on this channel"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    """How urgent it is"""
    subject: NotRequired[str | None]
    """The subject"""
    labels: NotRequired[list[str]]
    """Labels"""
    last_message_preview: NotRequired[str | None]
    """The beginning of the newest message"""
    conversation_id: str
    """The conversation"""
    offer_id: str
    """The offer's id"""
    agent_id: str
    """The agent: the `sub` of their tokens"""
    expires_at: str
    """When the offer expires"""


class OfferedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["offered"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: OfferMade
    """The details, by `kind`"""


class OpenedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["opened"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: ConversationOpening
    """The details, by `kind`"""


class OpeningHours(TypedDict):
    """Open on `days` from `start` to `end` (HH:MM, 24:00 is midnight), in the account's time zone. An `end` before
    `start` is on the next day."""

    days: list[Literal["fri", "mon", "sat", "sun", "thu", "tue", "wed"]]
    """Days of the week"""
    start: str
    """When it opens, as HH:MM"""
    end: str
    """When it closes, as HH:MM; 24:00 is midnight"""


class OverflowTeam(TypedDict):
    """After a wait of `after_minutes` this team may take conversations of another."""

    after_minutes: int
    """Minutes of waiting after which this applies"""
    team_id: str
    """The team that the conversation then goes to"""


class Passage(TypedDict):
    """A passage of an article that fits a question."""

    article_id: str
    """The article's id"""
    title: str
    """The article's title"""
    heading: str
    """The heading above the passage; empty if there is none"""
    content: str
    """The passage"""
    language: str | None
    """The article's language"""
    visibility: Literal["internal", "public"]
    """Who may read it"""
    relevance: float
    """How likely it is to answer the question, from 0 to 1"""
    found_by: list[Literal["vector", "words"]]
    """Which searches found it"""


class Passages(TypedDict):
    items: list[Passage]
    """The passages, best first"""


class PingData(TypedDict):
    """A test of an event webhook."""

    webhook_id: str
    """The event webhook"""


class Presence(TypedDict):
    """`ttl_s`: seconds until it expires, unless it is set again or a stream is open."""

    user_id: str
    """The agent: the `sub` of their tokens"""
    status: Literal["away", "offline", "online"]
    """The agent's presence"""
    ttl_s: float
    """Seconds until it expires, unless it is set again or a stream is open"""


class PresenceChange(TypedDict):
    status: Literal["away", "offline", "online"]
    """One's presence"""


class PresenceHint(TypedDict):
    """An agent came, went, holds more or less, or has another name."""

    user_id: str
    """The agent: the `sub` of their tokens"""
    status: Literal["away", "offline", "online"]
    """The agent's presence"""
    active: int
    """Conversations assigned to the agent"""
    maximum: int
    """The most conversations that the agent may hold"""
    name: NotRequired[str | None]
    """The agent's name"""


class Problem(TypedDict):
    """An error (RFC 9457)."""

    type: str
    """A URN that ends in the code"""
    title: str
    """What the code means, for people"""
    status: int
    """The HTTP status"""
    code: Literal[
        "malformed",
        "unauthenticated",
        "forbidden",
        "not_found",
        "conflict",
        "stale",
        "gone",
        "too_large",
        "unsupported_media_type",
        "invalid",
        "rate_limited",
        "overloaded",
        "storage_unavailable",
        "not_ready",
        "internal",
        "method_not_allowed",
        "request_timeout",
        "target_too_long",
        "range_not_satisfiable",
        "expectation_failed",
        "misdirected_request",
        "upgrade_required",
        "headers_too_large",
        "not_implemented",
        "http_version_not_supported",
    ]
    """The error code, for programs"""
    detail: str
    """What went wrong, for people"""
    errors: list[FieldError]
    """Wrong fields of the request"""
    request_id: str
    """The request's id, which is in the server's log"""
    current: NotRequired[dict[str, Any]]
    """Free-form: the current state of the object, which the conflict is about"""


class PublicAnswer(TypedDict):
    """An answer as a customer sees it."""

    answer: str | None
    """The answer; null if no article says it"""
    citations: list[Citation]
    """The passages that it cites"""


class PublicPassage(TypedDict):
    """A passage as a customer sees it."""

    article_id: str
    """The article's id"""
    title: str
    """The article's title"""
    heading: str
    """The heading above the passage; empty if there is none"""
    content: str
    """The passage"""
    language: str | None
    """The article's language"""


class PublicPassages(TypedDict):
    items: list[PublicPassage]
    """The passages, best first"""


class QueueFigures(TypedDict):
    """Open conversations that no agent and no bot holds."""

    waiting: int
    """How many are waiting"""
    oldest_waiting_since: str | None
    """Since when the oldest has been waiting"""


class QueueHint(TypedDict):
    """A conversation's place in the queue."""

    conversation_id: str
    """The conversation"""
    position: int
    """Its position, from 1"""
    estimated_wait_s: int | None
    """Estimated remaining wait in seconds; null until enough conversations have been served"""


class QueueItem(TypedDict):
    """`estimated_wait_s` is null while too few were served for an estimate. `offered_to`: the agent with the open offer."""

    conversation_id: str
    """The conversation"""
    position: int
    """Its position, from 1"""
    waiting_since: str
    """Since when it has been waiting"""
    estimated_wait_s: int | None
    """Estimated remaining wait in seconds; null until enough conversations have been served"""
    priority: Literal["high", "low", "normal", "urgent"]
    """How urgent it is"""
    requirements: RoutingRequirements
    """What an agent must serve"""
    strategy: Literal["least_busy", "manual_queue", "round_robin"]
    """How an agent is chosen"""
    offered_to: str | None
    """The agent with the open offer"""


class QueueNotice(TypedDict):
    """For leads: it is of high priority, and nobody can take it."""

    id: NotRequired[str]
    """The conversation"""
    channel_id: NotRequired[str]
    """A UUID"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]]
    """The channel's type"""
    contact_name: NotRequired[str | None]
    """The customer's name"""
    contact_identifier: NotRequired[str]
    """The customer's address on this channel"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"]]
    """How urgent it is"""
    subject: NotRequired[str | None]
    """The subject"""
    labels: NotRequired[list[str]]
    """Labels"""
    last_message_preview: NotRequired[str | None]
    """The beginning of the newest message"""
    conversation_id: str
    """The conversation"""


class QueuePage(TypedDict):
    items: list[QueueItem]
    """The conversations, in the order of the queue"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""
    total: int
    """How many are waiting in all"""


class QueueUpdateEvent(TypedDict):
    """A conversation moved in the queue."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["queue:update"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: str
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: QueueHint
    """The details, by `type`"""


class RatedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["rated"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: ConversationRating
    """The details, by `kind`"""


class ReadMarker(TypedDict):
    seq: int
    """The number up to which everything has been read"""


class Readiness(TypedDict):
    """`checks` has each part of the server: `ok`, or its fault."""

    status: Literal["not_ready", "ready"]
    """Whether requests can be served"""
    checks: dict[str, str]
    """Each part → `ok`, or what is wrong. Without `valkey`, `rabbitmq` and `event_stream` requests are served all the same"""


class ReadyEvent(TypedDict):
    """The stream has begun; the first event of each."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["ready"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: None
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: CursorHint
    """The details, by `type`"""


class ReceiptHint(TypedDict):
    """A message's delivery status."""

    message_id: str
    """The message"""
    delivery_status: Literal["delivered", "failed", "queued", "read", "sent"]
    """The delivery status"""
    delivery_error: NotRequired[DeliveryError]
    """Why it was not delivered"""


class Rejection(TypedDict):
    reason: NotRequired[str | None]
    """Why it is not useful"""


class RelaxStep(TypedDict):
    """After a wait of `after_minutes` an agent need no longer match this."""

    after_minutes: int
    """Minutes of waiting after which this applies"""
    drop: Literal["language", "team", "topics"]
    """Requirements that agents no longer need to match"""


class RenderRequest(TypedDict):
    conversation_id: str
    """The conversation whose values are filled in"""


class RenderedResponse(TypedDict):
    content: str
    """The text, with the values filled in"""


Report = TypedDict(
    "Report",
    {
        "from": "str",
        "to": "str",
        "dimension": "Literal['account', 'agent', 'channel', 'label', 'team']",
        "items": "list[ReportItem]",
        "more": "int",
    },
)
"""The period is moved out to whole hours (UTC)."""


class ReportDay(TypedDict):
    """One day in UTC: what happened on it, and how the conversations fared that were created on it."""

    date: str
    """The day"""
    conversations: int
    """Conversations created"""
    resolved: int
    """Conversations resolved, and not reopened since"""
    inbound: int
    """Messages of customers"""
    outbound: int
    """Messages to customers"""
    assigned: int
    """How often conversations were assigned"""
    missed: Missed
    """Of the conversations created: how many missed SLA targets"""
    first_reply_p50_s: float | None
    """Median time until the first reply, in seconds"""
    resolution_p50_s: float | None
    """Median time until the resolution, in seconds"""
    wait_p50_s: float | None
    """Median time until the first assignment, in seconds"""
    csat_count: int
    """Scores given"""
    csat_average: float | None
    """Their mean, from 1 to 5"""


class ReportItem(TypedDict):
    """The figures of one agent, team, channel or label, or of the whole account.

    A conversation counts for its present team and labels. For an agent: `conversations`, `resolved` and `resolution` are of those that the
    agent held last, `first_reply` of those whose first reply the agent wrote, `missed` and `csat` of those that the agent held then,
    `outbound` the agent's own messages, and `statuses` what the agent holds now."""

    id: str
    """The agent's, team's, channel's or account's id, or the label"""
    conversations: int
    """Conversations created in the period"""
    resolved: int
    """Conversations resolved in the period, and not reopened since"""
    inbound: int | None
    """Messages of customers; null where they are not counted: agents, teams, labels"""
    outbound: int | None
    """Messages to customers; null for teams and labels"""
    bot_messages: int | None
    """Messages to customers that bots wrote; null where `inbound` is"""
    handoffs: int | None
    """How often a human was requested; null where `inbound` is"""
    assigned: int | None
    """How often conversations were assigned; null for teams and labels"""
    first_reply: DurationFigures
    """Time until the first reply"""
    resolution: DurationFigures
    """Time until the resolution"""
    wait: DurationFigures
    """Time until the first assignment; not counted for agents"""
    missed: Missed
    """Of the conversations created in the period: how many missed SLA targets"""
    csat: CsatFigures
    """Customers' ratings"""
    statuses: dict[str, int]
    """Status → how many conversations have it now"""
    days: list[ReportDay]
    """The same figures for every day of the period; empty where several items are listed"""


class ResetEvent(TypedDict):
    """Events may be missing: fetch everything again, then continue from here."""

    id: str
    """A cursor: resume after it with `Last-Event-ID` or `since`"""
    type: Literal["reset"]
    """What happened"""
    topic: str
    """The topic it was published to"""
    conversation_id: None
    """The conversation, if the event concerns one"""
    seq: None
    """Its entry's number; null for hints, which are not stored"""
    at: str
    """When it happened"""
    data: CursorHint
    """The details, by `type`"""


class RoutingCandidate(TypedDict):
    """An agent at the time of the decision. Without a rank and without reasons it ranked lower than those whose figures were kept."""

    agent_id: str
    """The agent: the `sub` of their tokens"""
    reasons: NotRequired[list[Reason]]
    """Why it was ruled out"""
    rank: NotRequired[int | None]
    """Its rank, from 1"""
    load: NotRequired[int | None]
    """Conversations assigned or offered"""
    maximum: NotRequired[int | None]
    """How many it could hold"""
    idle_since: NotRequired[str | None]
    """Since when its load has not changed"""
    assigned_at: NotRequired[str | None]
    """When it last received a conversation"""


class RoutingEntries(TypedDict):
    items: list[RoutingEntry]
    """The entries, in order"""
    has_more: bool
    """Whether there are later entries"""


class RoutingEntry(TypedDict):
    position: int
    """Its position, from 1 without gaps"""
    at: str
    """When it happened"""
    kind: Literal[
        "accepted",
        "agent_changed",
        "arrived",
        "checkpoint",
        "declined",
        "found",
        "gone",
        "policy_changed",
        "presence_changed",
        "restored",
        "taken",
        "time_passed",
    ]
    """What happened"""
    agent_id: str | None
    """The agent it concerns"""
    conversation_id: str | None
    """The conversation it concerns"""
    data: dict[str, Any]
    """Free-form: the input, by kind"""


class RoutingNeed(TypedDict):
    """The requirements of a conversation for its agent."""

    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The type of channel"""
    topics: NotRequired[list[str]]
    """Any of these topics"""
    language: NotRequired[str | None]
    """The language"""
    teams: NotRequired[list[str]]
    """Any of these teams"""


class RoutingRecord(TypedDict):
    """A routing decision: every agent, why it was passed over or how it ranked, and the inputs to repeat the decision."""

    at: int
    """When, in ms since 1970"""
    conversation_id: str
    """The conversation"""
    need: RoutingNeed
    """The requirements"""
    strategy: Literal["least_busy", "manual_queue", "round_robin"]
    """How agents were ranked"""
    roster: str
    """A digest of `agents`"""
    agents: NotRequired[list[str]]
    """All agents, by slot"""
    passed: NotRequired[dict[str, str]]
    """Reason → the slots it applies to, as a hexadecimal bit mask"""
    sticky: NotRequired[str | None]
    """The agent preferred for this customer"""
    ranked: NotRequired[list[list[int]]]
    """The best agents, in order: slot, load, maximum, idle since, assigned at"""
    chosen: NotRequired[str | None]
    """The chosen agent; null if it had to wait"""
    candidates: NotRequired[list[RoutingCandidate]]
    """The same for each agent"""


class RoutingRequirements(TypedDict):
    """An agent's requirements for routing to assign the conversation."""

    channel_type: Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"]
    """The type of channel"""
    topics: list[str]
    """The topics"""
    language: str | None
    """The language"""
    team_id: str | None
    """The team"""


class RoutingSettings(TypedDict):
    """`sticky_hours`: for how long the agent of a customer's last conversation is preferred for the next; 0: never.
    `shadow_policy`: a rule that decides nothing and is compared with each decision; null: none."""

    strategy: NotRequired[Literal["least_busy", "manual_queue", "round_robin"]]
    """How an agent is chosen"""
    sticky_hours: NotRequired[int]
    """For how many hours a customer's last agent is preferred; 0 for never"""
    relax: NotRequired[list[RelaxStep]]
    """Requirements that are dropped while a conversation waits"""
    overflow: NotRequired[OverflowTeam | None]
    """A team for conversations that wait too long"""
    head_start_minutes: NotRequired[HeadStart]
    """How many minutes of waiting a priority is worth"""
    shadow_policy: NotRequired[
        Literal["fastest_first", "least_busy", "longest_idle", "most_idle", "round_robin"] | None
    ]
    """Another way to choose an agent that is compared with each decision, and decides nothing"""


class SavedFilter(TypedDict):
    """The conditions of a list and its order, as `GET /v1/conversations` takes them. Empty and null mean any."""

    status: NotRequired[list[ConversationStatus]]
    """Only these statuses; empty for any"""
    team_id: NotRequired[str | None]
    """Only those of this team"""
    channel_type: NotRequired[Literal["email", "messenger", "sms", "telegram", "webchat", "whatsapp"] | None]
    """Only those of channels of this type"""
    label: NotRequired[str | None]
    """Only those with this label"""
    priority: NotRequired[Literal["high", "low", "normal", "urgent"] | None]
    """Only those of this priority"""
    q: NotRequired[str]
    """Only those with this text"""
    sort: NotRequired[
        Literal[
            "created_at:asc",
            "created_at:desc",
            "last_message_at:asc",
            "last_message_at:desc",
            "priority:asc",
            "priority:desc",
            "waiting_since:asc",
            "waiting_since:desc",
        ]
    ]
    """The order"""


class Session(TypedDict):
    """The page's session."""

    token: str | None
    """The access token; null if nobody is signed in here"""
    account_id: NotRequired[str | None]
    """The chosen one of the token's accounts"""


class Shadow(TypedDict):
    """What the account's shadow policy (`settings.routing.shadow_policy`) has counted. Decisions are assignments and offers by
    routing. `agreement`: of those compared; null before the first."""

    policy: Literal["fastest_first", "least_busy", "longest_idle", "most_idle", "round_robin"] | None
    """The shadow policy; null for none"""
    since: str | None
    """Since when it has been counting; null without one"""
    decisions: int
    """Decisions since then"""
    compared: int
    """Decisions that it was compared with; fewer only under heavy load"""
    agreed: int
    """Those for which it would have chosen the same agent"""
    agreement: float | None
    """The share of these"""
    agents: list[ShadowAgent]
    """What agents got, and would have got"""
    recent: list[ShadowDifference]
    """The last 50 that differ, the newest first"""


class ShadowAgent(TypedDict):
    user_id: str
    """The agent: the `sub` of their tokens"""
    got: int
    """Compared conversations that went to the agent"""
    would_get: int
    """Those that the shadow policy would have given to the agent"""


class ShadowDifference(TypedDict):
    at: str
    """When it was decided"""
    conversation_id: str
    """The conversation"""
    agent_id: str
    """The agent who got it"""
    shadow_agent_id: str
    """The agent whom the shadow policy would have chosen"""


class Skipped(TypedDict):
    path: str
    """The file's path in the archive"""
    reason: str
    """Why it was skipped"""


class SlaAlarm(TypedDict):
    """For leads: an SLA target is about to be missed, or was."""

    target: Literal["first_reply", "next_reply", "resolution"]
    """The target"""
    state: Literal["breach", "warning"]
    """Whether it is about to be missed, or has been missed"""
    due_at: str
    """When it is due"""
    conversation_id: str
    """The conversation"""


class SlaClock(TypedDict):
    """One running target. Its times lie in business hours; null if they are more than ten years away."""

    target: Target
    """The target"""
    warn_at: str | None
    """When leads are warned"""
    due_at: str | None
    """When it is due"""
    state: Literal["breach", "running", "warning"]
    """Its state: in time, soon missed, missed"""


class SlaClockList(TypedDict):
    """Conversations that do not exist are left out."""

    items: list[SlaClocks]
    """The clocks of each conversation"""
    has_targets: bool
    """Whether the account has targets at all"""


class SlaClocks(TypedDict):
    conversation_id: str
    """The conversation"""
    seq: int
    """The newest entry of the conversation that these clocks take into account"""
    clocks: list[SlaClock]
    """Its running targets, most urgent first"""


class SlaEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["sla"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: SlaNotice
    """The details, by `kind`"""


class SlaNotice(TypedDict):
    """An SLA target is about to be missed, or was."""

    target: Literal["first_reply", "next_reply", "resolution"]
    """The target"""
    state: Literal["breach", "warning"]
    """Whether it is about to be missed, or has been missed"""
    due_at: str
    """When it is due"""


class SlaSettings(TypedDict):
    """Targets of all conversations, overridden by those of a priority. A warning is sent when `warn_percent` of a target's time has
    passed."""

    first_reply_minutes: NotRequired[int | None]
    """Minutes until an agent's first reply; null for none"""
    next_reply_minutes: NotRequired[int | None]
    """Minutes until the reply to each later message; null for none"""
    resolution_minutes: NotRequired[int | None]
    """Minutes until it is resolved; null for none"""
    priorities: NotRequired[dict[str, SlaTargets]]
    """Targets that replace these for a priority"""
    warn_percent: NotRequired[int]
    """The share of a target's time after which a warning is sent"""


class SlaTargets(TypedDict):
    """Targets in minutes of business time; null for none. `next_reply`: for each message after the first reply."""

    first_reply_minutes: NotRequired[int | None]
    """Minutes until an agent's first reply; null for none"""
    next_reply_minutes: NotRequired[int | None]
    """Minutes until the reply to each later message; null for none"""
    resolution_minutes: NotRequired[int | None]
    """Minutes until it is resolved; null for none"""


class Source(TypedDict):
    kind: Literal["article", "conversation"]
    """The kind of source"""
    id: str
    """A UUID"""
    title: str
    """Its title"""


StatusChange = TypedDict(
    "StatusChange",
    {
        "from": "ConversationStatus",
        "to": "ConversationStatus",
    },
)
"""From one status to another."""


StatusChangeWithReason = TypedDict(
    "StatusChangeWithReason",
    {
        "from": "ConversationStatus",
        "to": "ConversationStatus",
        "reason": "str | None",
    },
)
"""From one status to another, and why."""


class StatusEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["status"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: StatusChangeWithReason
    """The details, by `kind`"""


class StreamEnd(TypedDict):
    """Why an event stream ends; `retry:` beside it says when to come back."""

    code: int
    """The code that a WebSocket would be closed with: see docs/errors.md"""
    reason: str
    """The reason, for people"""


class StreamTicket(TypedDict):
    ticket: str
    """Opens one stream when passed as the query parameter `ticket`"""
    expires_at: str
    """When it expires"""


class Suggestion(TypedDict):
    """A suggested reply. It is sent only when somebody approves it, and never after the customer or an agent has written again."""

    id: str
    """A UUID"""
    conversation_id: str
    """The conversation"""
    message_id: str | None
    """The customer's message that it answers"""
    seq: int
    """The last message that it takes into account"""
    status: Literal["approved", "approving", "edited", "pending", "rejected", "replaced", "stale"]
    """`pending` until somebody decides or a newer message arrives"""
    subject: str | None
    """The conversation's subject"""
    body: str
    """The suggested text"""
    confidence: float
    """Its confidence, from 0 to 1"""
    analysis: MessageAnalysis
    """The analysis of the customer's message"""
    provider: str
    """The provider that wrote it"""
    model: str
    """The model"""
    failed_provider: str | None
    """The provider that should have written it but failed"""
    failed_reason: str | None
    """Why it failed"""
    tone: Literal["casual", "empathetic", "formal", "friendly", "neutral", "professional"] | None
    """The requested tone"""
    length: Literal["longer", "same", "shorter"] | None
    """The requested length"""
    sources: list[Source]
    """What it is based on; cited as [1], [2] …"""
    requested_by: str | None
    """Who requested it; null if the customer's message triggered it"""
    created_at: str
    """When it was created"""
    decided_at: str | None
    """When it was decided"""
    decided_by: str | None
    """Who decided"""
    reason: str | None
    """Why it was rejected"""
    edit_distance: float | None
    """The share of words changed before it was sent"""
    sent_message_id: str | None
    """The message that was sent"""


class SuggestionHint(TypedDict):
    """A suggestion was drafted or decided. Customers never learn of it."""

    conversation_id: str
    """The conversation"""
    suggestion_id: str
    """The suggestion"""
    status: Literal["approved", "approving", "edited", "pending", "rejected", "replaced", "stale"]
    """Its state; `pending` while it is new"""
    confidence: float
    """The draft's confidence, from 0 to 1"""


class SuggestionStats(TypedDict):
    """Figures since a time, by model, and the usage of model calls."""

    since: str
    """RFC 3339, in UTC, with milliseconds"""
    models: list[ModelFigures]
    """Suggestions, by provider and model"""
    usage: list[UsageRow]
    """Model calls"""


class Suggestions(TypedDict):
    items: list[Suggestion]
    """The newest 20, newest first"""


class SyncContext(TypedDict):
    context: dict[str, Any]
    subDomain: NotRequired[str | None]


class SyncEnvelope(TypedDict):
    message: str
    data: Any
    type: NotRequired[str]


class SyncError(TypedDict):
    message: str
    type: NotRequired[str]


class SyncIntent(TypedDict):
    intent: str
    step: NotRequired[str | None]
    subDomain: NotRequired[str | None]


class SyncUpdate(TypedDict):
    """The agent's state; the context and the metadata are merged key by key."""

    intent: NotRequired[str | None]
    step: NotRequired[str | None]
    context: NotRequired[dict[str, Any] | None]
    metadata: NotRequired[dict[str, Any] | None]
    subDomain: NotRequired[str | None]


class Team(TypedDict):
    id: str
    """The team"""
    account_id: str
    """The account that it belongs to"""
    name: str
    """The team's name"""
    description: str | None
    """What the team does"""
    created_at: str
    """When it was created"""
    updated_at: str
    """When it last changed"""


class TeamMember(TypedDict):
    """`created_at`: when the agent joined."""

    user_id: str
    """The agent: the `sub` of their tokens"""
    name: str | None
    """The agent's name"""
    created_at: str
    """When the agent joined"""


class TeamMembersPage(TypedDict):
    items: list[TeamMember]
    """The members"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class TeamPatch(TypedDict):
    name: NotRequired[str]
    """The team's name"""
    description: NotRequired[str | None]
    """What the team does; null to clear it"""


class TeamsPage(TypedDict):
    items: list[Team]
    """The teams"""
    next_cursor: str | None
    """Pass it as `cursor` to get the next page; null on the last one"""


class TimeRange(TypedDict):
    """Every day from `start` to `end` in `tz`; an `end` before `start` is on the next day."""

    start: str
    """When it begins, as HH:MM"""
    end: str
    """When it ends, as HH:MM; before `start` it is on the next day"""
    tz: NotRequired[str]
    """IANA name of the time zone"""


class Token(TypedDict):
    access_token: str
    """The service token, a JWT"""
    token_type: Literal["Bearer"]
    """How to send it"""
    expires_in: int
    """Seconds for which it is valid"""


class TokenRequest(TypedDict):
    """RFC 6749 section 4.4. Id and secret may be sent by HTTP Basic instead; `scope` is accepted and ignored."""

    grant_type: Literal["client_credentials"]
    """The only supported grant"""
    client_id: NotRequired[str | None]
    """The client's id, unless HTTP Basic carries it"""
    client_secret: NotRequired[str | None]
    """Its secret, unless HTTP Basic carries it"""
    scope: NotRequired[str | None]
    """Accepted and ignored"""


class TypingChange(TypedDict):
    state: Literal["start", "stop"]
    """Whether the user starts or stops typing"""


class TypingHint(TypedDict):
    """Somebody types, or has stopped."""

    conversation_id: str
    """The conversation"""
    user_id: str
    """The agent, or the customer's address"""
    name: str | None
    """Their name"""
    state: Literal["start", "stop"]
    """Whether they started or stopped typing"""


class UpdatedEntry(TypedDict):
    seq: int
    """Its number in the conversation, from 1"""
    kind: Literal["updated"]
    """What happened"""
    at: str
    """When it happened"""
    actor: Actor
    """Who did it"""
    data: ConversationChanges
    """The details, by `kind`"""


class UploadedAttachment(TypedDict):
    """`url` is how messages name it."""

    id: str
    """A UUID"""
    url: str
    """The URL that messages refer to it by"""
    name: str | None
    """The file's name"""
    content_type: str
    """The media type of its bytes"""
    size: int
    """Its size in bytes"""


class UsageRow(TypedDict):
    """Calls of one model for one purpose, with one outcome."""

    provider: str
    """The provider"""
    model: str
    """The model"""
    purpose: str
    """The purpose"""
    outcome: str
    """The outcome"""
    calls: int
    """How many calls"""
    tokens_in: int
    """Tokens sent"""
    tokens_out: int
    """Tokens received"""
    cost: float
    """US dollars"""
    ms: int
    """Total milliseconds"""


class Viewing(TypedDict):
    """`POST …/viewing`."""

    state: Literal["start", "stop"]
    """Whether one has it open; repeat `start` within 45 seconds while one does"""


class ViewingHint(TypedDict):
    """An agent has a conversation open, or no longer. Customers never learn of it."""

    conversation_id: str
    """The conversation"""
    user_id: str
    """The agent"""
    name: str | None
    """Their name"""
    state: Literal["start", "stop"]
    """Whether they have it open; a `start` expires after 45 s"""


class VolumeFigures(TypedDict):
    conversations: int
    """Conversations created"""
    inbound: int
    """Messages of customers"""
    outbound: int
    """Messages to customers"""
    days: list[DayVolume]
    """The same figures by day"""


class Webchat(TypedDict):
    """The widget's content before a customer has a session."""

    channel_id: str
    """The channel through which the customer writes"""
    title: str
    """The title in its header"""
    greeting: str | None
    """The greeting that a visitor reads first"""
    color: str | None
    """The colour of its button and header"""
    is_open: bool
    """Whether the account is within its business hours"""
    opens_at: str | None
    """When the account opens next, if it is closed"""
    require_identity: bool
    """Whether only known customers get a session"""
    form: list[FormField]
    """The form shown before the first message"""
    attachments: bool
    """Whether customers may send files"""
    max_attachment: int
    """Largest file, in bytes"""
    articles: bool
    """Whether there are public articles to search"""


class WebchatConversation(TypedDict):
    """The state of a customer's newest conversation. `can_rate`: they were asked for a score, and have given none."""

    conversation: Conversation | None
    """The conversation; null before the first message"""
    agent_name: str | None
    """The name of the agent who holds it"""
    estimated_wait_s: int | None
    """Estimated remaining wait in seconds; null until enough conversations have been served"""
    can_rate: bool
    """Whether the customer is asked for a score"""


class WebchatSession(TypedDict):
    token: str
    """The customer's token, a JWT"""
    contact_identifier: str
    """The customer's address on this channel"""
    expires_at: str
    """When the token expires"""


class Welcome(TypedDict):
    """A description of this server."""

    name: NotRequired[str]
    """The server's name"""
    description: NotRequired[str]
    """What it does"""
    links: NotRequired[Links]
    """Where to go from here"""


ConversationStatus: TypeAlias = Literal["assigned", "bot", "closed", "expired", "open", "pending", "resolved"]


Entry: TypeAlias = (
    OpenedEntry
    | MessageEntry
    | StatusEntry
    | AssignedEntry
    | OfferedEntry
    | OfferEndedEntry
    | UpdatedEntry
    | HandoffEntry
    | RatedEntry
    | SlaEntry
    | LeadsNotifiedEntry
    | EditedEntry
    | ErasedEntry
)


Event: TypeAlias = (
    ConversationNewEvent
    | ConversationUpdatedEvent
    | ConversationStatusEvent
    | ConversationMessageEvent
    | ConversationReceiptEvent
    | ConversationTypingEvent
    | ConversationDraftEvent
    | ConversationSuggestionEvent
    | ConversationViewingEvent
    | ConversationHandoffEvent
    | AgentAssignedEvent
    | AgentPresenceEvent
    | NotificationAssignmentEvent
    | NotificationOfferEvent
    | NotificationMentionEvent
    | NotificationQueueEvent
    | NotificationSlaEvent
    | QueueUpdateEvent
    | ReadyEvent
    | ResetEvent
    | CloseEvent
)


Reason: TypeAlias = Literal[
    "away",
    "channel",
    "declined",
    "full",
    "language",
    "offline",
    "outside_hours",
    "team",
    "topic",
    "unavailable",
]


Role: TypeAlias = Literal["admin", "agent", "customer", "lead", "service"]


Target: TypeAlias = Literal["first_reply", "next_reply", "resolution"]
