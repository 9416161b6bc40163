"""Files of messages: the request that reads one, and writing it to disk. The body is never completely in memory."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, urlsplit

from .operations import Operation
from .requests import Request, Upload

DOWNLOAD = Operation("GET", "/v1/attachments/{}", answers="bytes")
UNKNOWN = "application/octet-stream"

Target = str | Path | BinaryIO


def download_of(attachment: str) -> Request:
    """The request for an attachment: its id, its `url` in a message, or a signed link. Raises ValueError.

    Only path and signature are taken from a link, so that a token never goes to another server.
    """
    parts = urlsplit(attachment)
    id = parts.path.rsplit("/", 1)[-1]
    query = [(name, value) for name, value in parse_qsl(parts.query) if name in ("expires", "signature")]
    return Request(operation=DOWNLOAD, path=DOWNLOAD.url((id,)), query=query)


def described(
    upload: Upload | str, name: str | None, content_type: str | None
) -> tuple[Upload, str | None, str]:
    """What to upload, its name and its type; both are guessed from a path where they are not given."""
    if isinstance(upload, str):
        upload = Path(upload)
    if isinstance(upload, Path):
        name = name or upload.name
    if content_type is None and name is not None:
        content_type = mimetypes.guess_type(name)[0]
    return upload, name, content_type or UNKNOWN


@contextmanager
def opened(target: Target) -> Iterator[BinaryIO]:
    """The file to write to; one that is given stays open."""
    if isinstance(target, str | Path):
        with Path(target).open("wb") as file:
            yield file
    else:
        yield target
