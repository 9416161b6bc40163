"""JSON schemas of the API's types, under the names that clients see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ...core.accounts.account_settings import Hours, Routing, Sla, Targets
from ...core.conversation.status import Status
from ...core.turn.bot_rules import Actions, Conditions
from ...core.views.inbox import Csat, Durations, Queue, Volume

REFERENCE: Final = "#/components/schemas/"
_NAMES: Final[dict[type, str]] = {
    Actions: "BotRuleActions",
    Conditions: "BotRuleConditions",
    Csat: "CsatFigures",
    Durations: "DurationFigures",
    Hours: "OpeningHours",
    Queue: "QueueFigures",
    Routing: "RoutingSettings",
    Sla: "SlaSettings",
    Status: "ConversationStatus",
    Targets: "SlaTargets",
    Volume: "VolumeFigures",
}
"""Types whose own names say too little outside their modules."""
_BY_OWN_NAME: Final = {type_.__name__: name for type_, name in _NAMES.items()}

Schema = dict[str, Any]


def public_name(name: str) -> str:
    """The name of a schema in the documents. `name` is its type's: a view is named like what it shows."""
    return _BY_OWN_NAME.get(name) or name.removesuffix("View")


def schemas_of(types: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each type, and the components to which they refer. Raises ValueError if two types have one name."""
    made, components = msgspec.json.schema_components(types, ref_template=REFERENCE + "{name}")
    names = {name: public_name(name) for name in components}
    if len(set(names.values())) < len(names) or any("." in name for name in names):
        raise ValueError(f"schemas share a name: {sorted(names)}")
    renamed = {names[name]: _renamed(schema, names) for name, schema in components.items()}
    for name, schema in renamed.items():
        schema["title"] = name
    return [_renamed(schema, names) for schema in made], renamed


def resolved(schema: Schema, components: dict[str, Schema]) -> Schema:
    """The component that a reference names."""
    return components[schema["$ref"].removeprefix(REFERENCE)]


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            return {**value, "$ref": REFERENCE + names[reference.removeprefix(REFERENCE)]}
        return {key: _renamed(each, names) for key, each in value.items()}
    return [_renamed(each, names) for each in value] if isinstance(value, list) else value
