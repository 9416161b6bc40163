"""`/openapi.json`, `/asyncapi.json`, `/docs`, and the static files of the server's pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from aiohttp import web

from ...core.text.fields import about
from ..documents.asyncapi import ASYNCAPI
from ..documents.openapi import OPENAPI, Document
from ..framework.endpoint import Call, Route
from ..pages.files import file_answer, named_file

TAG = "operations"
STATIC = Path(__file__).parents[1] / "static"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of a page: only this server's own files, no inline scripts or styles."""
_PAGE = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_FILE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=3600"}


JsonDocument = Annotated[
    dict[str, Any], about("A document in the format that its name says", {"openapi": "3.1.0"})
]


async def openapi(call: Call[None]) -> web.Response:
    return _document(call, call.app[OPENAPI])


async def asyncapi(call: Call[None]) -> web.Response:
    return _document(call, call.app[ASYNCAPI])


def _document(call: Call[None], document: Document) -> web.Response:
    body, etag = document.encoded()
    headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
    if any(known.value in (etag, "*") for known in call.request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


async def docs(call: Call[None]) -> web.StreamResponse:
    return file_answer(call.request, STATIC / "docs.html", _PAGE)


async def static(call: Call[Any]) -> web.StreamResponse:
    return named_file(call.request, STATIC, call.path["path"], _FILE)


ROUTES = [
    Route("GET", "/openapi.json", openapi, None, {200: JsonDocument, 304: None}, "getOpenApiDocument", "This document", tag=TAG, reads=("If-None-Match",), sends=("ETag",)),
    Route("GET", "/asyncapi.json", asyncapi, None, {200: JsonDocument, 304: None}, "getAsyncApiDocument", "The streams as an AsyncAPI document", tag=TAG,
          reads=("If-None-Match",), sends=("ETag",)),
    Route("GET", "/docs", docs, None, {200: str}, "getDocsPage", "This document as a web page", tag=TAG, media="text/html",
          cross_origin=False),
    Route("GET", "/static/{path:.+}", static, None, {200: bytes, 206: bytes, 304: None}, "getStaticFile", "Files of the server's pages", tag=TAG,
          cross_origin=False, media="application/octet-stream, */*"),
]  # fmt: skip
