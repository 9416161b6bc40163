"""The customers' widget: `/widget.js`, which sites embed, and the page in its frame.

Each channel has a page of its own, because the policy that comes with it names the sites that may show it: the channel's
`allowed_origins`, the operator's, and this server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from aiohttp import web

from ...core.accounts.records import Channel
from ...core.errors import NotFound
from ..framework.endpoint import Call, Route
from .files import file_answer, sent, versioned_file, versioned_page

TAG = "pages"
FOLDER: Final = Path(__file__).parent / "widget"
LOADER: Final = "loader.js"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'self'"
)
"""Content-Security-Policy of the frame, to be followed by the origins of the sites that may show it."""
_LOADER: Final = {"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}


async def loader(call: Call[None]) -> web.Response:
    return file_answer(call.request, FOLDER / LOADER, _LOADER)


async def frame(call: Call[None]) -> web.Response:
    channel = await call.services.stores.channels.find(call.id("channel_id"))
    if channel is None or channel.type != "webchat":
        raise NotFound("no such web chat channel")
    policy = " ".join([POLICY, *_ancestors(call, channel)])
    frame = versioned_page(FOLDER / "frame.html")
    return sent(call.request, frame, {"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


def _ancestors(call: Call[None], channel: Channel) -> list[str]:
    allowed = channel.config.get("allowed_origins")
    own = [str(origin) for origin in allowed] if isinstance(allowed, list) else []
    return list(dict.fromkeys([*own, *sorted(o.removesuffix("/") for o in call.services.settings.origins())]))


async def file(call: Call[Any]) -> web.Response:
    return versioned_file(call.request, FOLDER, call.path["path"])


ROUTES = [
    Route("GET", "/widget.js", loader, None, {200: None, 304: None}, "getWidget", "The script that sites embed", tag=TAG,
          details="docs/guides/widget.md says how."),
    Route("GET", "/widget/channels/{channel_id}", frame, None, {200: str, 304: None}, "getWidgetPage", "The page in the widget's frame",
          tag=TAG, media="text/html", refuses=(404,)),
    Route("GET", "/widget/{path:.+}", file, None, {200: None, 304: None}, "getWidgetFile", "Files of the widget", tag=TAG, refuses=(404,)),
]  # fmt: skip
