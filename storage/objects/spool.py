"""A file on its way into the object store: hashed and counted as it arrives, and kept on disk once it exceeds IN_MEMORY.

Its size and digest are known before its first byte reaches the object store, so a refused or interrupted upload leaves
nothing there. The temporary file has no name and disappears with its last handle.
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
"""Bytes of one file that are kept in memory; beyond that it goes to disk."""


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
    """Collect `pieces`. `settle` gets the beginning as soon as it has arrived, and returns the content type or raises.

    Raises TooLarge beyond `most` bytes, Invalid for an empty file.
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
