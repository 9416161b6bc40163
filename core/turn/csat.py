"""Scores that customers send as a message: a single digit from 1 to 5, in the digits of any script."""

from __future__ import annotations

import unicodedata

from ..conversation.commands import Post
from ..conversation.state import Conversation
from ..conversation.status import Status

SCORES = range(1, 6)
WRITTEN = ("text", "button")


def score_of(content: str) -> int | None:
    """The score if the text is nothing but one, else None."""
    text = content.strip()
    value = unicodedata.digit(text, None) if len(text) == 1 else None
    return value if value in SCORES else None


def answered(c: Conversation, post: Post) -> int | None:
    """The score, if this message answers the question sent after the resolution. Any other message reopens the conversation."""
    asked = c.status is Status.RESOLVED and c.csat_due and c.fired.csat_asked
    if not asked or post.content_type not in WRITTEN or post.attachments:
        return None
    return score_of(post.content)
