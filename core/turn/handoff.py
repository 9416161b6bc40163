"""The bot's handoff to a human: on request, after three unsure answers, or when the customer is angry. Each function returns
the reason, or None."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..text.text_matching import Text

UNSURE_IN_A_ROW = 3
ARTICLES = frozenset({"a", "an", "the"})
"""Words that do not count in keywords: "speak to a human" is `speak to human`."""


def asked_in_words(text: Text, keywords: Iterable[str]) -> str | None:
    """The customer asked for a human: the text, prepared without `ARTICLES`, has a keyword as whole words, regardless of case and
    accents."""
    found = text.first_of(keywords)
    return None if found is None else f"Customer requested human agent (keyword: '{found}')"


def unsure(answers: Sequence[bool]) -> str | None:
    """The bot's last answers were of low confidence. `answers`: whether each was, oldest first."""
    last = answers[-UNSURE_IN_A_ROW:]
    return "Multiple low-confidence responses" if len(last) == UNSURE_IN_A_ROW and all(last) else None


def angry(sentiment: float | None, below: float) -> str | None:
    """The sentiment (-1 to 1) is below the account's limit for bots."""
    negative = sentiment is not None and sentiment < below
    return f"Strongly negative sentiment ({sentiment:.2f})" if negative else None
