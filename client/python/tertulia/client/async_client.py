"""The client for event loops. `Client` is its counterpart for threads."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from .errors import api_error
from .generated.events import Event
from .generated.models import UploadedAttachment
from .generated.nonblocking import AsyncMethods
from .streams.connections import Kind
from .streams.nonblocking import AsyncStream
from .streams.resume import Resume
from .transport.files import Target, described, download_of, opened
from .transport.operations import OMIT
from .transport.options import Options
from .transport.requests import Upload, failure
from .transport.tokens import AsyncToken


class AsyncClient(AsyncMethods):
    """Talks to one server: a method for each operation of its API, streams, and files. For one event loop.

    `token`: a bearer token, a function, async or not, that returns one and is asked for another when the server refuses it, or an
    API client's `ClientCredentials`. `options` sets deadlines, repeats and bounds. Use it as `async with`, or close it.
    """

    def __init__(self, url: str, token: AsyncToken = None, *, options: Options | None = None) -> None:
        super().__init__(url, token, options or Options())

    def as_user(self, token: AsyncToken) -> Self:
        """A client with another token over the same connections. Close only the first one."""
        other = copy.copy(self)
        other._tokens = other._tokens_of(token)
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def stream(
        self, topics: Iterable[str] | None = None, *, since: str | None = None, over: Kind = "sse"
    ) -> AsyncStream:
        """A stream to enter with `async with`. Over a WebSocket it carries commands too: `AsyncStream.send`.

        `topics`: `account`, `user`, `conversation:<id>`; None for the token's own. `since` is the id of an event seen earlier.
        """
        resume = Resume(topics, since)
        return AsyncStream(self._trust, self._url, over, resume, self._stream_headers, self._token_refused)

    async def events(
        self, topics: Iterable[str] | None = None, *, since: str | None = None, over: Kind = "sse"
    ) -> AsyncGenerator[Event]:
        """The events of some topics as they happen, without end. It resumes by itself after cuts, restarts and expired tokens.

        After a `reset` event what was missed cannot be replayed: fetch everything you show again. Raises ApiError, StreamClosed.
        """
        async with self.stream(topics, since=since, over=over) as stream:
            async for event in stream:
                yield event

    async def upload(
        self,
        file: Upload | str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> UploadedAttachment:
        """Upload a file for `attachments` of a message: bytes, a path, or a binary file object."""
        source, name, kind = described(file, name, content_type)
        return await self.upload_attachment(
            content=source, content_type=kind, name=OMIT if name is None else name, timeout=timeout
        )

    async def download(self, attachment: str, to: Target, *, timeout: float = 300.0) -> int:
        """Write an attachment, by id or by the `url` in a message, to a path or a file object. Returns its size in bytes.

        Raises ApiError, ConnectionFailed, DeadlineExceeded; then part of it may have been written.
        """
        request, deadline, size = download_of(attachment), time.monotonic() + timeout, 0
        try:
            async with (
                asyncio.timeout(timeout),
                self._open(request, await self._tokens.get(), deadline) as response,
            ):
                if response.status_code >= 300:
                    raise api_error(response.status_code, response.headers, await response.aread())
                with opened(to) as file:
                    async for piece in response.aiter_bytes():
                        size += await asyncio.to_thread(file.write, piece)
        except (httpx.TransportError, TimeoutError) as error:
            raise failure(error, request, overdue=time.monotonic() >= deadline) from error
        return size

    async def _stream_headers(self) -> dict[str, str]:
        return self._options.headers(await self._tokens.get())

    def _token_refused(self, headers: Mapping[str, Any]) -> bool:
        return self._tokens.refused(headers.get("Authorization", "").removeprefix("Bearer ") or None)
