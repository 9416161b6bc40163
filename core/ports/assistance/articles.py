"""The port of the knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from ...accounts.records import Page, Place
from ...assistance.articles import Article, ArticleVersion, FoundPassage, Visibility
from ...conversation.entries import Actor

Imported = Literal["created", "updated", "unchanged"]


class ArticleStore(Protocol):
    """Articles of one account. Saving one replaces its passages and their vectors in the same transaction."""

    async def create(self, article: Article, by: Actor) -> Article:
        """Raises Conflict if the account has too many."""
        ...

    async def get(self, account_id: str, article_id: str) -> Article | None: ...

    async def page(
        self,
        account_id: str,
        visibility: Visibility | None,
        language: str | None,
        q: str | None,
        after: Place | None,
        limit: int,
    ) -> Page[Article]:
        """Articles without their bodies, oldest first. `q`: part of the title."""
        ...

    async def has_public(self, account_id: str) -> bool:
        """Whether customers may read any."""
        ...

    async def update(
        self, account_id: str, article_id: str, changes: dict[str, Any], by: Actor
    ) -> Article | None:
        """Save a new version, unless nothing changes."""
        ...

    async def delete(self, account_id: str, article_id: str, by: Actor) -> bool: ...

    async def versions(self, account_id: str, article_id: str) -> list[ArticleVersion]:
        """Newest first."""
        ...

    async def put(self, article: Article, by: Actor) -> Imported:
        """Create or update the article of `article.source`. Raises Conflict like `create`."""
        ...

    async def by_words(
        self, account_id: str, terms: Sequence[str], limit: int, *, public: bool
    ) -> list[FoundPassage]:
        """Passages that share words with a question, best first."""
        ...

    async def by_vector(
        self, account_id: str, model: str, vector: bytes, limit: int, *, public: bool
    ) -> list[FoundPassage]:
        """The passages whose vectors are nearest among those that `model` made, best first. Of a large account, most of them."""
        ...
