"""Reads the documents of a file that MongoDB's tools have written, one at a time.

`mongoexport` writes extended JSON, relaxed or canonical: a document per line, an array (`--jsonArray`), or documents over several lines
(`--pretty`); `mongodump` writes BSON. Either may be compressed with gzip. What a file is shows in its name or in its first bytes.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from ..core.text.json_checks import open_brackets
from .source import SourceError

MAX_DOCUMENT: Final = 17 * 1024 * 1024
"""Bytes of a BSON document: MongoDB's limit of 16 MiB, and some."""
MAX_TEXT: Final = 4 * MAX_DOCUMENT
"""Bytes of a document as JSON; a longer one is set aside."""
_GZIP: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Read(NamedTuple):
    """A document, or the reason why there is none. `place`: its line, or its number in a BSON file."""

    place: str
    document: Any
    fault: str | None = None


def documents(path: Path) -> Iterator[Read]:
    """The documents of a file, in its order. Raises SourceError if the rest of it cannot be read."""
    try:
        with path.open("rb") as file:
            compressed = path.suffix == ".gz" or file.read(2) == _GZIP
        with (gzip.open if compressed else open)(path, "rb") as opened:
            stream = cast(BinaryIO, opened)
            yield from _bson(stream) if _is_bson(path, stream) else _json(stream)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read: {error}") from None


def _is_bson(path: Path, file: BinaryIO) -> bool:
    """A BSON document begins with its size, whose fourth byte is less than any that text has."""
    head = file.read(4)
    file.seek(0)
    return path.name.removesuffix(".gz").endswith(".bson") or (
        len(head) == 4 and head[3] <= MAX_DOCUMENT >> 24
    )


def _json(file: BinaryIO) -> Iterator[Read]:
    lines = _numbered(file)
    for number, line in lines:
        if line == b"{" or (line is not None and line.startswith(b"[")):
            yield from _spread(number, line, lines)
            return
        yield from _of_line(number, line)
        for other, text in lines:
            yield from _of_line(other, text)


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines that are not blank, with their numbers; None for a line that is too long."""
    number = 0
    while line := file.readline(MAX_TEXT):
        number += 1
        too_long = not line.endswith(b"\n") and len(line) == MAX_TEXT
        while too_long and (more := file.readline(MAX_TEXT)) and not more.endswith(b"\n"):
            pass
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line := line.strip():
            yield number, None if too_long else line


def _of_line(number: int, line: bytes | None) -> Iterator[Read]:
    place = f"line {number}"
    if line is None:
        yield Read(place, None, f"has more than {MAX_TEXT:,} bytes")
        return
    try:
        document = _decoded(line)
    except (
        Exception
    ) as error:  # bson raises TypeError, ValueError, its own errors, and what a value's type has
        yield Read(place, None, f"is not extended JSON: {str(error)[:200]}")
        return
    yield Read(place, document)


def _spread(first: int, line: bytes, others: Iterator[tuple[int, bytes | None]]) -> Iterator[Read]:
    """Documents over several lines, or the elements of an array, which begins with the first line."""
    in_array = line.startswith(b"[")
    text, begins, depth = bytearray(), first, 0
    for number, part in chain(((first, line[1:] if in_array else line),), others):
        begins = begins if text else number
        if part is None or len(text) + len(part) > MAX_TEXT:
            raise SourceError(f"the document or array of line {begins} is too long: export one per line")
        depth += open_brackets(part)
        if depth < 0 and in_array:
            part, depth, in_array = part.removesuffix(b"]"), 0, False
        text += part + b"\n"
        if depth <= 0:
            yield from _elements(begins, bytes(text))
            text, depth = bytearray(), 0
    if text or in_array:
        raise SourceError(f"the file ends within the document or array of line {begins}")


def _elements(number: int, text: bytes) -> Iterator[Read]:
    text = text.strip().strip(b",")
    if not text.strip():
        return
    try:
        found = _decoded(b"[" + text + b"]")
    except Exception as error:  # as for a line
        yield Read(f"line {number}", None, f"is not extended JSON: {str(error)[:200]}")
        return
    for place, document in enumerate(found, 1):
        yield Read(f"line {number}" if len(found) == 1 else f"line {number}, document {place}", document)


def _decoded(text: bytes) -> Any:
    from bson import codec_options, json_util

    options: json_util.JSONOptions = json_util.JSONOptions(
        tz_aware=True, tzinfo=UTC, datetime_conversion=codec_options.DatetimeConversion.DATETIME_CLAMP
    )
    return json_util.loads(text.decode(), json_options=options)


def _bson(file: BinaryIO) -> Iterator[Read]:
    import bson
    import bson.codec_options
    import bson.errors

    options: bson.CodecOptions[Any] = bson.CodecOptions(
        tz_aware=True, tzinfo=UTC, unicode_decode_error_handler="replace",
        datetime_conversion=bson.codec_options.DatetimeConversion.DATETIME_CLAMP,
    )  # fmt: skip
    number = 0
    while head := file.read(4):
        number += 1
        size = int.from_bytes(head, "little", signed=True)
        if len(head) < 4 or not 5 <= size <= MAX_DOCUMENT:
            raise SourceError(f"document {number} is damaged: the rest of the file cannot be read")
        raw = head + file.read(size - 4)
        if len(raw) < size:
            raise SourceError(f"the file ends within document {number}")
        try:
            document = bson.decode(raw, options)
        except bson.errors.InvalidBSON as error:
            yield Read(f"document {number}", None, f"is not BSON: {str(error)[:200]}")
            continue
        yield Read(f"document {number}", document)
