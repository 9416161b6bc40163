"""Bodies that are files, raw or as the one file of a form (RFC 7578). They are streamed, never held whole.

Owns the size of pieces, the sender's time limits, and how much a form may put around its file. Allowed file types:
`core/channels/file_types.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ...core.channels.file_types import plain_type
from ...core.errors import Invalid, Malformed, TooLarge, UnsupportedMedia
from ..framework.body_reading import Pace, PacedReader

T = TypeVar("T")

PIECE: Final = 256 * 1024
DEADLINE: Final = 600.0
"""Seconds the whole body may take; then 408."""
FIELD: Final = "file"
FORM: Final = "multipart/form-data"
MAX_PART_HEADERS: Final = 16
MAX_PART_HEADER: Final = 4_096
"""Bytes of one header of a part."""
MAX_AROUND: Final = 16_384
"""Bytes that a form may have before its file, and again after it: boundaries, headers, preamble. Beyond it 400."""
PLAIN_ENCODINGS: Final = frozenset({"binary", "8bit", "7bit", "identity"})
"""Values of a part's encoding headers that mean it is not encoded."""
_NO_FORM: Final = "the body is not a form as its headers say"
_ONE_FILE: Final = Invalid(
    "the form is not valid", errors=((FIELD, "the form must have this field and no other"),)
)


class Incoming(msgspec.Struct, frozen=True):
    """A file about to be received: its name and type as sent, and its bytes."""

    name: str | None
    content_type: str | None
    pieces: AsyncGenerator[bytes, None]


async def incoming(request: web.Request, *, most: int, min_rate: float) -> Incoming:
    """The file in a request: at most `most` bytes, at least `min_rate` bytes a second.

    Raises Malformed, Invalid, TooLarge, UnsupportedMedia, HTTPRequestTimeout; so does reading it.
    """
    form = request.content_type == FORM
    room = most + 2 * MAX_AROUND if form else most
    if (request.content_length or 0) > room:
        raise TooLarge(f"a file may have {most} bytes at most")
    reader = PacedReader(request.content, Pace(deadline=DEADLINE, rate=min_rate))
    if form:
        return await _of_form(request, reader, most)
    reader.allow(most, TooLarge(f"a file may have {most} bytes at most"))
    return Incoming(None, plain_type(request.headers.get("Content-Type")), _raw(reader))


async def _raw(reader: PacedReader) -> AsyncGenerator[bytes, None]:
    while piece := await reader.readany():
        yield piece


async def _of_form(request: web.Request, reader: PacedReader, most: int) -> Incoming:
    content: Any = reader
    reader.allow(MAX_AROUND, Malformed(f"more than {MAX_AROUND} bytes of the form come before its file"))

    async def first() -> tuple[MultipartReader, Any, str | None]:
        form = MultipartReader(
            request.headers, content, max_field_size=MAX_PART_HEADER, max_headers=MAX_PART_HEADERS
        )
        part = await form.next()
        if not isinstance(part, BodyPartReader) or part.name != FIELD:
            raise _ONE_FILE
        return form, part, part.filename

    form, part, name = await _understood(first)
    for header in ("Content-Encoding", "Content-Transfer-Encoding"):
        if part.headers.get(header, "binary").strip().lower() not in PLAIN_ENCODINGS:
            raise UnsupportedMedia(f"a part of a form must not be encoded: {header}")
    reader.allow(most + MAX_AROUND, TooLarge(f"a file may have {most} bytes at most"))
    return Incoming(name, plain_type(part.headers.get("Content-Type")), _pieces(form, part, reader))


async def _pieces(form: MultipartReader, part: Any, reader: PacedReader) -> AsyncGenerator[bytes, None]:
    while piece := await _understood(lambda: part.read_chunk(PIECE)):
        yield bytes(piece)
    reader.allow(MAX_AROUND, Malformed(f"more than {MAX_AROUND} bytes of the form come after its file"))
    if await _understood(form.next) is not None:
        raise _ONE_FILE


async def _understood(read: Callable[[], Awaitable[T]]) -> T:
    """The result of `read`. Raises Malformed for a broken form, which aiohttp reports by various exceptions."""
    try:
        return await read()
    except (ValueError, AssertionError, LookupError, RuntimeError, HttpProcessingError):
        raise Malformed(_NO_FORM) from None
