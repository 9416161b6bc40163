"""When a conversation goes from the bot to a human: asked for in words, three unsure answers, a customer who is angry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .words import Text

UNSURE_IN_A_ROW = 3
STRONGLY_NEGATIVE = -0.5
"""Of a sentiment from -1 to 1; below it."""


def asked_in_words(text: Text, keywords: Iterable[str]) -> str | None:
    """The customer's words ask for a human: a keyword as whole words, whatever its case and accents."""
    found = text.first_of(keywords)
    return None if found is None else f"Customer requested human agent (keyword: '{found}')"


def unsure(answers: Sequence[bool]) -> str | None:
    """The bot's last answers, oldest first: whether each was of low confidence."""
    last = answers[-UNSURE_IN_A_ROW:]
    return "Multiple low-confidence responses" if len(last) == UNSURE_IN_A_ROW and all(last) else None


def angry(sentiment: float | None) -> str | None:
    negative = sentiment is not None and sentiment < STRONGLY_NEGATIVE
    return f"Strongly negative sentiment ({sentiment:.2f})" if negative else None


def handoff_reason(
    content: str,
    keywords: Iterable[str],
    *,
    low_confidence: Sequence[bool] = (),
    sentiment: float | None = None,
) -> str | None:
    """Why this conversation should go to a human now; None: it need not."""
    return asked_in_words(Text(content), keywords) or unsure(low_confidence) or angry(sentiment)
