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
from ..text.fields import about

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", max_length=5)]
Keyword = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
MIDNIGHT = "24:00"
Slug = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=365 * 24 * 60)]


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open on `days` from `start` to `end` (HH:MM, 24:00 is midnight), in the account's time zone. An `end` before
    `start` is on the next day."""

    days: Annotated[
        list[Day], msgspec.Meta(min_length=1, max_length=7), about("Days of the week", ["mon", "tue"])
    ]
    start: Annotated[TimeOfDay, about("When it opens, as HH:MM", "09:00")]
    end: Annotated[TimeOfDay, about("When it closes, as HH:MM; 24:00 is midnight", "17:30")]


class Block(Protocol):
    """A period within a day."""

    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str: ...


def block_faults(block: Block, path: str) -> list[tuple[str, str]]:
    """The fault of a period: it begins at 24:00, or is empty."""
    if block.start == MIDNIGHT:
        return [(f"{path}.start", "a day begins at 00:00")]
    if block.end == block.start:
        return [(f"{path}.end", "must differ from start; a whole day is 00:00 to 24:00")]
    return []


class BusinessHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty schedule means always open."""

    schedule: Annotated[
        list[Hours], msgspec.Meta(max_length=50), about("Opening hours; empty means always open")
    ] = []


class Targets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Targets in minutes of business time; null for none. `next_reply`: for each message after the first reply."""

    first_reply_minutes: Annotated[
        Minutes | None, about("Minutes until an agent's first reply; null for none", 15)
    ] = None
    next_reply_minutes: Annotated[
        Minutes | None, about("Minutes until the reply to each later message; null for none", 30)
    ] = None
    resolution_minutes: Annotated[
        Minutes | None, about("Minutes until it is resolved; null for none", 480)
    ] = None


class Sla(Targets, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Targets of all conversations, overridden by those of a priority. A warning is sent when `warn_percent` of a target's time has
    passed."""

    priorities: Annotated[
        dict[Literal["low", "normal", "high", "urgent"], Targets],
        about("Targets that replace these for a priority", {"urgent": {"first_reply_minutes": 5}}),
        msgspec.Meta(extra_json_schema={"propertyNames": {"enum": ["low", "normal", "high", "urgent"]}}),
    ] = {}
    warn_percent: Annotated[
        int, msgspec.Meta(ge=1, le=99), about("The share of a target's time after which a warning is sent")
    ] = 80


class RelaxStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After a wait of `after_minutes` an agent need no longer match this."""

    after_minutes: Annotated[Minutes, about("Minutes of waiting after which this applies", 10)]
    drop: Annotated[
        Literal["topics", "language", "team"], about("Requirements that agents no longer need to match")
    ]


class OverflowTeam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After a wait of `after_minutes` this team may take conversations of another."""

    after_minutes: Annotated[Minutes, about("Minutes of waiting after which this applies", 20)]
    team_id: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=64),
        about("The team that the conversation then goes to", "0190a5f0-7c1e-7000-8000-00000000b0b1"),
    ]


class HeadStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minutes by which a conversation may arrive after one of priority `low` and still go before it."""

    normal: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60), about("Minutes of a normal priority")] = 15
    high: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60), about("Minutes of a high priority")] = 30
    urgent: Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 60), about("Minutes of an urgent priority")] = 60


AgentRule = Literal["least_busy", "longest_idle", "round_robin", "most_idle", "fastest_first"]
"""`least_busy`: fewest conversations, then longest idle. `round_robin`: longest time since the last assignment. `longest_idle`: longest
without a change of its conversations. `most_idle`: of the pool of equal skills with the largest free share of its slots. `fastest_first`:
the shortest mean handling time."""


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sticky_hours`: for how long the agent of a customer's last conversation is preferred for the next; 0: never.
    `shadow_policy`: a rule that decides nothing and is compared with each decision; null: none."""

    strategy: Annotated[
        Literal["least_busy", "round_robin", "manual_queue"], about("How an agent is chosen")
    ] = "least_busy"
    sticky_hours: Annotated[
        int,
        msgspec.Meta(ge=0, le=8760),
        about("For how many hours a customer's last agent is preferred; 0 for never"),
    ] = 0
    relax: Annotated[
        tuple[RelaxStep, ...],
        msgspec.Meta(max_length=10),
        about("Requirements that are dropped while a conversation waits", []),
    ] = ()
    overflow: Annotated[OverflowTeam | None, about("A team for conversations that wait too long")] = None
    head_start_minutes: Annotated[HeadStart, about("How many minutes of waiting a priority is worth")] = (
        HeadStart()
    )
    shadow_policy: Annotated[
        AgentRule | None,
        about("Another way to choose an agent that is compared with each decision, and decides nothing"),
    ] = None


