"""The streams, and the tickets with which browsers open them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from ....core.text.fields import Timestamp, about
from ....core.times import rfc3339
from ...auth.tickets import browser_of, is_page, new_cookie
from ...framework.endpoint import Call, Route, answer
from .opening import StreamQuery
from .sse import stream
from .websocket import websocket

TAG = "streams"


class StreamTicketView(msgspec.Struct, frozen=True):
    ticket: Annotated[str, about("Opens one stream when passed as the query parameter `ticket`", "tk_5wE2m9")]
    expires_at: Annotated[Timestamp, about("When it expires")]


async def ticket(call: Call[None]) -> web.Response:
    browser, headers = None, None
    if is_page(call.request):
        browser = browser_of(call.request)
        if browser is None:
            public_url = call.services.settings.public_url or ""
            https = call.request.scheme == "https" or public_url.lower().startswith("https://")
            browser, cookie = new_cookie(https=https)
            headers = {"Set-Cookie": cookie}
    made = await call.services.tickets.issue(call.principal, browser)
    return answer(StreamTicketView(made.ticket, rfc3339(int(made.expires_at * 1000))), 201, headers)


ROUTES = [
    Route("GET", "/v1/stream", stream, "streams.read", {200: str}, "openEventStream", "Server-Sent Events", query=StreamQuery,
          tag=TAG, stream=True, media="text/event-stream", refuses=(404, 409), reads=("Last-Event-ID",)),
    Route("GET", "/v1/ws", websocket, "streams.read", {101: None}, "openWebSocket", "WebSocket", query=StreamQuery,
          tag=TAG, stream=True, refuses=(404, 409)),
    Route("POST", "/v1/auth/ticket", ticket, "streams.read", {201: StreamTicketView}, "createStreamTicket", "A single-use 30-s stream ticket",
          tag=TAG),
]  # fmt: skip
