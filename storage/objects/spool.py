"""A file on its way into the store: on disk once it is larger than a little, hashed and counted as it comes.

Its size and digest are known before a byte of it reaches the object store, so what is refused or broken off leaves
nothing there; the file here has no name, and ends with whoever holds it.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO

import msgspec

from ...core.channels.file_types import BEGINNING
from ...core.errors import Invalid, TooLarge

IN_MEMORY = 1024 * 1024
"""Bytes of one file that are kept in memory."""


class Spooled(msgspec.Struct, frozen=True):
    """A whole file."""

    file: IO[bytes]
    size: int
    digest: str
    content_type: str


@asynccontextmanager
async def spooled(
    pieces: AsyncIterator[bytes], most: int, settle: Callable[[bytes], str]
) -> AsyncIterator[Spooled]:
    """All of `pieces`. `settle` is shown the beginning, as soon as it is there, and gives the type or raises.

    Raises TooLarge, Invalid for an empty file.
    """
    digest, size, beginning, content_type = hashlib.sha256(), 0, b"", None
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        async for piece in pieces:
            size += len(piece)
            if size > most:
                raise TooLarge(f"a file may have at most {most} bytes")
            if content_type is None:
                beginning += piece[: BEGINNING - len(beginning)]
                if len(beginning) == BEGINNING:
                    content_type = settle(beginning)
            digest.update(piece)
            if size > IN_MEMORY:
                await asyncio.to_thread(file.write, piece)
            else:
                file.write(piece)
        if not size:
            raise Invalid("the file is empty", errors=(("file", "is empty"),))
        yield Spooled(file, size, digest.hexdigest(), content_type or settle(beginning))