class Assistance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assistance by language models, and the limits of its use."""

    suggestions: Annotated[
        Literal["off", "on_request", "inbound"],
        about(
            "When replies are drafted: never, when an agent asks, or on each customer's message. A person sends every draft"
        ),
    ] = "on_request"
    wait_s: Annotated[
        int,
        msgspec.Meta(ge=0, le=600),
        about("Seconds of silence after a customer's message before a reply is drafted"),
    ] = 3
    instruction: Annotated[
        str,
        msgspec.Meta(max_length=4000),
        about("Instructions for the style of every draft", "We say you, and sign as Acme."),
    ] = ""
    calls_per_minute: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None,
        about("Model calls per minute; null for no limit"),
    ] = 120
    daily_tokens: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10**12)] | None, about("Tokens per day (UTC); null for no limit")
    ] = 5_000_000
    daily_cost: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None,
        about("US dollars per day (UTC); null for no limit"),
    ] = None


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`handoff_keywords`: words and phrases by which a customer asks for a human, regardless of case, accents and
    English articles; the first one that matches is the reason.
    `handoff_sentiment`: the bot hands over on an English message with a sentiment (-1 to 1) below this; -1: never.
    `csat_question`: sent to the customer after a resolution if `csat_enabled`; a reply that is only a digit from 1 to 5 is the
    score."""

    timezone: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=64),
        about("IANA name of the account's time zone", "Africa/Addis_Ababa"),
    ] = "UTC"
    business_hours: Annotated[
        BusinessHours, about("When the account is open; SLA targets count only this time")
    ] = BusinessHours()
    handoff_keywords: Annotated[
        tuple[Keyword, ...],
        msgspec.Meta(max_length=100),
        about(
            "Words and phrases by which a customer asks for a human, regardless of case, accents and articles",
            ["human", "agent"],
        ),
    ] = (
        "speak to human",
        "talk to agent",
        "representative",
        "escalate",
        "supervisor",
        "manager",
        "complaint",
        "human",
        "person",
        "agent",
        "operator",
    )
    handoff_sentiment: Annotated[
        float,
        msgspec.Meta(ge=-1, le=0),
        about("The bot hands over on an English message with a sentiment below this; -1 for never"),
    ] = -0.5
    offer_timeout_s: Annotated[
        int, msgspec.Meta(ge=1, le=3600), about("Seconds that an agent has to answer an offer")
    ] = 30
    presence_grace_s: Annotated[
        int,
        msgspec.Meta(ge=0, le=86400),
        about("Seconds after which the conversations of an agent who left are requeued"),
    ] = 120
    expiry_hours: Annotated[
        int, msgspec.Meta(ge=1, le=8760), about("Hours without a message after which a conversation expires")
    ] = 24
    auto_close_hours: Annotated[
        int, msgspec.Meta(ge=1, le=8760), about("Hours after which a resolved conversation is closed")
    ] = 72
    retention_days: Annotated[
        int, msgspec.Meta(ge=1, le=3650), about("Days for which closed conversations are kept")
    ] = 90
    routing_journal_days: Annotated[
        int,
        msgspec.Meta(ge=1, le=3650),
        about("Days for which the routing journal is kept, for boards of past times and replays"),
    ] = 30
    csat_enabled: Annotated[bool, about("Whether customers are asked for a rating after a resolution")] = (
        False
    )
    csat_question: Annotated[
        str,
        msgspec.Meta(pattern="\\S", max_length=1000),
        about("The question; a reply that is only a digit from 1 to 5 is the score"),
    ] = "How was our service? Please answer with a number from 1 (bad) to 5 (very good)."
    sla: Annotated[Sla, about("Targets for replies and resolutions")] = Sla()
    routing: Annotated[Routing, about("How conversations reach agents")] = Routing()
    assistance: Annotated[Assistance, about("How language models assist the account")] = Assistance()
    sub_domain: Annotated[Slug | None, about("A name for the account that other services use", "acme")] = None


TIMING = ("timezone", "business_hours", "expiry_hours", "auto_close_hours", "csat_enabled", "sla")
"""The settings on which timers of conversations depend."""
_timing = attrgetter(*TIMING)
_FIELDS = AccountSettings.__struct_fields__


def moves_timers(before: AccountSettings, after: AccountSettings) -> bool:
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


_PRIORITIES = "settings.sla.priorities"


def _with_priority(path: str, sla: Any) -> str:
    """The path of a fault in the targets of a priority, whose name msgspec leaves out."""
    if not path.startswith(f"{_PRIORITIES}[...]"):
        return path
    for priority, targets in sla["priorities"].items():
        try:
            msgspec.convert(targets, Targets)
        except msgspec.ValidationError as error:
            return field_error(str(error), f"{_PRIORITIES}.{priority}")[0]
    return path


def _faults(name: str, value: Any) -> list[tuple[str, str]]:
    try:
        msgspec.convert({name: value}, AccountSettings)
    except msgspec.ValidationError as error:
        path, message = field_error(str(error), "settings")
        return [(_with_priority(path, value), message)]
    if name == "timezone" and not is_timezone(value):
        return [("settings.timezone", "no such IANA time zone")]
    if name == "business_hours":
        blocks = msgspec.convert(value, BusinessHours).schedule
        return [
            f for n, b in enumerate(blocks) for f in block_faults(b, f"settings.business_hours.schedule[{n}]")
        ]
    return []


NO_ZONES = frozenset({"localtime", "Factory", "posixrules", "posix", "right", "SystemV"})


def is_timezone(name: str) -> bool:
    """Whether `name` is a zone of the IANA database, as `Africa/Addis_Ababa`.

    Not what only a machine's own folder of zones has: its local time, placeholders, and copies of other kinds.
    """
    if name in NO_ZONES or name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # absent, a folder, or a path that leaves the database
        return False
    return True
