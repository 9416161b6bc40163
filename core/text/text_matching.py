"""Finds words and phrases in messages of any script.

Text is folded: case, accents and width do not matter. Words match whole: `refund` is not in `refunded`. In scripts without spaces
(Chinese, Japanese, Thai, Lao, Khmer, Burmese) each character counts as a word, so a phrase matches wherever its characters stand
together; Katakana stays whole, as it is used for single words. Boundaries are those of UAX #29, except that an apostrophe separates
words, so `agent` is found in `l'agent`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from .normalization import MAX_FOLDED, normalized

APART = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u309f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Characters that are words by themselves: Thai, Lao, Myanmar, Khmer, Hiragana, Han."""
ACCENTS = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u0591-\u05c7\u0640]")
"""Marks that writers may omit: Latin, Greek and Cyrillic accents, Arabic and Hebrew points, the Arabic tatweel. Marks of other
scripts are vowels."""
JOINERS = re.compile("[\u00ad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]")


def fold(text: str) -> str:
    """The first `MAX_FOLDED` characters of a text, without case, accents and width."""
    text = JOINERS.sub("", text[:MAX_FOLDED])
    text = ACCENTS.sub("", normalized("NFKD", text.casefold()))
    return normalized("NFKC", text.casefold())


@lru_cache(maxsize=8192)
def _part(char: str) -> str:
    """A character with the blanks that its kind needs around it."""
    kind = unicodedata.category(char)
    if kind[0] == "S" or (APART.match(char) and kind[0] != "M"):
        return f" {char} "
    return char if kind[0] in "LNM" or char == "_" else " "


class Text:
    """A text prepared to be searched for many phrases: its beginning, folded. `without`: words that do not count, in the text or in
    a phrase."""

    __slots__ = ("_known", "_without", "_words")

    def __init__(self, text: str, *, without: frozenset[str] = frozenset()) -> None:
        spaced = _spaced(text, without)
        self._words = f" {spaced} "
        self._known = frozenset(spaced.split())
        self._without = without

    def has(self, phrase: str) -> bool:
        """Whether it contains all words of `phrase`, adjacent and in order. A phrase without words is never found."""
        first, words = _phrase(phrase, self._without)
        return first in self._known and words in self._words

    def first_of(self, phrases: Iterable[str]) -> str | None:
        return next((phrase for phrase in phrases if self.has(phrase)), None)

    @property
    def empty(self) -> bool:
        return not self._known


def _spaced(text: str, without: frozenset[str] = frozenset()) -> str:
    words = "".join(map(_part, fold(text))).split()
    return " ".join([word for word in words if word not in without] if without else words)


@lru_cache(maxsize=32_768)
def _phrase(text: str, without: frozenset[str] = frozenset()) -> tuple[str, str]:
    """A phrase's first word, and all its words as they appear in a prepared text; empty if it has none."""
    spaced = _spaced(text, without)
    return spaced.partition(" ")[0], f" {spaced} "
