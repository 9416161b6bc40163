"""When a conversation goes from the bot to a human: asked for in words, three unsure answers, a customer who is angry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..text.text_matching import Text

UNSURE_IN_A_ROW = 3


def asked_in_words(text: Text, keywords: Iterable[str]) -> str | None:
    """The customer's words ask for a human: a keyword as whole words, whatever its case and accents."""
    found = text.first_of(keywords)
    return None if found is None else f"Customer requested human agent (keyword: '{found}')"


def unsure(answers: Sequence[bool]) -> str | None:
    """The bot's last answers, oldest first: whether each was of low confidence."""
    last = answers[-UNSURE_IN_A_ROW:]
    return "Multiple low-confidence responses" if len(last) == UNSURE_IN_A_ROW and all(last) else None


def angry(sentiment: float | None, below: float) -> str | None:
    """The customer's mood, from -1 to 1, is lower than what the account wants a bot to deal with."""
    negative = sentiment is not None and sentiment < below
    return f"Strongly negative sentiment ({sentiment:.2f})" if negative else None
