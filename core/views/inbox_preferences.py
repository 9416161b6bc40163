"""What an agent keeps of the inbox: saved filters and changed shortcuts. Stored for clients, which apply them.

Shapes, bounds and how changes are merged; `storage/postgres/accounts/agents.py` stores them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from ..accounts.records import ChannelType
from ..conversation.entries import Priority
from ..conversation.status import Status
from ..errors import Invalid
from ..text.fields import about

MAX_FILTERS: Final = 50
"""Saved filters of one agent."""
MAX_SHORTCUTS: Final = 100
"""Changed shortcuts of one agent."""

FilterName = Annotated[str, msgspec.Meta(pattern=r"^\S(.*\S)?(?![\s\S])", max_length=40)]
CommandName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*(?![\s\S])", max_length=40)]
Keys = Annotated[str, msgspec.Meta(pattern=r"^\S( \S)?(?![\s\S])", max_length=3)]
Uuid = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36)]
SavedSort = Literal[
    "last_message_at:asc", "last_message_at:desc", "created_at:asc", "created_at:desc",
    "priority:asc", "priority:desc", "waiting_since:asc", "waiting_since:desc",
]  # fmt: skip


class SavedFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conditions of a list and its order, as `GET /v1/conversations` takes them. Empty and null mean any."""

    status: Annotated[
        tuple[Status, ...], msgspec.Meta(max_length=10), about("Only these statuses; empty for any", ["open"])
    ] = ()
    team_id: Annotated[
        Uuid | None, about("Only those of this team", "0190a5f0-7c1e-7000-8000-00000000b0b1")
    ] = None
    channel_type: Annotated[ChannelType | None, about("Only those of channels of this type", "email")] = None
    label: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None,
        about("Only those with this label", "refund"),
    ] = None
    priority: Annotated[Priority | None, about("Only those of this priority", "urgent")] = None
    q: Annotated[str, msgspec.Meta(max_length=200), about("Only those with this text", "parcel")] = ""
    sort: Annotated[SavedSort, about("The order")] = "last_message_at:desc"


class InboxPreferences(msgspec.Struct, frozen=True):
    """An agent's saved filters by name, and the shortcuts that they changed, by command."""

    filters: Annotated[
        dict[str, SavedFilter], about("The saved filters, by name", {"Refunds": {"label": "refund"}})
    ]
    shortcuts: Annotated[
        dict[str, str], about("The changed keys, by the name of their command", {"resolve": "x"})
    ]


class InboxPreferencesPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is named changes; null deletes a filter, or gives a command its default keys again."""

    filters: Annotated[
        Annotated[dict[FilterName, SavedFilter | None], msgspec.Meta(max_length=MAX_FILTERS)]
        | msgspec.UnsetType,
        about("Filters to save or to delete, by name", {"Refunds": {"label": "refund"}, "Old": None}),
    ] = msgspec.UNSET
    shortcuts: Annotated[
        Annotated[dict[CommandName, Keys | None], msgspec.Meta(max_length=MAX_SHORTCUTS)] | msgspec.UnsetType,
        about("Keys by the name of their command: one, or two with a space between", {"resolve": "x"}),
    ] = msgspec.UNSET


Value = TypeVar("Value")


def stored_preferences(stored: dict[str, Any]) -> InboxPreferences:
    """What is stored. Filters that this version cannot read are left out."""
    filters: dict[str, SavedFilter] = {}
    for name, value in stored.get("filters", {}).items():
        try:
            filters[name] = msgspec.convert(value, SavedFilter)
        except msgspec.ValidationError:
            continue
    return InboxPreferences(filters, dict(stored.get("shortcuts", {})))


def merged(stored: dict[str, Any], patch: InboxPreferencesPatch) -> dict[str, Any]:
    """What to store after a change. Raises Invalid if there would be too many."""
    return {
        "filters": _merged("filters", stored, patch.filters, MAX_FILTERS),
        "shortcuts": _merged("shortcuts", stored, patch.shortcuts, MAX_SHORTCUTS),
    }


def _merged(
    name: str, stored: dict[str, Any], changes: dict[str, Value | None] | msgspec.UnsetType, most: int
) -> dict[str, Any]:
    before = stored.get(name, {})
    if isinstance(changes, msgspec.UnsetType):
        return dict(before)
    after = {k: v for k, v in {**before, **changes}.items() if v is not None}
    if len(after) > most:
        raise Invalid("there would be too many", errors=((name, f"at most {most}"),))
    return after
