"""`/v1/articles`: the knowledge base, and its search; `/v1/webchat/articles` for customers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id
from ....core.assistance.articles import (
    MAX_BODY,
    MAX_TITLE,
    Article,
    ArticleVersion,
    FoundPassage,
    Visibility,
)
from ....core.errors import NotFound
from ....core.text.fields import NextCursor, Timestamp, about
from ....core.times import rfc3339
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, cursor, given, place

TAG = "articles"
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE, pattern="\\S")]
Body = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BODY, pattern="\\S")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}(?![\s\S])")]
Question = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern="\\S")]
Some = Annotated[int, msgspec.Meta(ge=1, le=20)]


class NewArticle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Annotated[Title, about("What it is about", "Returns")]
    body: Annotated[Body, about("The text, in Markdown", "# Returns\nSend it back within 30 days.")]
    language: Annotated[Language | None, about("The language it is written in", "en")] = None
    visibility: Annotated[Visibility, about("Who may read it: customers and bots too, or only the team")] = (
        "internal"
    )


class ArticlePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Annotated[Title | msgspec.UnsetType, about("What it is about", "Returns")] = msgspec.UNSET
    body: Annotated[
        Body | msgspec.UnsetType, about("The text, in Markdown", "Send it back within 60 days.")
    ] = msgspec.UNSET
    language: Annotated[
        Language | msgspec.UnsetType | None, about("The language it is written in; null for none", "en")
    ] = msgspec.UNSET
    visibility: Annotated[
        Visibility | msgspec.UnsetType, about("Who may read it: customers and bots too, or only the team")
    ] = msgspec.UNSET


class ArticlesQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    visibility: Annotated[Visibility | None, about("Only those that customers may read, or may not")] = None
    language: Annotated[Language | None, about("Only this language", "en")] = None
    q: Annotated[
        Annotated[str, msgspec.Meta(max_length=200)] | None, about("Part of the title", "returns")
    ] = None


class ArticleSearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[Question, about("A question, or words", "How do I return a parcel?")]
    visibility: Annotated[Visibility | None, about("`public`: only what customers may read")] = None
    limit: Annotated[Some, about("Most passages")] = 5


class PublicSearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[Question, about("A question, or words", "How do I return a parcel?")]
    limit: Annotated[Some, about("Most passages")] = 5


class ArticleSummary(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, about("The article's id", format="uuid")]
    title: Annotated[str, about("What it is about", "Returns")]
    language: Annotated[str | None, about("The language it is written in", "en")]
    visibility: Annotated[Visibility, about("Who may read it")]
    source: Annotated[str | None, about("Where it was imported from", "help/returns.md")]
    version: Annotated[int, about("The version, from 1; each change makes a new one", 3)]
    created_by: Annotated[str | None, about("Who wrote it", "ada")]
    updated_by: Annotated[str | None, about("Who changed it last", "ada")]
    created_at: Timestamp
    updated_at: Timestamp


class ArticleView(ArticleSummary, frozen=True, kw_only=True):
    body: Annotated[str, about("The text, in Markdown", "Send it back within 30 days.")]


class ArticlesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ArticleSummary], about("The articles, without their texts")]
    next_cursor: NextCursor


class ArticleVersionView(msgspec.Struct, frozen=True):
    version: Annotated[int, about("The version's number", 2)]
    title: Annotated[str, about("Its title", "Returns")]
    body: Annotated[str, about("Its text", "Send it back within 30 days.")]
    language: Annotated[str | None, about("The language it was written in", "en")]
    visibility: Annotated[Visibility, about("Who could read it")]
    saved_by: Annotated[str | None, about("Who saved it", "ada")]
    saved_at: Timestamp


class ArticleVersions(msgspec.Struct, frozen=True):
    items: Annotated[list[ArticleVersionView], about("The newest 50, newest first")]


class PassageView(msgspec.Struct, frozen=True):
    """A passage of an article that fits a question."""

    article_id: Annotated[str, about("The article's id", format="uuid")]
    title: Annotated[str, about("The article's title", "Returns")]
    heading: Annotated[str, about("The heading above the passage; empty if there is none", "Parcels")]
    content: Annotated[str, about("The passage", "Send it back within 30 days.")]
    language: Annotated[str | None, about("The article's language", "en")]
    visibility: Annotated[Visibility, about("Who may read it")]
    relevance: Annotated[float, about("How likely it is to answer the question, from 0 to 1", 0.72)]
    found_by: Annotated[list[Literal["words", "vector"]], about("Which searches found it")]


class PassagesView(msgspec.Struct, frozen=True):
    items: Annotated[list[PassageView], about("The passages, best first")]


class PublicPassage(msgspec.Struct, frozen=True):
    """A passage as a customer sees it."""

    article_id: Annotated[str, about("The article's id", format="uuid")]
    title: Annotated[str, about("The article's title", "Returns")]
    heading: Annotated[str, about("The heading above the passage; empty if there is none", "Parcels")]
    content: Annotated[str, about("The passage", "Send it back within 30 days.")]
    language: Annotated[str | None, about("The article's language", "en")]


class PublicPassages(msgspec.Struct, frozen=True):
    items: Annotated[list[PublicPassage], about("The passages, best first")]


def summary(a: Article) -> ArticleSummary:
    return ArticleSummary(**_fields(a))


def view(a: Article) -> ArticleView:
    return ArticleView(**_fields(a), body=a.body)


def _fields(a: Article) -> dict[str, Any]:
    names = ("id", "title", "language", "visibility", "source", "version", "created_by", "updated_by")
    times = {"created_at": rfc3339(a.created_at), "updated_at": rfc3339(a.updated_at)}
    return {name: getattr(a, name) for name in names} | times


def _version(v: ArticleVersion) -> ArticleVersionView:
    return ArticleVersionView(
        v.version, v.title, v.body, v.language, v.visibility, v.saved_by, rfc3339(v.saved_at)
    )


def _passage(f: FoundPassage) -> PassageView:
    return PassageView(
        f.article_id, f.title, f.heading, f.content, f.language, f.visibility, f.relevance, list(f.by)
    )


async def create(call: Call[NewArticle]) -> web.Response:
    b = call.body
    wanted = Article(fresh_id(), call.account_id, b.title, b.body, b.language, b.visibility)
    return created(view(await call.services.stores.articles.create(wanted, author(call))), BASE)


async def index(call: Call[None]) -> web.Response:
    query: ArticlesQuery = call.query
    page = await call.services.stores.articles.page(
        call.account_id, query.visibility, query.language, query.q or None, place(query.cursor), query.limit
    )
    return answer(ArticlesPage([summary(a) for a in page.items], cursor(page.next)))


async def read(call: Call[None]) -> web.Response:
    return answer(view(await _found(call)))


async def patch(call: Call[ArticlePatch]) -> web.Response:
    after = await call.services.stores.articles.update(
        call.account_id, call.id(), given(call.body), author(call)
    )
    if after is None:
        raise _unknown()
    return answer(view(after))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.articles.delete(call.account_id, call.id(), author(call)):
        raise _unknown()
    return no_content()


async def versions(call: Call[None]) -> web.Response:
    a = await _found(call)
    kept = await call.services.stores.articles.versions(call.account_id, a.id)
    return answer(ArticleVersions([_version(v) for v in kept]))


async def search(call: Call[None]) -> web.Response:
    query: ArticleSearchQuery = call.query
    found = await call.services.knowledge.search(
        call.account_id, query.q, query.limit, public=query.visibility == "public"
    )
    if query.visibility == "internal":
        found = [f for f in found if f.visibility == "internal"]
    return answer(PassagesView([_passage(f) for f in found]))


async def search_public(call: Call[None]) -> web.Response:
    query: PublicSearchQuery = call.query
    found = await call.services.knowledge.search(call.account_id, query.q, query.limit, public=True)
    return answer(
        PublicPassages(
            [PublicPassage(f.article_id, f.title, f.heading, f.content, f.language) for f in found]
        )
    )


async def _found(call: Call[Any]) -> Article:
    found = await call.services.stores.articles.get(call.account_id, call.id())
    if found is None:
        raise _unknown()
    return found


def _unknown() -> NotFound:
    return NotFound("no such article")


BASE = "/v1/articles"
ONE = {200: ArticleView}
READ, MANAGE = "articles.read", "articles.manage"
ROUTES = [
    Route("GET", BASE, index, READ, {200: ArticlesPage}, "listArticles", "Articles of the knowledge base, oldest first",
          query=ArticlesQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: ArticleView}, "createArticle", "Write an article", body=NewArticle, tag=TAG, locates=True,
          refuses=(409,)),
    Route("GET", BASE + "/search", search, READ, {200: PassagesView}, "searchArticles",
          "Passages that answer a question, found by words and by vectors", query=ArticleSearchQuery, tag=TAG),
    Route("GET", BASE + "/{id}", read, READ, ONE, "getArticle", "One article", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, MANAGE, ONE, "updateArticle", "Change an article, which makes a new version", body=ArticlePatch,
          tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, MANAGE, {204: None}, "deleteArticle", "Delete an article with its versions", tag=TAG),
    Route("GET", BASE + "/{id}/versions", versions, READ, {200: ArticleVersions}, "listArticleVersions", "Versions of an article", tag=TAG),
    Route("GET", "/v1/webchat/articles", search_public, "webchat.read", {200: PublicPassages}, "searchPublicArticles",
          "Passages of public articles that answer a customer's question", query=PublicSearchQuery, tag="web chat"),
]  # fmt: skip
