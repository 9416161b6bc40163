"""Reading a request's body: its size, and the total time that its sender may take.

How slowly bytes may arrive is bounded for every body by the connection (`connection/deadlines.py`). This module adds a deadline for the
whole body, and for uploads a stricter rate. Only time spent waiting for the client counts, so a busy disk of the server
fails no upload. A sender that is too slow gets 408, and the connection ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from aiohttp import StreamReader, web

from ...core.errors import TooLarge

DEADLINE: Final = 30.0
"""Seconds the whole body of a command may take; then 408."""
WINDOW: Final = 10.0
"""Seconds of waiting over which a rate is measured."""
TOO_LARGE: Final = "the request body is too large"


class Pace:
    """The time limits of one body: `deadline` seconds of waiting in all, and at least `rate` bytes a second in each `window`."""

    def __init__(self, *, deadline: float = DEADLINE, rate: float = 0.0, window: float = WINDOW) -> None:
        self._left = deadline
        self._window = window
        self._window_left = window
        self._needed = rate * window
        self._came = 0

    async def read(self, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """The result of `read`. Raises HTTPRequestTimeout if the body comes too slowly.

        `read` may be cancelled and called again, as aiohttp's readers may.
        """
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            data: bytes | None = None
            try:
                async with asyncio.timeout(min(self._left, self._window_left)):
                    data = await read()
            except TimeoutError:
                pass
            waited = clock() - began
            self._left -= waited
            self._window_left -= waited
            if data is not None:
                self._came += len(data)
                return data
            if self._left <= 0 or self._came < self._needed:
                raise web.HTTPRequestTimeout
            if self._window_left <= 0:
                self._window_left, self._came = self._window, 0


class PacedReader:
    """A body with a pace and a size limit. Has the methods of `StreamReader` that aiohttp's `MultipartReader` uses.

    `allow(n, error)` lets `n` more bytes be read; the next one raises `error`.
    """

    def __init__(self, content: StreamReader, pace: Pace) -> None:
        self._content = content
        self._pace = pace
        self._allowed = 0
        self._beyond: Exception = TooLarge(TOO_LARGE)

    def allow(self, most: int, beyond: Exception) -> None:
        """Replace the size limit."""
        self._allowed, self._beyond = most, beyond

    async def read(self, size: int) -> bytes:
        return self._count(await self._pace.read(lambda: self._content.read(size)))

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        return self._count(
            await self._pace.read(lambda: self._content.readline(max_line_length=max_line_length))
        )

    async def readany(self) -> bytes:
        return self._count(await self._pace.read(self._content.readany))

    def unread_data(self, data: bytes) -> None:
        self._content.unread_data(data)
        self._allowed += len(data)

    def at_eof(self) -> bool:
        return self._content.at_eof()

    def _count(self, data: bytes) -> bytes:
        self._allowed -= len(data)
        if self._allowed < 0:
            raise self._beyond
        return data


async def pieces(request: web.BaseRequest, most: int, pace: Pace) -> AsyncIterator[bytes]:
    """The body of a request as it arrives, at most `most` bytes. Raises TooLarge, HTTPRequestTimeout."""
    content: Any = request.content
    if (request.content_length or 0) > most:
        raise TooLarge(TOO_LARGE)
    size = 0
    while piece := await pace.read(content.readany):
        size += len(piece)
        if size > most:
            raise TooLarge(TOO_LARGE)
        yield piece


async def whole(request: web.BaseRequest, most: int) -> bytes:
    """The body of a request; does not wait if all of it has arrived. Raises HTTPRequestEntityTooLarge, HTTPRequestTimeout."""
    content = request.content
    if content.is_eof() and content.total_bytes <= most:
        return content.read_nowait()
    try:
        parts = [piece async for piece in pieces(request, most, Pace())]
    except TooLarge:
        raise web.HTTPRequestEntityTooLarge(most, request.content_length or content.total_bytes) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
