"""JSON schemas of the API's types, under the names that clients see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from ...core.accounts.account_settings import Hours, Routing, Sla, Targets
from ...core.conversation.status import Status
from ...core.text.fields import SHOWN_AS, SHOWN_TYPES
from ...core.turn.bot_rules import Actions, Conditions
from ...core.views.event_shapes import EVENTS, HINTS, OF_NO_CONVERSATION, SUMMARIES, component_name
from ...core.views.statistics import Csat, Durations, Queue, Volume

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
_LIFTED: Final = ("description", "examples", "default", SHOWN_AS)

Schema = dict[str, Any]


def public_name(name: str) -> str:
    """The name of a schema in the documents. `name` is its type's: a view is named like what it shows."""
    return _BY_OWN_NAME.get(name) or name.removesuffix("View")


def schemas_of(types: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each type, and the components to which they refer. Raises ValueError if two types have one name."""
    made, components = _made(types)
    names = {name: public_name(name) for name in components}
    if len(set(names.values())) < len(names) or any("." in name for name in names):
        raise ValueError(f"schemas share a name: {sorted(names)}")
    renamed = {names[name]: _polished(schema, names) for name, schema in components.items()}
    for name, schema in renamed.items():
        schema["title"] = name
    return [_polished(schema, names) for schema in made[: len(types)]], renamed


def _made(types: Sequence[Any]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
    """As msgspec makes them. Looking at types adds to `SHOWN_TYPES`, as annotations are evaluated then."""
    known = -1
    made: tuple[Schema, ...] = ()
    components: dict[str, Schema] = {}
    while known < len(SHOWN_TYPES):
        known = len(SHOWN_TYPES)
        asked = [*types, *SHOWN_TYPES.values()]
        made, components = msgspec.json.schema_components(asked, ref_template=REFERENCE + "{name}")
    return made, components


def variants(
    base: Schema,
    field: str,
    data: dict[str, Schema],
    suffix: str,
    null: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> tuple[Schema, dict[str, Schema]]:
    """A union of `base`, one variant for each value of `field`, with its `data`; and the variants, as components.

    `null`: of some nullable properties, the variants in which they are always null; in the others they never are.
    """
    found: dict[str, Schema] = {}
    for key, schema in data.items():
        name = component_name(key, suffix)
        kind = {**base["properties"][field], "const": key, "examples": [key]}
        described = {**schema, "description": base["properties"]["data"]["description"]}
        properties = {**base["properties"], field: kind, "data": described}
        for prop, keys in null.items():
            properties[prop] = _settled(properties[prop], is_null=key in keys)
        found[name] = {**base, "title": name, "properties": properties}
    mapping = {key: REFERENCE + component_name(key, suffix) for key in data}
    union = {
        "title": base["title"],
        "description": base.get("description", base["title"]),
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": field, "mapping": mapping},
    }
    return union, found


def of_kinds(types: Mapping[str, Any], schemas: dict[int, Schema]) -> dict[str, Schema]:
    """Kind → the schema of its type."""
    return {kind: schemas[id(type_)] for kind, type_ in types.items()}


def event_variants(base: Schema, schemas: dict[int, Schema]) -> tuple[Schema, dict[str, Schema]]:
    """The union of all events of streams, and its variants."""
    null = {"conversation_id": OF_NO_CONVERSATION, "seq": HINTS}
    union, found = variants(base, "type", of_kinds(EVENTS, schemas), "Event", null)
    for type, summary in SUMMARIES.items():
        found[component_name(type, "Event")]["description"] = summary + "."
    return union, found


def _settled(nullable: Schema, *, is_null: bool) -> Schema:
    """A nullable property that is always null, or never."""
    described = {key: value for key, value in nullable.items() if key not in ("anyOf", "examples")}
    if is_null:
        return {**described, "type": "null"}
    arm = next(arm for arm in nullable["anyOf"] if arm != {"type": "null"})
    examples = [each for each in nullable.get("examples", ()) if each is not None]
    return {**arm, **described, **({"examples": examples} if examples else {})}


def resolved(schema: Schema, components: dict[str, Schema]) -> Schema:
    """The component that a reference names."""
    return components[schema["$ref"].removeprefix(REFERENCE)]


def _polished(value: Any, names: dict[str, str]) -> Any:
    """A schema of msgspec's with public names, descriptions of nullable values where readers look for them, and the types of values
    that the code handles as dicts."""
    if isinstance(value, list | tuple):
        return [_polished(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        return {**value, "$ref": REFERENCE + names[reference.removeprefix(REFERENCE)]}
    schema = {key: _polished(each, names) for key, each in value.items()}
    if isinstance(pattern := schema.get("pattern"), str):
        # JSON Schema's dialect: `$` is the very end, and surrogates are halves of characters, not characters
        schema["pattern"] = pattern.replace("(?![\\s\\S])", "$").replace("\\ud800-\\udfff", "")
    arms = schema.get("anyOf")
    if isinstance(arms, list) and len(arms) == 2 and arms[1] == {"type": "null"}:
        arm = arms[0]
        lifted = {key: arm.pop(key) for key in _LIFTED if key in arm}
        if "examples" in lifted and "examples" not in schema:
            lifted["examples"] = [None, *lifted["examples"]]  # what it looks like if there is one
        schema = {**lifted, **schema}
    if "enum" in schema and all(isinstance(each, str) for each in schema["enum"]):
        schema["type"] = "string"
    if (shown := schema.pop(SHOWN_AS, None)) is not None:
        reference = {"$ref": REFERENCE + names[shown]}
        if "anyOf" in schema:
            schema["anyOf"] = [reference, *schema["anyOf"][1:]]
        else:
            schema = {**{key: schema[key] for key in _LIFTED if key in schema}, **reference}
    return schema
