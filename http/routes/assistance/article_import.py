"""`POST /v1/articles/import`: a folder of Markdown files, or a saved website with its sitemap, as a zip archive. A file's path, or a page's
address, names its article: importing it again updates it. Nothing is fetched."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Annotated, Final

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id
from ....core.assistance.articles import Article, Visibility
from ....core.assistance.markdown_files import MarkdownFile, unpacked
from ....core.errors import Conflict, Invalid
from ....core.text.fields import Count, about
from ...actions.transfers import UPLOADS, Client
from ...actions.uploads import FORM, incoming
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import author
from .articles import BASE, MANAGE, TAG, Language

MAX_ARCHIVE: Final = 10 * 1024 * 1024
"""Bytes of an archive."""
ZIP: Final = "application/zip"


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    visibility: Annotated[
        Visibility,
        about("Who may read articles whose file does not set `visibility:` in its front matter"),
    ] = "internal"
    language: Annotated[Language | None, about("The language of files that do not set one", "en")] = None


class SkippedView(msgspec.Struct, frozen=True):
    path: Annotated[str, about("The file's path in the archive", "help/logo.png")]
    reason: Annotated[str, about("Why it was skipped", "is not a Markdown file")]


class ImportView(msgspec.Struct, frozen=True):
    created: Annotated[Count, about("New articles")]
    updated: Annotated[Count, about("Articles with a new version")]
    unchanged: Annotated[Count, about("Articles whose file has not changed")]
    skipped: Annotated[list[SkippedView], about("Files that were not imported")]


async def run(call: Call[None]) -> web.Response:
    query: ImportQuery = call.query
    async with call.app[UPLOADS].one(Client.of(call.principal)):
        archive = await _received(call)
        files, skipped = await asyncio.to_thread(unpacked, archive)
        left_out = [SkippedView(s.path, s.reason) for s in skipped]
        done = {"created": 0, "updated": 0, "unchanged": 0}
        for file in files:
            try:
                done[await call.services.stores.articles.put(_article(call, file, query), author(call))] += 1
            except (Conflict, Invalid) as error:
                left_out.append(SkippedView(file.path, error.detail))
    return answer(ImportView(**done, skipped=left_out))


async def _received(call: Call[None]) -> bytes:
    settings, parts = call.services.settings, bytearray()
    file = await incoming(call.request, most=MAX_ARCHIVE, min_rate=settings.upload_min_rate)
    async with aclosing(file.pieces) as pieces:
        async for piece in pieces:
            parts += piece
    return bytes(parts)


def _article(call: Call[None], file: MarkdownFile, query: ImportQuery) -> Article:
    return Article(
        fresh_id(),
        call.account_id,
        file.title,
        file.body,
        file.language or query.language,
        file.visibility or query.visibility,
        file.path,
    )


ROUTES = [
    Route("POST", BASE + "/import", run, MANAGE, {200: ImportView}, "importArticles",
          "Import a folder of Markdown files, or a saved website with its sitemap.xml, from a zip archive; what was imported before is updated", query=ImportQuery, tag=TAG,
          upload=(ZIP, FORM), refuses=(408,)),
]  # fmt: skip
