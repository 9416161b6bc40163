"""Static files of the server's pages: read once, compressed once, served with a validator.

A page whose HTML names its modules below `{version}` loads them once: browsers may keep a file of a version for ever.
Only files that were found when their folder was first read are served, so a request's path never reaches the file system.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web

from ...core.errors import NotFound

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""File types that pages may consist of; others are not served."""
_COMPRESSED: Final = frozenset({".css", ".html", ".js", ".json", ".svg"})
_FILE: Final = {"Cache-Control": "no-cache"}
_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


class PageFile(NamedTuple):
    """A file's bytes. `gzipped` is None if compression does not pay."""

    body: bytes
    gzipped: bytes | None
    content_type: str
    etag: str


@cache
def names(folder: Path) -> frozenset[str]:
    """The paths below `folder` that may be served, without pages."""
    return frozenset(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in TYPES and path.suffix != ".html"
    )


@cache
def load(path: Path) -> PageFile:
    """A file, kept in memory from then on."""
    return made(path.read_bytes(), path.suffix)


def made(body: bytes, suffix: str) -> PageFile:
    """A file of these bytes, of the type that `suffix` stands for."""
    packed = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED else None
    if packed is not None and len(packed) >= len(body):
        packed = None
    return PageFile(body, packed, TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])


def file_answer(request: web.Request, path: Path, headers: dict[str, str]) -> web.Response:
    """The file at `path` as an answer."""
    return sent(request, load(path), headers)


def sent(request: web.Request, file: PageFile, headers: dict[str, str]) -> web.Response:
    """A file as an answer: 304 if the client has it, compressed if the client can read that."""
    own = {**headers, "ETag": f'"{file.etag}"', "Vary": "Accept-Encoding"}
    if any(known.value in (file.etag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=own)
    own["Content-Type"] = file.content_type
    if file.gzipped is not None and "gzip" in request.headers.get("Accept-Encoding", "").lower():
        return web.Response(body=file.gzipped, headers={**own, "Content-Encoding": "gzip"})
    return web.Response(body=file.body, headers=own)


def named_file(request: web.Request, folder: Path, name: str, headers: dict[str, str]) -> web.Response:
    """The file `name` below `folder`. Raises NotFound."""
    if name not in names(folder):
        raise NotFound("no such file")
    return file_answer(request, folder / name, headers)


@cache
def version(folder: Path) -> str:
    """A digest of all files below `folder` that may be served."""
    digest = hashlib.sha256()
    for name in sorted(names(folder)):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes())
    return digest.hexdigest()[:16]


@cache
def versioned_page(path: Path) -> PageFile:
    """The HTML page at `path`, with its folder's version in the place of `{version}`."""
    return made(path.read_bytes().replace(b"{version}", version(path.parent).encode()), path.suffix)


def versioned_file(request: web.Request, folder: Path, name: str) -> web.Response:
    """The file `name` below `folder`, with or without a version before it. Raises NotFound."""
    own = version(folder)
    known, _, rest = name.partition("/")
    if known == own:
        return named_file(request, folder, rest, _KEPT)
    if len(known) == len(own) and known.isalnum():
        return named_file(
            request, folder, rest, _FILE
        )  # of a gateway with other files: what is here is newer, or soon will be
    return named_file(request, folder, name, _FILE)
