"""Examples for the documents, composed from the fields' examples, so that they always match the schemas."""

from __future__ import annotations

from typing import Any, Final

from .schemas import Schema, resolved

_PLAIN: Final[dict[str, Any]] = {"boolean": False, "integer": 1, "number": 0.5, "null": None}
_TEXTS: Final = {"uuid": "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07", "date-time": "2026-03-02T09:30:00Z"}


def example_of(schema: Schema, components: dict[str, Schema], *, request: bool = False) -> Any:
    """A value of a schema. In a `request`, of optional fields only those with an example of their own."""
    if "const" in schema:
        return schema["const"]
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(resolved(schema, components), components, request=request)
    if "oneOf" in schema:
        return example_of(schema["oneOf"][0], components, request=request)
    if "anyOf" in schema:
        arms = schema["anyOf"]
        return None if {"type": "null"} in arms else example_of(arms[0], components, request=request)
    if "enum" in schema:
        return schema.get("default", schema["enum"][0])
    return _of_type(schema, components, request)


def _of_type(schema: Schema, components: dict[str, Schema], request: bool) -> Any:
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        return {
            name: example_of(field, components, request=request)
            for name, field in properties.items()
            if not request or name in required or field.get("examples")
        }
    if "default" in schema:
        return schema["default"]
    if kind == "array":
        return [example_of(schema["items"], components, request=request)] if "items" in schema else []
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), "text")
    return _PLAIN.get(str(kind))
