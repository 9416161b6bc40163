"""The answers in a form that a customer filled in on WhatsApp, directly or over Twilio, as lines of text."""

from __future__ import annotations

from typing import Any, Final

import orjson

from .text import short

MAX_FORM: Final = 20_000
"""Characters of a form's answers that are read."""
MAX_LINES, MAX_LINE = 30, 500
"""Lines of a form that are shown, and characters of each; metadata has all of it."""


def answers(text: str) -> list[str]:
    """One line per field; none if they are not a JSON object, or too large."""
    try:
        found = orjson.loads(text) if len(text) <= MAX_FORM else None
    except orjson.JSONDecodeError:
        return []
    fields = found.items() if isinstance(found, dict) else ()
    said = ((key, _plainly(value)) for key, value in fields if key != "flow_token")
    return [f"{key}: {value}"[:MAX_LINE] for key, value in said if value][:MAX_LINES]


def _plainly(value: Any) -> str | None:
    """A field's answer, or its answers where several can be chosen."""
    return ", ".join(filter(None, map(_word, value))) if isinstance(value, list) else _word(value)


def _word(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    return short(value, MAX_LINE) if isinstance(value, str) else None if value is None else "…"
