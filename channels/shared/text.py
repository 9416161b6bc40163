"""Makes text fit to be stored and sent, for every channel: removes what Postgres refuses, cuts to a message's limit, splits to
a provider's limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

MAX_CONTENT: Final = 65_536
"""Characters of a message, as in the API."""
MAX_NAME: Final = 255

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_NOT_BLANK: Final = re.compile(r"\S")
_BREAKS: Final = ("\n\n", "\n", ". ", " ")
"""Separators at which to split a text, best first."""


def clean(text: str) -> str:
    """`text` without NUL and halves of surrogate pairs, which neither Postgres nor UTF-8 can hold: U+FFFD instead."""
    return _UNSTORABLE.sub("\ufffd", text)


def content(text: str) -> tuple[str, dict[str, Any]]:
    """`text` as a message's content, and what its metadata must say: `truncated`, where it was too long."""
    text = clean(text)
    return (text, {}) if len(text) <= MAX_CONTENT else (text[:MAX_CONTENT], {"truncated": True})


def short(value: Any, most: int = MAX_NAME) -> str | None:
    """A name or a title, cleaned and cut; None if it is not text, or blank."""
    return (clean(value).strip()[:most] or None) if isinstance(value, str) else None


def length(text: str) -> int:
    """In UTF-16 code units, the strictest of the ways in which providers count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_length(text: str) -> int:
    """In bytes, as Instagram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def pieces(text: str, limit: int, measure: Callable[[str], int] = length) -> list[str]:
    """`text` in pieces of at most `limit` units of `measure`, split at the end of a paragraph, line, sentence or word
    where one is in the second half, and anywhere else. White space at a split is dropped; blank text is one piece."""
    if measure(text) <= limit:
        return [text]
    found = []
    rest = text.strip()
    at = 0
    while (end := _fitting(rest, at, limit, measure)) < len(rest):
        least = at + max(1, (end - at) // 2)
        cut = next((cut for cut in (_last(rest, mark, at, end) for mark in _BREAKS) if cut >= least), end)
        found.append(rest[at:cut].rstrip())
        at = _past_blanks(rest, cut)
    return [piece for piece in (*found, rest[at:]) if piece] or [text[:1]]


def _fitting(text: str, at: int, limit: int, measure: Callable[[str], int]) -> int:
    """The index at which the characters from `at` on reach `limit` units."""
    part = text[at : at + limit]
    over = measure(part) - limit
    while (
        over > 0
    ):  # no character has more than four units: each step takes away at least a quarter of what is too much
        part = part[: len(part) - (over + 3) // 4]
        over = measure(part) - limit
    return at + len(part)


def _past_blanks(text: str, at: int) -> int:
    """The index at which the text continues behind white space."""
    found = _NOT_BLANK.search(text, at)
    return found.start() if found else len(text)


def _last(text: str, mark: str, at: int, end: int) -> int:
    """Behind the last `mark` from `at` on whose visible part is within `end`, its white space left out; -1 for none."""
    seen = len(mark.rstrip())
    found = text.rfind(mark, at, end - seen + len(mark))
    return found if found < 0 else found + seen
