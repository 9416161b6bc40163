"""Shared by both clients to open streams: URLs, headers, and how the end of a stream is interpreted."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
from websockets import exceptions

from ..errors import ApiError, ConnectionFailed, DeadlineExceeded, api_error
from .resume import MAX_EVENT, OPEN_WITHIN, SILENCE

STREAM = "/v1/stream"
WEBSOCKET = "/v1/ws"
SSE_TIMEOUT = httpx.Timeout(OPEN_WITHIN, read=SILENCE)
PING_EVERY = 20.0
CLOSE_WITHIN = 2.0


class NotAnEvent(Exception):
    """The server sent something else than an event."""


Kind = Literal["sse", "websocket"]
BROKEN = (
    httpx.HTTPError,
    exceptions.WebSocketException,
    ConnectionFailed,
    DeadlineExceeded,
    OSError,
    EOFError,
    NotAnEvent,
)
"""The exceptions of a broken connection, or of a token that could not be fetched."""


class Refused(Exception):
    """The server did not open the stream."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(str(error))
        self.error = error


class Closed(Exception):
    """The server ended the stream. `code` is None where the transport has none."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def websocket_url(url: str, query: Mapping[str, str]) -> str:
    """`ws://` for `http://`, `wss://` for `https://`."""
    return "ws" + url.removeprefix("http") + WEBSOCKET + ("?" + urlencode(query) if query else "")


def websocket_options(headers: Mapping[str, str], url: str, trust: ssl.SSLContext | bool) -> dict[str, Any]:
    """The arguments of both of the library's `connect`."""
    if trust is False and url.startswith("wss:"):
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return {
        "additional_headers": {name: value for name, value in headers.items() if name != "User-Agent"},
        "user_agent_header": headers.get("User-Agent"),
        "ssl": trust if isinstance(trust, ssl.SSLContext) else None,
        "compression": None,
        "max_size": MAX_EVENT,
        "open_timeout": OPEN_WITHIN,
        "close_timeout": CLOSE_WITHIN,
        "ping_interval": PING_EVERY,
        "ping_timeout": PING_EVERY,
    }


def refused(error: exceptions.InvalidStatus) -> Refused:
    """The problem in the answer to a handshake."""
    answer = error.response
    return Refused(api_error(answer.status_code, answer.headers, bytes(answer.body or b"")))


def closed(error: exceptions.ConnectionClosed) -> Closed:
    """Close code and reason, if the server sent them."""
    frame = error.rcvd
    return Closed(None) if frame is None else Closed(frame.code, frame.reason)


def decoded(text: str | bytes) -> dict[str, Any]:
    """A frame. Raises NotAnEvent, and Closed at the server's last event."""
    try:
        frame = json.loads(text)
    except ValueError as error:
        raise NotAnEvent(str(error)) from None
    if not isinstance(frame, dict) or "type" not in frame:
        raise NotAnEvent("a frame has a type")
    if frame["type"] == "close":
        raise Closed(frame["data"]["code"], frame["data"]["reason"])
    return frame
