"""The people around conversations: agents and their preferences, teams, canned responses. Frozen records with times in ms,
and the rules of what preferences may say.

Whether an agent is there, and who gets a conversation, is not decided here.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ..errors import Invalid
from ..text.normalization import MAX_FOLDED, normalized
from .account_settings import Hours, block_faults, is_timezone
from .records import ChannelType

MAX_BLOCKS = 50
CAPACITY = 5
"""Conversations an agent holds at once unless told otherwise."""


class Agent(msgspec.Struct, frozen=True):
    """`name` as a token or the account's owner told it; None where nobody has."""

    user_id: str
    name: str | None


class AvailableHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an agent takes conversations, in the agent's own time zone. An empty schedule means any time."""

    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="IANA name")]
    schedule: Annotated[list[Hours], msgspec.Meta(max_length=MAX_BLOCKS)] = []


class NotificationPreferences(msgspec.Struct, frozen=True):
    """For clients to obey."""

    sound: bool = True
    desktop: bool = True
    email_on_assignment: bool = False


class AgentPreferences(msgspec.Struct, frozen=True):
    """One agent's in one account. Empty lists and no hours mean any."""

    id: str
    account_id: str
    user_id: str
    available_channels: tuple[ChannelType, ...]
    available_topics: tuple[str, ...]
    available_hours: AvailableHours | None
    languages: tuple[str, ...]
    max_concurrent_conversations: int
    is_available: bool
    auto_accept: bool
    notification_preferences: NotificationPreferences
    created_at: int
    updated_at: int


class PreferencesFilter(msgspec.Struct, frozen=True):
    """What a list asks for; None and nothing ask for nothing. Who serves any topic or channel serves these."""

    is_available: bool | None = None
    topics: tuple[str, ...] = ()
    channels: tuple[ChannelType, ...] = ()


class Team(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    name: str
    description: str | None
    created_at: int
    updated_at: int


class TeamMember(msgspec.Struct, frozen=True):
    """`id` is the membership's."""

    id: str
    team_id: str
    user_id: str
    name: str | None
    created_at: int


class CannedResponse(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    short_code: str
    title: str
    content: str
    category: str | None
    created_by: str | None
    created_at: int
    updated_at: int


def folded(text: str) -> str:
    """What two names have in common that a person takes for the same: compatibility forms, case and spaces aside."""
    text = normalized("NFKC", text[:MAX_FOLDED]).casefold()
    return " ".join(normalized("NFKC", text).split())


def check_hours(hours: AvailableHours, path: str = "available_hours") -> None:
    """Raises Invalid with a path below `path`: a time zone that is none, a block that is empty or begins at 24:00."""
    errors = [] if is_timezone(hours.timezone) else [(f"{path}.timezone", "no such IANA time zone")]
    for index, block in enumerate(hours.schedule):
        errors += block_faults(block, f"{path}.schedule[{index}]")
    if errors:
        raise Invalid("the available hours are not valid", errors=tuple(errors))


def distinct(changes: dict[str, Any]) -> dict[str, Any]:
    """Changes whose lists name everything once."""
    return {k: list(dict.fromkeys(v)) if isinstance(v, list) else v for k, v in changes.items()}
