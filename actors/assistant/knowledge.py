"""Searches the knowledge base: by words and by vectors, fused by rank. What it finds is data, for people and prompts alike."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ...core.assistance import rules
from ...core.assistance.articles import MAX_QUESTION, RELEVANT, FoundPassage, fused, relevance, terms
from ...core.assistance.prompts import Passage
from ...core.assistance.suggestions import Source
from ...core.assistance.vectors import cosine, stored
from ...core.ports.assistance.articles import ArticleStore
from ...core.ports.assistance.models import Limits

BY_WORDS = 50
BY_VECTOR = 50
PASSAGES = 4
"""Passages that a prompt carries."""


class Knowledge:
    """Any account's articles. `drafting.Knowledge` for drafts."""

    def __init__(self, store: ArticleStore) -> None:
        self._store = store

    async def search(self, account_id: str, question: str, limit: int, *, public: bool) -> list[FoundPassage]:
        """The passages that fit a question best. `public`: only those that customers may read."""
        question = question[:MAX_QUESTION]
        asked, vector = terms(question), stored(rules.vector(question))
        if not asked:
            return []
        words = await self._store.by_words(account_id, asked, BY_WORDS, public=public)
        near = await self._store.by_vector(account_id, rules.VECTORS, vector, BY_VECTOR, public=public)
        return await asyncio.to_thread(_ranked, asked, vector, words, near, limit)

    async def relevant(
        self, account_id: str, conversation_id: str, question: str, limits: Limits
    ) -> list[tuple[Source, Passage]]:
        """Passages for a draft. They may be internal, since a person reads the draft before it is sent."""
        return await self.passages(account_id, question, public=False)

    async def passages(self, account_id: str, question: str, *, public: bool) -> list[tuple[Source, Passage]]:
        """The passages that may answer a question, best first. `public`: only those that customers may read."""
        found = await self.search(account_id, question, PASSAGES, public=public)
        return [_cited(one) for one in found if one.relevance >= RELEVANT]


def _ranked(
    asked: list[str], vector: bytes, words: list[FoundPassage], near: list[FoundPassage], limit: int
) -> list[FoundPassage]:
    """Both rankings as one."""
    known = {one.key: one for one in [*words, *near]}
    likeness = {key: cosine(vector, one.vector) for key, one in known.items()}
    first, second = [one.key for one in words], [one.key for one in near if likeness[one.key] > 0]
    found: list[FoundPassage] = []
    for key in fused(first, second)[:limit]:
        one = known[key]
        sure = relevance(asked, one, likeness[key])
        found.append(replace(one, relevance=sure, by=_by(key in first, key in second)))
    return found


def _by(words: bool, vector: bool) -> tuple:
    return (("words",) if words else ()) + (("vector",) if vector else ())


def _cited(found: FoundPassage) -> tuple[Source, Passage]:
    title = f"{found.title} – {found.heading}" if found.heading else found.title
    return Source("article", found.article_id, title[:200]), Passage(found.article_id, title, found.content)
