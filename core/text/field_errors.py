"""Turns msgspec's validation messages into the path of the field and what is wrong with it."""

from __future__ import annotations

import re
from typing import Final

MAX_QUOTED: Final = 100
"""Characters of a client's text that an error repeats."""

_AT: Final = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`\s]*)`$")
_FIELD: Final = re.compile(r"Object (?:contains unknown|missing required) field `(?P<field>.*)`$", re.DOTALL)


def field_error(message: str, below: str = "") -> tuple[str, str]:
    """The path of the field, prefixed with `below`, and what is wrong with it."""
    at = _AT.search(message)
    text = message[: at.start()] if at else message
    path = (below + (at["path"] if at else "")).removeprefix(".")
    named = _FIELD.fullmatch(text)
    if named is not None:
        field = quoted(named["field"])
        path = f"{path}.{field}" if path else field
        text = "required" if text.startswith("Object missing") else "unknown field"
    return path, quoted(text, 2 * MAX_QUOTED)


def quoted(text: str, most: int = MAX_QUOTED) -> str:
    """A client's text, truncated to be repeated in a response."""
    return text if len(text) <= most else text[:most] + "…"
