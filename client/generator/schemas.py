"""Names and types of the API's schemas in Python, and the clients' module of TypedDicts."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from typing import Any

SCHEMAS = "#/components/schemas/"
NOTE = "Generated from the server's OpenAPI document by `make clients`; do not edit."
Json = dict[str, Any]


def snake(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()


def argument(name: str) -> str:
    """A parameter's name as Python allows it."""
    name = snake(name)
    return name + "_" if keyword.iskeyword(name) else name


def model_name(schema: str) -> str:
    """A schema's name; of one that is qualified by its module, the last two words."""
    words = schema.split(".")[-2:]
    return "".join(word[:1].upper() + word[1:] for part in words for word in part.split("_"))


def python_type(schema: Json) -> str:
    """The type of what a schema describes."""
    if "$ref" in schema:
        return model_name(schema["$ref"].removeprefix(SCHEMAS))
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(python_type(arm) for arm in schema[key]))
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return python_type(schema["allOf"][0])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(python_type({**schema, "type": one}) for one in kind)
    if kind == "array":
        return f"list[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {python_type(more) if isinstance(more, dict) else 'Any'}]"
    names = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
    return names.get(str(kind), "Any")


def or_omit(kind: str) -> str:
    """The type of an optional argument; None stands last."""
    bare = kind.removesuffix(" | None")
    return f"{bare} | Omit | None" if bare != kind else f"{bare} | Omit"


def docstring(text: str, indent: str = "    ") -> str:
    text = text.strip().replace("\\", "\\\\").replace('"""', "'''")
    end = " " if text.endswith('"') else ""
    return f'{indent}"""{text}{end}"""\n' if text else ""


def models(doc: Json) -> str:
    """The module of TypedDicts, one for each schema."""
    parts = [
        f'"""The objects of the API. {NOTE}"""\n\nfrom __future__ import annotations\n\n'
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n"
    ]
    aliases: list[str] = []
    for key, schema in sorted(doc["components"]["schemas"].items(), key=lambda item: model_name(item[0])):
        name = model_name(key)
        if "properties" not in schema:
            aliases.append(f"{name}: TypeAlias = {python_type(schema)}\n")
        elif all(field.isidentifier() and not keyword.iskeyword(field) for field in schema["properties"]):
            parts.append(class_of(name, schema))
        else:
            fields = "".join(f"    {field!r}: {kind!r},\n" for field, kind in fields_of(schema))
            parts.append(f"{name} = TypedDict({name!r}, {{\n{fields}}})\n" + docstring(described(schema), ""))
    return "\n\n".join([*parts, *aliases])


def described(schema: Json) -> str:
    return str(schema.get("description", ""))


def fields_of(schema: Json) -> Iterator[tuple[str, str]]:
    for field, kind in schema["properties"].items():
        optional = field not in schema.get("required", ())
        yield field, f"NotRequired[{python_type(kind)}]" if optional else python_type(kind)


def class_of(name: str, schema: Json) -> str:
    lines = [f"class {name}(TypedDict):\n", docstring(described(schema))]
    for field, kind in fields_of(schema):
        lines += [f"    {field}: {kind}\n", docstring(described(schema["properties"][field]))]
    return "".join(lines) + ("" if schema["properties"] else "    pass\n")
