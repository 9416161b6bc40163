"""An account's settings: types, defaults, and how changes are merged.

Only what an account has set is stored; everything else has the defaults here.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any, Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

from ..errors import Invalid
from ..text.field_errors import field_error

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", max_length=5)]
Keyword = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
MIDNIGHT = "24:00"
Slug = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=30 * 24 * 3600)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=365 * 24 * 60)]


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open on `days` from `start` to `end` (HH:MM, 24:00 is midnight), in the account's time zone. An `end` before
    `start` is on the next day."""

    days: Annotated[list[Day], msgspec.Meta(min_length=1, max_length=7)]
    start: TimeOfDay
    end: TimeOfDay


class Block(Protocol):
    """A period within a day."""

    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str: ...


def block_faults(block: Block, path: str) -> list[tuple[str, str]]:
    """What is wrong with a period: it begins at 24:00, or is empty."""
    if block.start == MIDNIGHT:
        return [(f"{path}.start", "a day begins at 00:00")]
    if block.end == block.start:
        return [(f"{path}.end", "must differ from start; a whole day is 00:00 to 24:00")]
    return []


class BusinessHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty schedule means always open."""

    schedule: Annotated[list[Hours], msgspec.Meta(max_length=50)] = []


class Targets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Targets in minutes of business time; null for none. `next_reply`: for each message after the first reply."""

    first_reply_minutes: Minutes | None = None
    next_reply_minutes: Minutes | None = None
    resolution_minutes: Minutes | None = None


class Sla(Targets, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Targets of all conversations, overridden by those of a priority. A warning is sent when `warn_percent` of a target's time has
    passed."""

    priorities: dict[Literal["low", "normal", "high", "urgent"], Targets] = {}
    warn_percent: Annotated[int, msgspec.Meta(ge=1, le=99)] = 80


class RelaxStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After a wait of `after_minutes` an agent need no longer match this."""

    after_minutes: Minutes
    drop: Literal["topics", "language", "team"]


class OverflowTeam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After a wait of `after_minutes` this team may take conversations of another."""

    after_minutes: Minutes
    team_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class HeadStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minutes by which a conversation may arrive after one of priority `low` and still go before it."""

    normal: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60)] = 15
    high: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60)] = 30
    urgent: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60)] = 60


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sticky_hours`: for how long the agent of a customer's last conversation is preferred for the next; 0: never."""

    strategy: Literal["least_busy", "round_robin", "manual_queue"] = "least_busy"
    sticky_hours: Annotated[int, msgspec.Meta(ge=0, le=8760)] = 0
    relax: Annotated[tuple[RelaxStep, ...], msgspec.Meta(max_length=10)] = ()
    overflow: OverflowTeam | None = None
    head_start_minutes: HeadStart = HeadStart()


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`handoff_keywords`: words and phrases by which a customer asks for a human, regardless of case and accents.
    `handoff_sentiment`: the bot hands over on an English message with a sentiment (-1 to 1) below this; -1: never.
    `csat_question`: sent to the customer after a resolution if `csat_enabled`; a reply that is only a digit from 1 to 5 is the
    score."""

    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="IANA name")] = "UTC"
    business_hours: BusinessHours = BusinessHours()
    handoff_keywords: Annotated[tuple[Keyword, ...], msgspec.Meta(max_length=100)] = (
        "human",
        "agent",
        "operator",
        "person",
        "representative",
        "supervisor",
        "manager",
        "escalate",
        "complaint",
        "speak to human",
        "talk to agent",
    )
    handoff_sentiment: Annotated[float, msgspec.Meta(ge=-1, le=0)] = -0.5
    offer_timeout_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    presence_grace_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 120
    expiry_hours: Annotated[int, msgspec.Meta(ge=1, le=8760)] = 24
    auto_close_hours: Annotated[int, msgspec.Meta(ge=1, le=8760)] = 72
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 90
    csat_enabled: bool = False
    csat_question: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=1000)] = (
        "How was our service? Please answer with a number from 1 (bad) to 5 (very good)."
    )
    sla: Sla = Sla()
    routing: Routing = Routing()
    sub_domain: Slug | None = None


TIMING = ("timezone", "business_hours", "expiry_hours", "auto_close_hours", "csat_enabled", "sla")
"""The settings on which timers of conversations depend."""
_timing = attrgetter(*TIMING)
_FIELDS = AccountSettings.__struct_fields__


def retimes(before: AccountSettings, after: AccountSettings) -> bool:
    """Whether the change from `before` to `after` can move timers of conversations."""
    return _timing(before) != _timing(after)


def known_settings(stored: dict[str, Any]) -> AccountSettings:
    """The settings in force. Settings that this version does not know or cannot read count as not set."""
    settings = AccountSettings()
    for name in _FIELDS:
        if name in stored:
            try:
                one = msgspec.convert({name: stored[name]}, AccountSettings)
            except msgspec.ValidationError:
                continue
            settings = msgspec.structs.replace(settings, **{name: getattr(one, name)})
    return settings


def merge_settings(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The settings to store after a change: merged key by key, where null resets a key to its default.

    Raises Invalid, with paths below `settings`.
    """
    unknown = tuple((f"settings.{k}"[:200], "unknown field") for k in given if k not in _FIELDS)
    if unknown:
        raise Invalid("the settings are not valid", errors=unknown)
    errors = [e for k, v in given.items() if v is not None for e in _faults(k, v)]
    if errors:
        raise Invalid("the settings are not valid", errors=tuple(errors))
    return {k: v for k, v in {**stored, **given}.items() if k not in given or v is not None}


def _faults(name: str, value: Any) -> list[tuple[str, str]]:
    try:
        msgspec.convert({name: value}, AccountSettings)
    except msgspec.ValidationError as error:
        return [field_error(str(error), "settings")]
    if name == "timezone" and not is_timezone(value):
        return [("settings.timezone", "no such IANA time zone")]
    if name == "business_hours":
        blocks = msgspec.convert(value, BusinessHours).schedule
        return [
            f for n, b in enumerate(blocks) for f in block_faults(b, f"settings.business_hours.schedule[{n}]")
        ]
    return []


def is_timezone(name: str) -> bool:
    """Whether `name` is a zone of the IANA database, such as `Africa/Addis_Ababa`."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # absent, a folder, or a path that leaves the database
        return False
    return True
