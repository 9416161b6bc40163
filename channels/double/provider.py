"""The interface of the double's providers, and their errors."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from aiohttp import web

from .model import Channel, CustomerMessage, Fault, File, Receipt, Sent, State, Webhook


class Refusal(Exception):
    """The provider's own response to a request that it rejects."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def response(self) -> web.Response:
        return json_response(self.body, self.status, self.headers)


class Call(msgspec.Struct, frozen=True):
    """A request to a provider's API; `origin` is the double's own address as the caller knows it. Of a multipart body, `body`
    is empty, `form` has its fields and `files` its files; of any other form `form` has the last value of each field."""

    method: str
    path: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    content_type: str
    origin: str
    form: dict[str, str] = {}
    files: dict[str, File] = {}


class Taken(msgspec.Struct, frozen=True):
    """The result of a request to a send API: the messages that it made, if any, and the answer's JSON and HTTP status."""

    sent: tuple[Sent, ...]
    answer: Any
    status: int = 200


Read = Callable[[State, Call], web.Response | Awaitable[web.Response]]
Paths = tuple[tuple[str, str], ...]
"""Methods and paths."""
Reads = tuple[tuple[str, str, Read], ...]
"""Methods, paths and handlers."""


class Provider(Protocol):
    """One provider: a module of this package."""

    NEEDS: tuple[str, ...]
    """Credentials a channel must have."""
    SEND: Paths
    """Method and path of its send API."""
    READ: Reads
    """The other routes of its API: files, webhooks, sent messages."""

    def accept(self, state: State, channel: Channel, call: Call) -> Taken:
        """Accept a message. Raises Refusal."""
        ...

    def find(self, state: State, call: Call) -> Channel:
        """The channel of a request. Raises Refusal."""
        ...

    def refusal(self, fault: Fault) -> Refusal:
        """The provider's response for the faults 429, 500 and refuse."""
        ...

    def webhooks_of(
        self, state: State, channel: Channel, given: CustomerMessage, origin: str
    ) -> list[Webhook]:
        """The webhooks of a customer's message. Raises ValueError for features that the provider lacks."""
        ...

    def receipt(self, channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
        """The webhook of a receipt, or None if the provider sends none."""
        ...


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=io.BytesIO(msgspec.json.encode(body)),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def file_response(data: bytes, content_type: str) -> web.Response:
    return web.Response(
        body=io.BytesIO(data),
        content_type=content_type.partition(";")[0].strip() or "application/octet-stream",
    )


def whole(text: str | None, usual: int, most: int) -> int:
    """A whole number of a query, from 0 to `most`; `usual` for anything else."""
    return min(int(text), most) if text is not None and text.isdecimal() and len(text) < 10 else usual


def object_of(body: bytes) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def retry_header(fault: Fault) -> dict[str, str]:
    return {"Retry-After": f"{fault.retry_after:g}"} if fault.retry_after is not None else {}


def is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://")) and len(value) <= 2048
