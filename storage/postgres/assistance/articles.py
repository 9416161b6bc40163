"""The knowledge base on Postgres. Passages, their words and their vectors change in the transaction that saves an article."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from asyncpg import BitString
from msgspec.structs import asdict, replace

from ....core.accounts.records import Page, Place
from ....core.assistance import rules
from ....core.assistance.articles import (
    ALL_CONFIGS,
    Article,
    ArticlePassage,
    ArticleVersion,
    FoundPassage,
    Visibility,
    config_of,
    passages_of,
)
from ....core.assistance.vectors import masks, stored
from ....core.conversation.entries import Actor
from ....core.errors import Conflict
from ....core.ports.assistance.articles import Imported
from ....core.text.text_matching import fold
from ..accounts.audit import record
from ..database import Connection, Database
from ..pages import bounds, like_pattern, page_of
from ..queries import sql
from .vector_ranking import nearest

MAX_ARTICLES: Final = 10_000
"""Articles of one account."""
CANDIDATES: Final = 2_000
"""An account with no more passages than this is searched exactly."""
MAX_VERSIONS: Final = 50
"""Versions of an article that are kept."""
_COLUMNS: Final = sql("article_columns")
_PASSAGE: Final = sql("passage_columns")
_CONTENT: Final = ("title", "body", "language", "visibility")


class _Prepared:
    """An article's passages with their vectors. Made in a thread: a long article takes a tenth of a second."""

    def __init__(self, article: Article) -> None:
        self.passages: list[ArticlePassage] = passages_of(article.body)
        self.headings = [fold(f"{article.title}\n{c.heading}") for c in self.passages]
        self.folded = [fold(c.content) for c in self.passages]
        self.vectors = [
            stored(rules.vector(f"{article.title}\n{c.heading}\n{c.content}")) for c in self.passages
        ]


def _article(row: Sequence[Any]) -> Article:
    return Article(*row)


class PostgresArticles:
    """`core.ports.assistance.articles.ArticleStore` on Postgres. `candidates`: passages that a search by vector ranks by the cosine."""

    def __init__(self, database: Database, *, candidates: int = CANDIDATES) -> None:
        self._database = database
        self._candidates = candidates

    async def create(self, article: Article, by: Actor) -> Article:
        prepared = await asyncio.to_thread(_Prepared, article)
        async with self._database.account(article.account_id) as connection, connection.transaction():
            return await _create(connection, article, prepared, by)

    async def get(self, account_id: str, article_id: str) -> Article | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("article_get", columns=_COLUMNS), article_id)
        return None if row is None else _article(row)

    async def page(
        self,
        account_id: str,
        visibility: Visibility | None,
        language: str | None,
        q: str | None,
        after: Place | None,
        limit: int,
    ) -> Page[Article]:
        pattern = None if q is None else like_pattern(q)
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("articles_page"), account_id, visibility, language, pattern, *bounds(after, limit)
            )
        return page_of(rows, _article, limit)

    async def has_public(self, account_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            return await connection.fetchval(sql("articles_public"), account_id)

    async def update(
        self, account_id: str, article_id: str, changes: dict[str, Any], by: Actor
    ) -> Article | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(sql("article_take", columns=_COLUMNS), article_id)
            if row is None:
                return None
            return await _change(connection, _article(row), changes, by)

    async def delete(self, account_id: str, article_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            title = await connection.fetchval(sql("article_delete"), article_id)
            if title is None:
                return False
            await record(
                connection, account_id, by, "article.deleted", ("article", article_id), {"title": title}
            )
        return True

    async def versions(self, account_id: str, article_id: str) -> list[ArticleVersion]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("article_versions"), article_id, MAX_VERSIONS)
        return [ArticleVersion(*row) for row in rows]

    async def put(self, article: Article, by: Actor) -> Imported:
        prepared = await asyncio.to_thread(_Prepared, article)
        async with self._database.account(article.account_id) as connection, connection.transaction():
            await connection.execute(sql("article_lock"), article.account_id)
            row = await connection.fetchrow(
                sql("article_of_source", columns=_COLUMNS), article.account_id, article.source
            )
            if row is None:
                await _create(connection, article, prepared, by)
                return "created"
            before = _article(row)
            after = await _change(connection, before, {k: getattr(article, k) for k in _CONTENT}, by)
        return "unchanged" if after.version == before.version else "updated"

    async def by_words(
        self, account_id: str, terms: Sequence[str], limit: int, *, public: bool
    ) -> list[FoundPassage]:
        if not terms:
            return []
        asked = " | ".join(f"'{term}'" for term in terms)  # words alone: they need no escaping
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("passages_by_words", columns=_PASSAGE), account_id, public, ALL_CONFIGS, asked, limit
            )
        return [FoundPassage(*row) for row in rows]

    async def by_vector(
        self, account_id: str, model: str, vector: bytes, limit: int, *, public: bool
    ) -> list[FoundPassage]:
        planes = [BitString.frombytes(plane) for plane in masks(vector)]
        async with self._database.account(account_id) as connection:
            near = await connection.fetch(
                sql("passages_near"), account_id, public, model, *planes, self._candidates
            )
            best = [near[at] for at in nearest(vector, [row["vector"] for row in near], limit)]
            rows = await connection.fetch(
                sql("passages_of", columns=_PASSAGE),
                [row["article_id"] for row in best],
                [row["ordinal"] for row in best],
            )
        return [FoundPassage(*row) for row in rows]


async def _create(connection: Connection, article: Article, prepared: _Prepared, by: Actor) -> Article:
    await connection.execute(sql("article_lock"), article.account_id)
    if await connection.fetchval(sql("articles_count"), article.account_id) >= MAX_ARTICLES:
        raise Conflict(f"an account has {MAX_ARTICLES} articles at most", current={"articles": MAX_ARTICLES})
    row = await connection.fetchrow(
        sql("article_add", columns=_COLUMNS),
        article.id, article.account_id, article.title, article.body, article.language, article.visibility,
        article.source, by.id,
    )  # fmt: skip
    assert row is not None
    made = _article(row)
    await _save(connection, made, prepared, by, "article.created")
    return made


async def _change(connection: Connection, before: Article, changes: dict[str, Any], by: Actor) -> Article:
    wanted = replace(before, **{k: v for k, v in changes.items() if k in _CONTENT})
    if asdict(wanted) == asdict(before):
        return before
    prepared = await asyncio.to_thread(_Prepared, wanted)
    row = await connection.fetchrow(
        sql("article_change", columns=_COLUMNS),
        wanted.id, wanted.title, wanted.body, wanted.language, wanted.visibility, by.id,
    )  # fmt: skip
    assert row is not None
    made = _article(row)
    await _save(connection, made, prepared, by, "article.updated")
    return made


async def _save(
    connection: Connection, article: Article, prepared: _Prepared, by: Actor, action: str
) -> None:
    await connection.execute(sql("article_version_add"), article.id, MAX_VERSIONS)
    await connection.execute(sql("article_chunks_clear"), article.id)
    await connection.execute(
        sql("article_chunks_add"),
        article.id,
        [c.heading for c in prepared.passages],
        [c.content for c in prepared.passages],
        prepared.headings,
        prepared.folded,
        config_of(article.language),
        rules.VECTORS,
        prepared.vectors,
    )
    details = {"title": article.title, "version": article.version}
    await record(connection, article.account_id, by, action, ("article", article.id), details)
