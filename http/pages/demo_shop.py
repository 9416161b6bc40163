"""`/demo/shop`: a shop with the widget, to try out both customer and agent in two windows. Only in the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from aiohttp import web

from ...core.errors import NotFound
from ..framework.endpoint import Call, Route
from .files import file_answer, named_file

TAG = "pages"
FOLDER: Final = Path(__file__).parent / "shop"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The content security policy that the widget needs of a site, and nothing else: the script and the frame."""
_PAGE: Final = {"Content-Security-Policy": POLICY, "X-Frame-Options": "DENY", "Cache-Control": "no-cache"}
_FILE: Final = {"Cache-Control": "no-cache"}


async def shop(call: Call[None]) -> web.Response:
    _check_demo(call)
    return file_answer(call.request, FOLDER / "index.html", _PAGE)


async def file(call: Call[Any]) -> web.Response:
    _check_demo(call)
    return named_file(call.request, FOLDER, call.path["path"], _FILE)


def _check_demo(call: Call[Any]) -> None:
    if not call.services.settings.demo:
        raise NotFound("the shop exists only in the demo")


ROUTES = [
    Route("GET", "/demo/shop", shop, None, {200: str, 304: None}, "getDemoShop", "A shop with the widget; only in the demo", tag=TAG,
          media="text/html", refuses=(404,)),
    Route("GET", "/demo/shop/{path:.+}", file, None, {200: None, 304: None}, "getDemoShopFile", "Files of the demo's shop", tag=TAG,
          refuses=(404,)),
]  # fmt: skip
