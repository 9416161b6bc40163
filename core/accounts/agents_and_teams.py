"""Agents and their preferences, teams and canned responses: frozen records with times in ms, and the validation of preferences.

Presence and routing are not decided here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ..errors import Invalid
from ..text.fields import about
from ..text.normalization import MAX_FOLDED, normalized
from .account_settings import Hours, block_faults, is_timezone
from .records import ChannelType

MAX_BLOCKS = 50


class Agent(msgspec.Struct, frozen=True):
    """`name` as given by a token or an admin; None if never given."""

    user_id: str
    name: str | None


class AvailableHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hours in which an agent takes conversations, in the agent's own time zone. An empty schedule means any time."""

    timezone: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=64),
        about("IANA name of the agent's time zone", "Europe/Berlin"),
    ]
    schedule: Annotated[
        list[Hours], msgspec.Meta(max_length=MAX_BLOCKS), about("When the agent works; empty means any time")
    ] = []


class NotificationPreferences(msgspec.Struct, frozen=True):
    """Stored for clients, which apply them."""

    sound: Annotated[bool, about("Whether a sound is played")] = True
    desktop: Annotated[bool, about("Whether the desktop shows a notification")] = True
    email_on_assignment: Annotated[bool, about("Whether an assignment is sent by e-mail")] = False


class AgentPreferences(msgspec.Struct, frozen=True):
    """An agent's preferences in an account. Empty lists and no hours mean any."""

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
    """A list's filter; None and empty match all. An agent that serves any topic or channel matches every one."""

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
    """`id` identifies the membership."""

    id: str
    team_id: str
    user_id: str
    name: str | None
    created_at: int


class MacroActions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A macro's changes to the conversation, besides sending its text."""

    status: Annotated[Literal["pending", "resolved"] | None, about("The new status", "resolved")] = None
    priority: Annotated[
        Literal["low", "normal", "high", "urgent"] | None, about("The new priority", "high")
    ] = None
    add_labels: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=100)], ...],
        msgspec.Meta(max_length=50, description="Added to those that it has", examples=[["refund"]]),
    ] = ()
    team_id: Annotated[
        Annotated[str, msgspec.Meta(max_length=36, pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
        | None,
        about("The new team", "0190a5f0-7c1e-7000-8000-00000000b0b1"),
    ] = None


class CannedResponse(msgspec.Struct, frozen=True):
    """A prepared text; with `actions` a macro."""

    id: str
    account_id: str
    short_code: str
    title: str
    content: str
    category: str | None
    created_by: str | None
    created_at: int
    updated_at: int
    actions: MacroActions | None = None


class Draft(msgspec.Struct, frozen=True):
    """An agent's unsent text in a conversation. `name`: the agent's, if known."""

    conversation_id: str
    user_id: str
    name: str | None
    content: str
    is_private: bool
    updated_at: int


def folded(text: str) -> str:
    """Equal for names that people read as the same: without compatibility forms, case and extra spaces."""
    text = normalized("NFKC", text[:MAX_FOLDED]).casefold()
    return " ".join(normalized("NFKC", text).split())


def check_hours(hours: AvailableHours, path: str = "available_hours") -> None:
    """Raises Invalid, with a path below `path`, for an unknown time zone, or a block that is empty or begins at 24:00."""
    errors = [] if is_timezone(hours.timezone) else [(f"{path}.timezone", "no such IANA time zone")]
    for index, block in enumerate(hours.schedule):
        errors += block_faults(block, f"{path}.schedule[{index}]")
    if errors:
        raise Invalid("the available hours are not valid", errors=tuple(errors))


def distinct(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes with duplicates removed from lists."""
    return {k: list(dict.fromkeys(v)) if isinstance(v, list) else v for k, v in changes.items()}
