"""What is wrong in a TOML file, as one sentence with the field's path, the value that is expected and the one that was given."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

LONGEST = 60
"""Characters of a given value that are shown."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?P<how>contains unknown|missing required) field `(?P<field>[^`]*)`")
_STEP = re.compile(r"\[(?P<index>\d+|\.\.\.)\]|(?P<name>[^.\[\]]+)")


def sentence(error: msgspec.ValidationError, given: Mapping[str, Any], kind: type) -> str:
    """msgspec's error about what was `given` for a `kind` of struct, as a person can use it."""
    match = _AT.match(str(error))
    assert match is not None
    path, what = match["path"] or "", match["what"]
    steps = _steps(path)
    if field := _FIELD.match(what):
        said = "is missing" if field["how"] == "missing required" else _unknown(field["field"], kind, steps)
        return f"{path}.{field['field']}: {said}".lstrip(".")
    if not what.startswith(("Expected", "Invalid")):
        return f"{path}: {what}" if path else what  # a type's own sentence, with the value
    return f"{path}: must be {wanted(_type_at(kind, steps))}, not {shown(_value_at(given, steps))}"


def shown(value: Any) -> str:
    """A value as the file has it, in a few words."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an empty list" if not value else f"a list of {len(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str | bool | int | float):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return str(value)


def wanted(kind: inspect.Type) -> str:
    """What a field takes."""
    if isinstance(kind, inspect.Metadata):
        return str((kind.extra_json_schema or {}).get("description") or wanted(kind.type))
    if isinstance(kind, inspect.UnionType):
        words = [v for t in kind.types if isinstance(t, inspect.LiteralType) for v in t.values]
        others = [t for t in kind.types if not isinstance(t, inspect.NoneType | inspect.LiteralType)]
        return " or ".join([*([_one_of(words)] if words else []), *map(wanted, others)])
    if isinstance(kind, inspect.LiteralType):
        return _one_of(kind.values)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number(kind)
    if isinstance(kind, inspect.StrType):
        return f"text{_range(kind.min_length, kind.max_length, 'character')}"
    if isinstance(kind, inspect.ListType):
        tables = isinstance(_plain(kind.item_type), inspect.StructType)
        return f"a list{_range(kind.min_length, kind.max_length, 'table' if tables else 'item')}" + (
            ", each under a heading in [[ ]]" if tables else ""
        )
    if isinstance(kind, inspect.StructType) and kind.fields and "mean" in {f.name for f in kind.fields}:
        return 'a table such as { mean = "30s" }'
    return "true or false" if isinstance(kind, inspect.BoolType) else "a table"


def _one_of(words: Iterable[object]) -> str:
    return f"one of {', '.join(sorted(map(str, words)))}"


def _number(kind: inspect.IntType | inspect.FloatType) -> str:
    name = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
    least = None if kind.ge is None else f"{kind.ge:,g}"
    most = None if kind.le is None else f"{kind.le:,.10g}"
    if kind.gt is not None:
        return f"{name} above {kind.gt:g}" + (f" and at most {most}" if most else "")
    if least and most:
        return f"{name} from {least} to {most}"
    return f"{name} of at least {least}" if least else f"{name} of at most {most}" if most else name


def _range(least: int | None, most: int | None, what: str) -> str:
    if least == most:
        return "" if least is None else f" of {least} {what}s"
    if most is None:
        return f" of at least {least} {what}{'s' if least != 1 else ''}"
    return f" of {least} to {most:,} {what}s" if least else f" of at most {most:,} {what}s"


def _unknown(name: str, kind: type, steps: list[str | int]) -> str:
    of = _plain(_type_at(kind, steps))
    known = [f.encode_name for f in of.fields] if isinstance(of, inspect.StructType) else []
    near = get_close_matches(name, known, n=1)
    return (
        f"unknown field; do you mean {near[0]}?" if near else f"unknown field; there are {', '.join(known)}"
    )


def _steps(path: str) -> list[str | int]:
    return [
        found["name"] or (int(found["index"]) if found["index"].isdigit() else found["index"])
        for found in _STEP.finditer(path)
    ]


def _type_at(kind: type, steps: list[str | int]) -> inspect.Type:
    found: inspect.Type = inspect.type_info(kind)
    for step in steps:
        found = _plain(found)
        if isinstance(found, inspect.StructType):
            found = next(f.type for f in found.fields if f.encode_name == step)
        elif isinstance(found, inspect.ListType):
            found = found.item_type
        elif isinstance(found, inspect.DictType):
            found = found.value_type
    return found


def _plain(kind: inspect.Type) -> inspect.Type:
    """Without description, and without the null of what may be left out."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        kinds = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
        return _plain(kinds[0]) if len(kinds) == 1 else kind
    return kind


def _value_at(given: Any, steps: list[str | int]) -> Any:
    for step in steps:
        given = given[step]
    return given
