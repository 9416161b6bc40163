"""Agents' preferences, teams and canned responses as the API shows them, and how they are made from records."""

from __future__ import annotations

import msgspec

from ..accounts.agents_and_teams import (
    AgentPreferences,
    AvailableHours,
    CannedResponse,
    NotificationPreferences,
    Team,
    TeamMember,
)
from ..accounts.records import ChannelType
from ..times import rfc3339
from .inbox import Csat, Durations


class AgentPreferencesView(msgspec.Struct, frozen=True):
    """Empty lists and no hours mean any."""

    id: str
    user_id: str
    available_channels: tuple[ChannelType, ...]
    available_topics: tuple[str, ...]
    available_hours: AvailableHours | None
    languages: tuple[str, ...]
    max_concurrent_conversations: int
    is_available: bool
    auto_accept: bool
    notification_preferences: NotificationPreferences
    created_at: str
    updated_at: str


class TeamView(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    name: str
    description: str | None
    created_at: str
    updated_at: str


class TeamMemberView(msgspec.Struct, frozen=True):
    """`created_at`: when the agent joined."""

    user_id: str
    name: str | None
    created_at: str


class CannedResponseView(msgspec.Struct, frozen=True):
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


class AgentStats(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """An agent's figures for a period. `assigned`: how often the agent received a conversation; `resolved`: conversations resolved in
    the period that were and still are theirs; `messages`: without notes; `first_reply`: of conversations that the agent answered
    first; `csat`: of conversations that the agent held last before the score.
    """

    start: str
    end: str
    user_id: str
    assigned: int
    resolved: int
    messages: int
    first_reply: Durations
    csat: Csat


class LabelCount(msgspec.Struct, frozen=True):
    label: str
    count: int


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
    )
