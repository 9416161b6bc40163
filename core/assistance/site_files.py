"""A website in an archive: its sitemap lists the pages, and saved HTML files have their contents. Nothing is fetched.

The sitemap (sitemaps.org) is read for its `<loc>` alone, the HTML for text and headings. Both may be anything.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from string import ascii_lowercase, ascii_uppercase
from typing import Final
from urllib.parse import unquote, urlsplit

SITEMAP: Final = "sitemap.xml"
PAGES: Final = (".html", ".htm", ".xhtml")
MAX_PAGE: Final = 1024 * 1024
"""Bytes of a page as HTML."""
MAX_URLS: Final = 1_000
"""Addresses of a sitemap that are read."""
MAX_URL: Final = 300
_LOC: Final = re.compile(r"<loc>([^<>]{1,2048})</loc>", re.IGNORECASE)
_LANGUAGE: Final = re.compile(
    r"<html[^<>]{0,500}?\slang=[\"']?([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})", re.IGNORECASE
)
_LOWERED: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Lower case for names of tags, which keeps each character's place: some letters become two."""
_NAME: Final = re.compile(r"/?[A-Za-z][A-Za-z0-9]{0,15}")
_RAW: Final = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "textarea", "math"})
"""Elements without text for readers; each ends at its own end tag."""
_ASIDE: Final = frozenset({"nav", "header", "footer", "aside", "form"})
"""Elements that repeat on every page."""
_CONCEALED: Final = re.compile(
    r"\shidden(?=[\s=/]|$)|(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|font-size\s{0,9}:\s{0,9}0(?![.\d]))"
)
"""Attributes that keep an element from a page's readers."""
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_BLOCKS: Final = frozenset({
    "p", "div", "section", "article", "main", "ul", "ol", "dl", "dt", "dd", "table", "tr", "br", "hr", "blockquote", "pre",
    "figure", "figcaption", "details", "summary", "title", "body", "head",
})  # fmt: skip


class Page:
    """A page as it is read: `title` of its head, and Markdown."""

    def __init__(self) -> None:
        self.title = ""
        self.parts: list[str] = []


def addresses(sitemap: bytes) -> list[str]:
    """The pages of a sitemap, at most MAX_URLS: http and https alone, without fragments."""
    text = sitemap[: MAX_URLS * 4 * MAX_URL].decode("utf-8", "replace")
    found = (html.unescape(match[1]).strip() for match in _LOC.finditer(text))
    kept = [url for url in found if url.startswith(("https://", "http://")) and len(url) <= MAX_URL]
    return list(dict.fromkeys(url.partition("#")[0] for url in kept))[:MAX_URLS]


def placed(urls: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Which file of the archive holds which page: file → address. A file may lie below up to two folders, as programs that save
    websites name them."""
    known: dict[str, str] = {}
    for file in files:
        parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".")]
        for dropped in range(min(3, len(parts))):
            known.setdefault("/".join(parts[dropped:]), file)
    found: dict[str, str] = {}
    for url in urls:
        file = next((known[name] for name in _names(url) if name in known), None)
        if file is not None:
            found.setdefault(file, url)
    return found


def _names(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets without an address between them
        return
    path = unquote(parts.path).strip("/")
    for whole in (f"{parts.hostname}/{path}".strip("/"), path):
        if whole:
            yield whole
        yield from (f"{whole}{end}" for end in PAGES if whole)
        yield from (f"{whole}/index{end}".lstrip("/") for end in PAGES)


def language_of(source: str) -> str | None:
    """The language that a page says it is in."""
    found = _LANGUAGE.search(source[:4_000])
    return found[1] if found else None


def markdown_of(source: str) -> tuple[str, str]:
    """A page's title and its text as Markdown: headings, lists and paragraphs, without what stands on every page or is not shown."""
    page, lowered = Page(), source.translate(_LOWERED)
    main = lowered.find("<main")
    hidden = 0
    for at, tag, text in _shown(_tokens(source, lowered)):
        if tag == "":
            if hidden == 0 and (main < 0 or at > main):
                page.parts.append(" ".join(html.unescape(text).split()) + " ")
        elif tag == "title":
            page.title = page.title or " ".join(html.unescape(text).split())
        elif tag.lstrip("/") in _ASIDE:
            hidden = max(0, hidden + (-1 if tag.startswith("/") else 1))
        elif tag == "/main" and main >= 0:
            break
        else:
            page.parts.append(_mark(tag))
    text = "".join(page.parts)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return page.title, re.sub(
        r"\n{3,}", "\n\n", "\n".join(line for line in lines if line not in ("#", "-"))
    ).strip()


def _shown(tokens: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, str, str]]:
    """The tokens outside of elements that are not shown, each of which ends at its own end tag."""
    concealed, depth = "", 0
    for token in tokens:
        tag = token[1]
        if concealed:
            depth += (tag == concealed) - (tag == f"/{concealed}")
            concealed = concealed if depth else ""
        elif tag not in ("", "title", *_VOID) and not tag.startswith("/") and _CONCEALED.search(token[2]):
            concealed, depth = tag, 1
        else:
            yield token


def _mark(tag: str) -> str:
    if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return f"\n\n{'#' * int(tag[1])} "
    if tag == "li":
        return "\n- "
    name = tag.lstrip("/")
    return (
        "\n\n"
        if name in _BLOCKS or (len(name) == 2 and name[0] == "h")
        else " "
        if name in ("td", "th")
        else ""
    )


def _tokens(source: str, lowered: str) -> Iterator[tuple[int, str, str]]:
    """A piece's index, its tag's name in lower case with the slash of an end tag (empty for text), and its text, or its attributes in lower
    case. Each character is looked at a constant number of times: what has no end ends the page."""
    at = 0
    while at < len(source):
        opened = source.find("<", at)
        if opened < 0:
            break
        if opened > at:
            yield at, "", source[at:opened]
        name = _NAME.match(lowered, opened + 1)
        if name is None:
            comment = lowered.startswith("<!--", opened)
            closed = source.find("-->" if comment else ">", opened)
            if closed < 0:
                return
            at = closed + (3 if comment else 1)
            continue
        closed = source.find(">", opened)
        if closed < 0:
            return
        at, tag = closed + 1, name[0]
        if tag in _RAW or tag == "title":
            end = lowered.find(f"</{tag}", at)
            if end < 0:
                return
            if tag == "title":
                yield opened, tag, source[at:end]
            at = end
            continue
        yield opened, tag, lowered[opened + len(tag) + 1 : closed]
    if at < len(source):
        yield at, "", source[at:]
