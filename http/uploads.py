"""Bodies that are files: streamed, never read whole; raw, or the one file of a form.

Owns how a body is cut into pieces and how long its sender may take. What the file may be says `core/files.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
from aiohttp import BodyPartReader, web

from ..core.errors import Invalid, Malformed
from ..core.files import plain_type

PIECE = 256 * 1024
STALL = 30.0
"""Seconds without a byte after which an upload counts as broken off."""
DEADLINE = 600.0
FIELD = "file"
FORM = "multipart/form-data"


class Incoming(msgspec.Struct, frozen=True):
    """A file that is about to come: what its sender says of it, and its bytes."""

    name: str | None
    content_type: str | None
    pieces: AsyncGenerator[bytes, None]


async def incoming(request: web.Request) -> Incoming:
    """The file that a request brings. Raises Malformed, Invalid; reading it may raise HTTPRequestTimeout besides."""
    if request.content_type != FORM:
        declared = plain_type(request.headers.get("Content-Type"))
        return Incoming(None, declared, _patiently(_raw(request)))
    try:
        form = await request.multipart()
        part = await form.next()
    except (ValueError, AssertionError):
        raise Malformed("the body is not a form as its headers say") from None
    if not isinstance(part, BodyPartReader) or part.name != FIELD:
        raise Invalid(
            "the form is not valid", errors=((FIELD, "the form must have this field and no other"),)
        )
    declared = plain_type(part.headers.get("Content-Type"))
    return Incoming(part.filename, declared, _patiently(_part(form, part)))


async def _raw(request: web.Request) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_chunked(PIECE):
        yield piece


async def _part(form: Any, part: BodyPartReader) -> AsyncIterator[bytes]:
    try:
        while piece := await part.read_chunk(PIECE):
            yield bytes(piece)
        following = await form.next()
    except (ValueError, AssertionError):
        raise Malformed("the body is not a form as its headers say") from None
    if following is not None:
        raise Invalid(
            "the form is not valid", errors=((FIELD, "the form must have this field and no other"),)
        )


async def _patiently(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces, as long as they come. Raises HTTPRequestTimeout."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE
    while True:
        try:
            async with asyncio.timeout_at(min(end, loop.time() + STALL)):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        yield piece
