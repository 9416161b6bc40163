"""The client for threads. `AsyncClient` is its counterpart for event loops."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, cast

import httpx

from .errors import api_error
from .generated.blocking import Methods
from .generated.events import Event
from .generated.models import UploadedAttachment
from .streams.blocking import over_sse, over_websocket, resumed
from .streams.connections import Kind
from .streams.resume import Resume
from .transport.files import Target, described, download_of, opened
from .transport.operations import OMIT
from .transport.options import Options
from .transport.requests import Upload, failure
from .transport.tokens import Token


class Client(Methods):
    """Talks to one server: a method for each operation of its API, streams, and files. Threads may share it.

    `token`: a bearer token, a function that returns one and is asked for another when the server refuses it, or an API client's
    `ClientCredentials`. `options` sets deadlines, repeats and bounds. Use it as `with`, or close it.
    """

    def __init__(self, url: str, token: Token = None, *, options: Options | None = None) -> None:
        super().__init__(url, token, options or Options())

    def as_user(self, token: Token) -> Self:
        """A client with another token over the same connections. Close only the first one."""
        other = copy.copy(self)
        other._tokens = other._tokens_of(token)
        return other

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def events(
        self, topics: Iterable[str] | None = None, *, since: str | None = None, over: Kind = "sse"
    ) -> Iterator[Event]:
        """The events of some topics as they happen, without end. It resumes by itself after cuts, restarts and expired tokens.

        `topics`: `account`, `user`, `conversation:<id>`; None for the token's own. `since` is the id of an event seen earlier.
        After a `reset` event what was missed cannot be replayed: fetch everything you show again. Raises ApiError, StreamClosed.
        """
        resume = Resume(topics, since)
        connect = (over_sse if over == "sse" else over_websocket)(self._trust, self._url)
        found = resumed(resume, connect, self._stream_headers, self._token_refused)
        return cast("Iterator[Event]", found)

    def upload(
        self,
        file: Upload | str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> UploadedAttachment:
        """Upload a file for `attachments` of a message: bytes, a path, or a binary file object."""
        source, name, kind = described(file, name, content_type)
        return self.upload_attachment(
            content=source, content_type=kind, name=OMIT if name is None else name, timeout=timeout
        )

    def download(self, attachment: str, to: Target, *, timeout: float = 300.0) -> int:
        """Write an attachment, by id or by the `url` in a message, to a path or a file object. Returns its size in bytes.

        Raises ApiError, ConnectionFailed, DeadlineExceeded; then part of it may have been written.
        """
        request, deadline, size = download_of(attachment), time.monotonic() + timeout, 0
        try:
            with self._open(request, self._tokens.get(), deadline) as response:
                if response.status_code >= 300:
                    raise api_error(response.status_code, response.headers, response.read())
                with opened(to) as file:
                    for piece in response.iter_bytes():
                        size += file.write(piece)
                        if time.monotonic() >= deadline:
                            raise httpx.ReadTimeout("the file came too slowly")
        except httpx.TransportError as error:
            raise failure(error, request, overdue=time.monotonic() >= deadline) from error
        return size

    def _stream_headers(self) -> dict[str, str]:
        return self._options.headers(self._tokens.get())

    def _token_refused(self, headers: Mapping[str, Any]) -> bool:
        return self._tokens.refused(headers.get("Authorization", "").removeprefix("Bearer ") or None)
