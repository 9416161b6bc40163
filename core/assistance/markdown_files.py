"""Folders of Markdown files, and saved websites with a sitemap, in a zip archive: articles to import. Bounds the size of the
unpacked files. Nothing is fetched: a page that the archive does not hold is skipped."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Final

import msgspec

from ..errors import Invalid
from . import site_files
from .articles import MAX_BODY, MAX_TITLE, Visibility

MAX_FILES: Final = 500
"""Files of an archive, whatever they are."""
MAX_DIRECTORY: Final = 512 * 1024
"""Bytes of an archive's list of files, which is read as a whole: far more than MAX_FILES files need."""
MAX_UNPACKED: Final = 20 * 1024 * 1024
"""Bytes that the Markdown files of an archive have together."""
MAX_PATH: Final = 300
_FILE: Final = 4 * MAX_BODY
"""Bytes that MAX_BODY characters have at most."""
_HEADING: Final = re.compile(r"^ {0,3}#{1,2}[ \t]+(\S.{0,299})$", re.MULTILINE)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_FIELDS: Final = 20
"""Lines of a file's front matter."""


class MarkdownFile(msgspec.Struct, frozen=True):
    """`language` and `visibility`: from the file's front matter, if given."""

    path: str
    title: str
    body: str
    language: str | None
    visibility: Visibility | None


class SkippedFile(msgspec.Struct, frozen=True):
    path: str
    reason: str


def unpacked(archive: bytes) -> tuple[list[MarkdownFile], list[SkippedFile]]:
    """The Markdown files of a zip archive, and the files skipped. Raises Invalid unless it is a readable archive within the bounds."""
    files: list[MarkdownFile] = []
    skipped: list[SkippedFile] = []
    room = MAX_UNPACKED
    if _directory(archive) > MAX_DIRECTORY:
        raise _invalid(f"at most {MAX_FILES} files")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES:
                raise _invalid(f"at most {MAX_FILES} files")
            pages, missing = _site(opened, entries)
            skipped += [SkippedFile(url, "the archive does not hold this page") for url in missing]
            for entry in entries:
                text = _text(opened, entry, pages)
                path = entry.filename[:MAX_PATH].encode("utf-8", "replace").decode().replace("\x00", "")
                if isinstance(text, bytes):
                    room -= len(text)
                    if room < 0:
                        raise _invalid(f"its files have more than {MAX_UNPACKED} bytes")
                url = pages.get(entry.filename)
                made = (
                    text
                    if isinstance(text, str)
                    else file_of(path, text)
                    if url is None
                    else page_of(url, text)
                )
                if isinstance(made, str):
                    skipped.append(SkippedFile(path, made))
                else:
                    files.append(made)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError, EOFError, NotImplementedError):
        raise _invalid("is not a zip archive that can be read") from None
    return files, skipped


def _directory(archive: bytes) -> int:
    """Bytes of the list of files, according to the archive's end record (APPNOTE 4.3.16); 0 if it has none, and is no archive."""
    end = archive.rfind(b"PK\x05\x06")
    return int.from_bytes(archive[end + 12 : end + 16], "little") if end >= 0 else 0


def _site(opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> tuple[dict[str, str], list[str]]:
    """The addresses of the archive's pages by file, and those of its sitemap that have no file. Without a sitemap there is none."""
    sitemap = next((e for e in entries if e.filename.rsplit("/", 1)[-1].lower() == site_files.SITEMAP), None)
    content = b"" if sitemap is None else _read(opened, sitemap, site_files.MAX_PAGE)
    if sitemap is None or isinstance(content, str):
        return {}, []
    urls = site_files.addresses(content)
    pages = [e.filename for e in entries if e.filename.lower().endswith(site_files.PAGES)]
    found = site_files.placed(urls, pages)
    held = set(found.values())
    return found, [url for url in urls if url not in held]


def _text(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, pages: dict[str, str]) -> bytes | str:
    """A file's bytes, or why it is skipped."""
    name = entry.filename.lower()
    if name.endswith((".md", ".markdown")):
        return _read(opened, entry, _FILE)
    if entry.filename in pages:
        return _read(opened, entry, site_files.MAX_PAGE)
    if pages and name.rsplit("/", 1)[-1] == site_files.SITEMAP:
        return "is the sitemap"
    return "is not in the sitemap" if pages and name.endswith(site_files.PAGES) else "is not a Markdown file"


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes | str:
    if entry.flag_bits & 1:
        return "is encrypted"
    try:
        with opened.open(entry) as file:
            content = file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
        return "is damaged"
    too_long = f"has more than {MAX_BODY} characters" if most == _FILE else f"has more than {most} bytes"
    return content if len(content) <= most else too_long


def page_of(url: str, content: bytes) -> MarkdownFile | str:
    """A saved page of a website as an article that its address names, or why it is none."""
    source = content.decode("utf-8", "replace").replace("\x00", "")
    title, body = site_files.markdown_of(source)
    if not body:
        return "is empty"
    if len(body) > MAX_BODY:
        return f"has more than {MAX_BODY} characters"
    heading = _HEADING.search(body[:4_000])
    title = title or (heading[1].strip(" #") if heading else "") or url
    return MarkdownFile(url, title[:MAX_TITLE], body, site_files.language_of(source), None)


def file_of(path: str, content: bytes) -> MarkdownFile | str:
    """A file as an article, or why it is skipped."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "is not in UTF-8"
    fields, body = _front_matter(text.replace("\r\n", "\n").replace("\x00", ""))
    body = body.strip()
    if not body:
        return "is empty"
    if len(body) > MAX_BODY:
        return f"has more than {MAX_BODY} characters"
    heading = _HEADING.search(body[:4_000])
    name = path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("-", " ").replace("_", " ")
    title = fields.get("title") or (heading[1].strip(" #") if heading else "") or name.strip() or path
    language, visibility = fields.get("language", ""), fields.get("visibility")
    return MarkdownFile(
        path,
        title[:MAX_TITLE],
        body,
        language if _LANGUAGE.fullmatch(language) else None,
        "public" if visibility == "public" else "internal" if visibility == "internal" else None,
    )


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields between two lines of three dashes at the beginning, and what follows them."""
    if not text.startswith("---\n"):
        return {}, text
    lines = text[4:20_000].split("\n", _FIELDS)
    if "---" not in lines[:_FIELDS]:
        return {}, text
    end = lines.index("---")
    pairs = (line.partition(":") for line in lines[:end])
    fields = {name.strip().lower(): value.strip().strip("\"'") for name, _, value in pairs}
    return fields, text[4 + sum(len(line) + 1 for line in lines[: end + 1]) :]


def _invalid(why: str) -> Invalid:
    return Invalid("the archive cannot be imported", errors=(("file", why),))
