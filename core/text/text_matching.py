"""Words of any script, for finding words and phrases in what customers write.

Folded: no case, no accents, no width. Whole words: `refund` is not in `refunded`. Scripts written without spaces (Chinese,
Japanese, Thai, Lao, Khmer, Burmese) have no words to see, so each of their characters counts as one and a phrase is found
wherever its characters stand together; Katakana stays whole, being used for single words. The boundaries are those of UAX #29,
but that an apostrophe parts words, so that `agent` is found in `l'agent`.
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
"""Marks that a writer may leave out: Latin, Greek and Cyrillic accents, Arabic and Hebrew points, the Arabic tatweel. Marks of
other scripts are vowels."""
JOINERS = re.compile("[\u00ad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]")


def fold(text: str) -> str:
    """The beginning of a text, `MAX_FOLDED` characters, with what does not count taken out."""
    text = JOINERS.sub("", text[:MAX_FOLDED])
    text = ACCENTS.sub("", normalized("NFKD", text.casefold()))
    return normalized("NFKC", text.casefold())


@lru_cache(maxsize=8192)
def _part(char: str) -> str:
    """A character with the blanks that its kind puts around it."""
    kind = unicodedata.category(char)
    if kind[0] == "S" or (APART.match(char) and kind[0] != "M"):
        return f" {char} "
    return char if kind[0] in "LNM" or char == "_" else " "


class Text:
    """A text ready to be searched for many phrases: its beginning, as `fold` has it."""

    __slots__ = ("_known", "_words")

    def __init__(self, text: str) -> None:
        spaced = _spaced(text)
        self._words = f" {spaced} "
        self._known = frozenset(spaced.split())

    def has(self, phrase: str) -> bool:
        """Whether it has all words of `phrase`, next to each other and in order. No phrase without words is found."""
        first, words = _phrase(phrase)
        return first in self._known and words in self._words

    def first_of(self, phrases: Iterable[str]) -> str | None:
        return next((phrase for phrase in phrases if self.has(phrase)), None)

    @property
    def empty(self) -> bool:
        return not self._known


def _spaced(text: str) -> str:
    return " ".join("".join(map(_part, fold(text))).split())


@lru_cache(maxsize=32_768)
def _phrase(text: str) -> tuple[str, str]:
    """Its first word, and all of them as they stand in a text; no text knows the first word of none."""
    spaced = _spaced(text)
    return spaced.partition(" ")[0], f" {spaced} "
