"""Text fit to be stored and sent: cleaned of what Postgres refuses, cut to what a message may hold, split to what a
provider takes. For every channel.
"""

from __future__ import annotations

import re
from typing import Any, Final

MAX_CONTENT: Final = 65_536
"""Characters of a message, as in the API."""
MAX_NAME: Final = 255

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_BREAKS: Final = ("\n\n", "\n", ". ", " ")
"""Where a text is best split, best first."""


def clean(text: str) -> str:
    """`text` without NUL and halves of surrogate pairs, which neither Postgres nor UTF-8 can hold: U+FFFD instead."""
    return _UNSTORABLE.sub("\ufffd", text)


def content(text: str) -> tuple[str, dict[str, Any]]:
    """`text` as a message's content, and what its metadata must say: `truncated`, where it was too long."""
    text = clean(text)
    return (text, {}) if len(text) <= MAX_CONTENT else (text[:MAX_CONTENT], {"truncated": True})


def short(value: Any, most: int = MAX_NAME) -> str | None:
    """A name or a title, cleaned and cut; None for what is no text, or blank."""
    return (clean(value).strip()[:most] or None) if isinstance(value, str) else None


def length(text: str) -> int:
    """In UTF-16 code units, the strictest of the ways in which providers count."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def pieces(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` UTF-16 code units, split at the end of a paragraph, line, sentence or word
    where one is in the second half, and anywhere else. White space at a split is dropped; blank text is one piece."""
    if length(text) <= limit:
        return [text]
    found = []
    rest = text.strip()
    while length(rest) > limit:
        end = _fitting(rest, limit)
        cut = next((at for at in (_last(rest, mark, end) for mark in _BREAKS) if at >= max(1, end // 2)), end)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [piece for piece in (*found, rest) if piece] or [text[:1]]


def _fitting(text: str, limit: int) -> int:
    """How many characters of `text` make at most `limit` units."""
    end = units = 0
    for end, character in enumerate(text):
        units += 1 + (character > "\uffff")
        if units > limit:
            return end
    return len(text)


def _last(text: str, mark: str, end: int) -> int:
    """Behind the last `mark` whose visible part is within `end`, its white space left out; -1 for none."""
    seen = len(mark.rstrip())
    at = text.rfind(mark, 0, end - seen + len(mark))
    return at if at < 0 else at + seen
