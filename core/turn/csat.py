"""Scores that customers give in words: a message that is nothing but a digit from 1 to 5, in whatever script and dress."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ..conversation.commands import Post
from ..conversation.state import Conversation
from ..conversation.status import Status
from ..text.normalization import normalized

SCORES = range(1, 6)
WRITTEN = ("text", "button")
LONGEST: Final = 32
"""Characters that a score may be written with."""
_DRESSES: Final = re.compile(
    r"[\s(\[{\"'*_~`#«“‘]*(\d)(?:\s*(?:/|of|out of|von|sur|de|из)\s*5)?[\s)\]}\"'*_~`»”’.)]*", re.IGNORECASE
).fullmatch
"""A digit alone, or of five, in brackets, quotes, stars, or with a mark behind it."""


def score_of(content: str) -> int | None:
    """The score that a text is, and nothing else."""
    if len(content) > 10 * LONGEST:
        return None
    text = "".join(c for c in content if unicodedata.category(c) not in ("Cf", "Mn", "Me"))
    text = normalized("NFKC", "".join(_plain(c) for c in text)).strip()
    if len(text) > LONGEST:
        return None
    found = _DRESSES(text)
    value = int(found[1]) if found else None
    return value if value in SCORES else None


def _plain(character: str) -> str:
    """A digit of any script, or in a circle (⑤, ❺), as an ASCII one; anything else as it is."""
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def answered(c: Conversation, post: Post) -> int | None:
    """The score, if this message answers the question sent after the resolution. Any other message reopens the conversation."""
    asked = c.status is Status.RESOLVED and c.csat_due and c.fired.csat_asked
    if not asked or post.content_type not in WRITTEN or post.attachments:
        return None
    return score_of(post.content)
