"""Prepares requests and interprets responses. Shared by the sync and the async client; the only I/O is reading a file to upload."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

import httpx

from ..errors import AnswerTooLarge, ConnectionFailed, DeadlineExceeded, TertuliaError, api_error
from .operations import Answers, Operation, body_of, query_of

PIECE = 256 * 1024
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that is read into memory; a larger one raises AnswerTooLarge. Files can be saved without this bound."""
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before the request was sent."""

Upload = bytes | Path | BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`upload` is read again for each attempt; a file object is read from where it stood at first."""

    operation: Operation
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    upload: Upload | None = None
    upload_from: int = 0

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path + ("?" + urlencode(self.query) if self.query else "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def request_of(
    operation: Operation,
    arguments: tuple[str, ...] = (),
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    upload: Upload | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """The request of a call. `body` becomes JSON, without what is omitted."""
    named = dict(headers or {})
    content = None
    if body is not None:
        content = json.dumps(body_of(body), ensure_ascii=False, allow_nan=False).encode()
        named["Content-Type"] = "application/json"
    start = 0
    if upload is not None and not isinstance(upload, bytes | Path) and upload.seekable():
        start = upload.tell()
    return Request(
        operation=operation,
        path=operation.url(arguments),
        query=query_of(query or {}),
        headers=named,
        content=content,
        upload=upload,
        upload_from=start,
    )


def pieces(request: Request) -> Iterator[bytes]:
    """The bytes to upload, from the start."""
    upload = request.upload
    if isinstance(upload, bytes):
        yield upload
    elif isinstance(upload, Path):
        with upload.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    elif upload is not None:
        if upload.seekable():
            upload.seek(request.upload_from)
        while piece := upload.read(PIECE):
            yield piece


def phases(remaining: float) -> httpx.Timeout:
    """Bounds of the phases of one attempt, within what remains of the deadline, in seconds."""
    remaining = max(remaining, 0.001)
    return httpx.Timeout(remaining, connect=min(10.0, remaining))


def failure(error: BaseException, request: Request, overdue: bool) -> TertuliaError:
    """The exception that a call raises for a connection that failed for good. A refused one is named even when time is over, too."""
    what = f"{request.operation.method} {request.path}"
    if overdue and not isinstance(error, httpx.ConnectError):
        return DeadlineExceeded(f"{what} was not answered in time")
    return ConnectionFailed(f"{what}: {error or type(error).__name__}")


def check_size(size: int, most: int) -> None:
    """Raises AnswerTooLarge."""
    if size > most:
        raise AnswerTooLarge(f"the answer has more than {most} bytes")


def decoded(answer: Answer, answers: Answers) -> Any:
    """The value of a successful response; None if it has none. Raises ApiError if it is not JSON."""
    if answers == "bytes":
        return answer.body
    if answers == "text":
        return answer.body.decode(errors="replace")
    try:
        return json.loads(answer.body) if answer.body else None
    except ValueError:
        raise api_error(answer.status, answer.headers, answer.body) from None
