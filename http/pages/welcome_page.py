"""`/`: introduces the server and links to its parts. A page for browsers, the same links as JSON for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from aiohttp import hdrs, web

from ...core.text.fields import about
from ..framework.endpoint import Call, Route, answer
from .files import file_answer

TAG = "pages"
FOLDER: Final = Path(__file__).parent / "welcome"
MAX_RANGES: Final = 32
"""Media ranges of an Accept header that are read."""
_PAGE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
_FILE: Final = {"Cache-Control": "no-cache"}


class Links(msgspec.Struct, frozen=True):
    """Paths of this server."""

    openapi: Annotated[str, about("The OpenAPI document", "/openapi.json")] = "/openapi.json"
    asyncapi: Annotated[str, about("The AsyncAPI document: the streams", "/asyncapi.json")] = "/asyncapi.json"
    docs: Annotated[str, about("The API as a web page", "/docs")] = "/docs"
    inbox: Annotated[str, about("The agents' page", "/inbox")] = "/inbox"
    health: Annotated[str, about("Whether the process is alive", "/health")] = "/health"
    ready: Annotated[str, about("Whether it can serve requests", "/ready")] = "/ready"


class Welcome(msgspec.Struct, frozen=True):
    """A description of this server."""

    name: Annotated[str, about("The server's name", "tertulia")] = "tertulia"
    description: Annotated[str, about("What it does", "A realtime server for customer conversations")] = (
        "A realtime server for customer conversations"
    )
    links: Annotated[Links, about("Where to go from here")] = Links()


async def welcome(call: Call[None]) -> web.Response:
    if prefers_html(call.request.headers.get(hdrs.ACCEPT, "")):
        response = file_answer(call.request, FOLDER / "index.html", _PAGE)
    else:
        response = answer(Welcome(), headers={"Cache-Control": "no-cache"})
    response.headers[hdrs.VARY] = "Accept, Accept-Encoding, Origin"
    return response


def prefers_html(accept: str) -> bool:
    """Whether an Accept header names HTML, and weighs it at least as much as JSON (RFC 9110, section 12.5.1)."""
    html = json = 0.0
    for part in accept.lower().split(",")[:MAX_RANGES]:
        media, _, parameters = part.partition(";")
        weight = _weight(parameters)
        if media.strip() in ("text/html", "application/xhtml+xml"):
            html = max(html, weight)
        elif media.strip() in ("application/json", "application/problem+json"):
            json = max(json, weight)
    return html > 0 and html >= json


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


async def style(call: Call[None]) -> web.Response:
    return file_answer(call.request, FOLDER / "welcome.css", _FILE)


ROUTES = [
    Route("GET", "/", welcome, None, {200: Welcome, 304: None}, "getWelcome", "An introduction to the server, as a page or as JSON", tag=TAG),
    Route("GET", "/welcome.css", style, None, {200: None, 304: None}, "getWelcomeStyle", "The style of the page at /", tag=TAG),
]  # fmt: skip
