"""Agents' preferences, teams and canned responses as the API shows them, and how they are made from records."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..accounts.agents_and_teams import (
    AgentPreferences,
    AvailableHours,
    CannedResponse,
    MacroActions,
    NotificationPreferences,
    Team,
    TeamMember,
)
from ..accounts.records import ChannelType
from ..text.fields import AccountId, AgentId, Count, CreatedAt, Id, TeamId, Timestamp, UpdatedAt, about
from ..times import rfc3339
from .statistics import Csat, Durations


class AgentPreferencesView(msgspec.Struct, frozen=True):
    """Empty lists and no hours mean any."""

    id: Id
    user_id: AgentId
    available_channels: Annotated[
        tuple[ChannelType, ...], about("Channel types that the agent serves; empty for any", ["webchat"])
    ]
    available_topics: Annotated[
        tuple[str, ...], about("Topics that the agent serves; empty for any", ["billing"])
    ]
    available_hours: Annotated[AvailableHours | None, about("The agent's working hours; null for any time")]
    languages: Annotated[tuple[str, ...], about("Languages that the agent speaks; empty for any", ["en"])]
    max_concurrent_conversations: Annotated[
        Count, about("How many conversations the agent may hold at once", 5)
    ]
    is_available: Annotated[bool, about("Whether the agent receives conversations at all")]
    auto_accept: Annotated[bool, about("Whether conversations are assigned without an offer")]
    notification_preferences: Annotated[NotificationPreferences, about("How clients notify the agent")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class TeamView(msgspec.Struct, frozen=True):
    id: TeamId
    account_id: AccountId
    name: Annotated[str, about("The team's name", "Billing")]
    description: Annotated[str | None, about("What the team does", "Refunds and invoices")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class TeamMemberView(msgspec.Struct, frozen=True):
    """`created_at`: when the agent joined."""

    user_id: AgentId
    name: Annotated[str | None, about("The agent's name", "Abel")]
    created_at: Annotated[Timestamp, about("When the agent joined")]


class CannedResponseView(msgspec.Struct, frozen=True):
    """`content` may contain `{{contact_name}}`, `{{agent_name}}` and `{{conversation_id}}`. With `actions` it is a macro."""

    id: Id
    account_id: AccountId
    short_code: Annotated[str, about("The short code by which agents find it", "/refund")]
    title: Annotated[str, about("The title", "Refund")]
    content: Annotated[
        str, about("The text, with its placeholders", "Hello {{contact_name}}, your refund is on its way.")
    ]
    category: Annotated[str | None, about("The category it is listed under", "billing")]
    created_by: Annotated[str | None, about("Who created it", "00000000-0000-0000-0000-000000000024")]
    created_at: CreatedAt
    updated_at: UpdatedAt
    actions: Annotated[
        MacroActions | None,
        about(
            "What else applying it changes; null if it is only a text",
            {"add_labels": ["refund"], "status": "resolved"},
        ),
    ]


class AgentStats(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """An agent's figures for a period. `assigned`: how often the agent received a conversation; `resolved`: conversations resolved in
    the period that were and still are theirs; `messages`: without notes; `first_reply`: of conversations that the agent answered
    first; `csat`: of conversations that the agent held last before the score.
    """

    start: Annotated[Timestamp, about("The beginning of the period")]
    end: Annotated[Timestamp, about("The end of the period")]
    user_id: AgentId
    assigned: Annotated[Count, about("How often the agent received a conversation")]
    resolved: Annotated[Count, about("Conversations resolved in the period and still assigned to the agent")]
    messages: Annotated[Count, about("The agent's messages, without notes")]
    first_reply: Annotated[Durations, about("For conversations whose first reply was the agent's")]
    csat: Annotated[Csat, about("For conversations that the agent was the last to hold before the score")]


class LabelCount(msgspec.Struct, frozen=True):
    label: Annotated[str, about("The label", "refund")]
    count: Annotated[Count, about("How many conversations have it")]


def preferences_view(p: AgentPreferences) -> AgentPreferencesView:
    return AgentPreferencesView(
        p.id,
        p.user_id,
        p.available_channels,
        p.available_topics,
        p.available_hours,
        p.languages,
        p.max_concurrent_conversations,
        p.is_available,
        p.auto_accept,
        p.notification_preferences,
        rfc3339(p.created_at),
        rfc3339(p.updated_at),
    )


def team_view(t: Team) -> TeamView:
    return TeamView(t.id, t.account_id, t.name, t.description, rfc3339(t.created_at), rfc3339(t.updated_at))


def member_view(m: TeamMember) -> TeamMemberView:
    return TeamMemberView(m.user_id, m.name, rfc3339(m.created_at))


def canned_view(c: CannedResponse) -> CannedResponseView:
    return CannedResponseView(
        c.id,
        c.account_id,
        c.short_code,
        c.title,
        c.content,
        c.category,
        c.created_by,
        rfc3339(c.created_at),
        rfc3339(c.updated_at),
        c.actions,
    )
