"""Articles of the knowledge base: their passages, and the fusion of two rankings of passages.

Pure. `storage/postgres/assistance/articles.py` stores and searches them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from ..text.languages import primary
from ..text.text_matching import fold

Visibility = Literal["public", "internal"]
MAX_BODY: Final = 100_000
"""Characters of an article."""
MAX_TITLE: Final = 300
PASSAGE: Final = 900
"""Characters of a passage at most."""
MAX_QUESTION: Final = 2_000
"""Characters of a question that a search reads."""
MAX_TERMS: Final = 24
"""Different words of a question that a search looks for."""
RANK_CONSTANT: Final = 60
"""k of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""
RELEVANT: Final = 0.45
"""Relevance from which a passage may answer a customer's question."""
CONFIGS: Final = {
    "ar": "arabic", "da": "danish", "de": "german", "en": "english", "es": "spanish", "fr": "french", "it": "italian",
    "nl": "dutch", "pt": "portuguese", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""Languages whose words Postgres reduces to their stems. Words of others are compared as they are."""
ALL_CONFIGS: Final = ["simple", *CONFIGS.values()]
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(.{1,300})$")
_WORD: Final = re.compile(r"[^\W_]+(?:[\u0300-\u036f\u064b-\u065f]+[^\W_]*)*")
_COMMON: Final = frozenset([
    "a", "about", "an", "and", "are", "as", "at", "be", "but", "by", "can", "could", "did", "do", "does", "for", "from",
    "had", "has", "have", "hello", "hi", "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "or", "our",
    "please", "should", "so", "that", "the", "their", "there", "they", "this", "to", "was", "we", "were", "what", "when",
    "where", "which", "who", "why", "will", "with", "would", "you", "your",
    "al", "algo", "como", "con", "cual", "cuando", "de", "del", "donde", "el", "ella", "en", "es", "esta", "este", "esto",
    "hay", "hola", "la", "las", "lo", "los", "me", "mi", "mis", "no", "o", "para", "pero", "por", "puedo", "que", "quien",
    "se", "si", "sin", "son", "su", "sus", "tengo", "un", "una", "y", "yo",
    "እና", "ነው", "ምን", "እንዴት", "የት", "መቼ", "ለምን", "ነኝ", "ናቸው",
])  # fmt: skip
"""Words without meaning for a search: English, Spanish, Amharic."""
T = TypeVar("T")


class Article(msgspec.Struct, frozen=True):
    """`source`: where it was imported from, which identifies it in later imports. Times in ms."""

    id: str
    account_id: str
    title: str
    body: str
    language: str | None
    visibility: Visibility
    source: str | None = None
    version: int = 1
    created_by: str | None = None
    updated_by: str | None = None
    created_at: int = 0
    updated_at: int = 0


class ArticleVersion(msgspec.Struct, frozen=True):
    """The text of an article from `saved_at` (ms) on."""

    version: int
    title: str
    body: str
    language: str | None
    visibility: Visibility
    saved_by: str | None
    saved_at: int


class ArticlePassage(msgspec.Struct, frozen=True):
    """A passage of an article, below a heading."""

    heading: str
    content: str


class FoundPassage(msgspec.Struct, frozen=True):
    """A passage that a search found. `vector`: as stored. `relevance`: 0 to 1. `by`: which rankings have it."""

    article_id: str
    ordinal: int
    title: str
    heading: str
    content: str
    language: str | None
    visibility: Visibility
    vector: bytes
    relevance: float = 0.0
    by: tuple[Literal["words", "vector"], ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        return self.article_id, self.ordinal


def config_of(language: str | None) -> str:
    """The text search configuration of a language."""
    return CONFIGS.get(primary(language), "simple") if language else "simple"


def passages_of(body: str) -> list[ArticlePassage]:
    """An article's passages in order: paragraphs below one heading together, up to PASSAGE characters."""
    found: list[ArticlePassage] = []
    heading, parts, size = "", [], 0
    for line in _pieces(without_comments(body[:MAX_BODY])):
        titled = _HEADING.match(line)
        if (titled or size + len(line) > PASSAGE) and parts:
            found.append(ArticlePassage(heading, "\n".join(parts).strip()))
            parts, size = [], 0
        if titled:
            heading = titled[1].strip(" #")
        else:
            parts.append(line)
            size += len(line) + 1
    found.append(ArticlePassage(heading, "\n".join(parts).strip()))
    return [passage for passage in found if passage.content] or [ArticlePassage(heading, heading)]


def without_comments(body: str) -> str:
    """Markdown without HTML comments, which its readers do not see."""
    parts, at = list[str](), 0
    while (begin := body.find("<!--", at)) >= 0 and (end := body.find("-->", begin + 4)) >= 0:
        parts.append(body[at:begin])
        at = end + 3
    return "".join([*parts, body[at:]])


def _pieces(body: str) -> Iterator[str]:
    """Lines, longer ones in pieces of PASSAGE characters at most, cut after a sentence or between words."""
    for line in body.splitlines():
        at = 0
        while len(line) - at > PASSAGE:
            end = at + PASSAGE
            cut = max(
                line.rfind(mark, at + PASSAGE // 2, end) for mark in (". ", "? ", "! ", "። ", "。", " ")
            )
            end = cut + 1 if cut > 0 else end
            yield line[at:end].strip()
            at = end
        yield line[at:].strip() if at else line


def terms(question: str) -> list[str]:
    """The significant words of a question; all words if none is."""
    words = list(dict.fromkeys(_WORD.findall(fold(question[:MAX_QUESTION]))))
    return ([w for w in words if w not in _COMMON] or words)[:MAX_TERMS]


def coverage(asked: Sequence[str], text: str) -> float:
    """The share of words that occur in a text; a word with the same beginning counts for less."""
    known = set(_WORD.findall(fold(text)))
    hits = sum(1.0 if w in known else 0.8 if _has_kin(known, w) else 0.0 for w in asked)
    return hits / len(asked) if asked else 0.0


def _has_kin(known: set[str], word: str) -> bool:
    """Whether a word begins with the first 70 % of `word`: of inflected words, the endings differ."""
    if word.isdigit() or len(word) < 3:
        return False
    stem = word[: max(3, round(0.7 * len(word)))]
    return any(other.startswith(stem) for other in known)


def relevance(asked: Sequence[str], found: FoundPassage, cosine: float) -> float:
    """A passage's score for a question, 0 … 1, from the words they share and the distance of their vectors."""
    text = f"{found.title}\n{found.heading}\n{found.content}"
    return round(min(1.0, 0.7 * coverage(asked, text) + 0.5 * max(0.0, cosine)), 3)


def fused(*rankings: Iterable[T]) -> list[T]:
    """Reciprocal rank fusion: the keys of all rankings, best first."""
    scores: dict[T, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (RANK_CONSTANT + rank)
    return sorted(scores, key=lambda key: -scores[key])
