"""Untrusted HTML: sanitised, and converted to text, in bounded time."""

from __future__ import annotations

import html
import re
from typing import Final

import nh3

from ..shared import text

MAX_HTML: Final = 400_000
"""Characters that are looked at."""
_DEEPEST: Final = 256
_LONGEST_TEXT: Final = 2_000
"""Characters of one text that are given up to end a cut at a tag."""
_MOST_WORK: Final = 250_000
"""The sanitiser's work on a tag grows with the tags open around it; so much of it in all, a tenth of a second or so."""
_LONGEST_TAG: Final = 4_096
"""Characters of a tag without its attributes' values."""
_DEAR_ENOUGH: Final = 5_000
"""Characters to be escaped before measures are taken: to write one takes the sanitiser longer the longer the text around it."""
_MOST_DEAR: Final = 1_000
"""Of them in one text, where measures are taken."""
_BARE: Final = re.compile(r"&(?!#?[0-9A-Za-z]{1,31};)")
_DEAR: Final = re.compile(f"(?:&[^<>&]*+){{1,{_MOST_DEAR}}}+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHALLOW: Final = _words(
    "area base br col embed hr img input link meta source track wbr"
    " html head body p li dt dd td th tr thead tbody tfoot caption colgroup option rt rp"
)
"""Elements that are empty, or that end where the next of their kind begins: these nest only through others."""
TAGS: Final = _words(
    "a abbr b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption"
    " figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strike strong sub"
    " summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
"""Text, lists, tables, pictures. No forms, no frames, nothing that names itself (`id`, `name`) to the page around it."""
ATTRIBUTES: Final = {
    "*": {"dir", "lang", "align", "style", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "size", "face"},
    "ol": {"start", "type"},
    "table": {"width", "border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "width", "valign"},
    "th": {"colspan", "rowspan", "width", "valign", "scope"},
}
STYLES: Final = frozenset(
    {"background-color", "color", "direction", "font-style", "font-weight", "text-align", "text-decoration"}
)
"""CSS properties that cannot move, cover, load or grow anything."""
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "cid"})
_WITH_CONTENT: Final = frozenset(
    {
        "script",
        "style",
        "title",
        "noscript",
        "template",
        "iframe",
        "object",
        "svg",
        "math",
        "textarea",
        "select",
    }
)

_CLEANER: Final = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(_WITH_CONTENT),
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    filter_style_properties=set(STYLES),
    url_schemes=set(SCHEMES),
    url_relative="deny",
    link_rel="noopener noreferrer",
)
_URL: Final = re.compile(r"(https?://\w[^\s<>\"]*[^\s<>\".,;:!?'()\[\]{}])")
"""Without the marks that end a sentence around it."""
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,30})")
_CLEAN_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)((?:[^<>\"]++|\"[^\"]*+\")*+)>")
_ALT: Final = re.compile(r"(?<=\salt=\")([^\"]*+)\"")
_HREF: Final = re.compile(r"(?<=\shref=\")([^\"]*+)\"")
_SCHEME: Final = re.compile(r"(?:https?://|mailto:|tel:)(?:www\.)?", re.IGNORECASE)
_SHORT_LINK: Final = 200
"""Characters of a link's address that the text repeats. Longer ones are those that count who follows them; the HTML has them."""
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "nbsp": "\u00a0"}
_ENTITY: Final = re.compile(f"&({'|'.join(_ENTITIES)});")
"""Markup as the sanitiser writes it: tags and escapes, nothing else."""
_QUOTED: Final = re.compile("\"[^\"]*+\"|'[^']*+'")
_OPEN_TAG: Final = re.compile(r"<[a-zA-Z](?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|))*+")
_BLOCKS: Final = _words(
    "blockquote br caption center dd div dl dt figure figcaption h1 h2 h3 h4 h5 h6 hr li ol p pre table tr ul"
)
_LINE, _SPACE = "\x1e", "\x1d"
"""Tags at which a block begins or ends, and those that an empty line separates from the others."""
_MARKS: Final = re.compile(f"[{_LINE}{_SPACE}][ \t{_LINE}{_SPACE}]*+")
"""Blanks before them are the end of a line, which is stripped: a pattern that began with blanks would try each of them."""
_SPACED: Final = _words("blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul")


def sanitised(source: str) -> str:
    """HTML that can be shown: no scripts, handlers, forms or frames; links keep nothing of the page they leave.

    Remote pictures stay. What is too long or too deeply nested is cut off.
    """
    return _CLEANER.clean(_bounded(_parted(text.clean(source[:MAX_HTML]))))


def _parted(source: str) -> str:
    """`source` as it is, unless it has very many characters that the sanitiser must escape, which costs the square of their
    number in one text. Then texts are parted by comments, which it removes; and blanks that do not break break, and an
    ampersand that begins nothing is written out, as a comment would not part them in an attribute."""
    if sum(map(source.count, "&\u0085\u00a0")) <= _DEAR_ENOUGH:
        return source
    source = source.replace("\u00a0", " ").replace("\u0085", " ")
    return _DEAR.sub(_followed, _BARE.sub("&amp;", source)[:MAX_HTML])


def _followed(text: re.Match[str]) -> str:
    """A part of a text, and a comment where the same text continues."""
    return f"{text[0]}<!---->" if text.string.startswith("&", text.end()) else text[0]


def shortened(clean: str, most: int) -> str:
    """Sanitised HTML, cut at a tag to at most `most` characters and well-formed again; it may be empty."""
    end = most
    while len(clean) > most and end > 0:
        cut = clean[:end]
        opened, closed = cut.rfind("<"), cut.rfind(">")
        if opened > closed or closed >= end - _LONGEST_TEXT:
            cut = cut[: opened if opened > closed else closed + 1]
        shorter = _CLEANER.clean(_parted(cut))
        if len(shorter) <= most:
            return shorter
        end -= max(most // 16 + 1, len(shorter) - most)
    return clean if len(clean) <= most else ""


def _crowded(source: str) -> int:
    """The index of the first tag with far too many attributes, each of which the sanitiser compares with all before it."""
    for tag in _OPEN_TAG.finditer(source):
        if len(tag[0]) > _LONGEST_TAG and len(_QUOTED.sub("", tag[0])) > _LONGEST_TAG:
            return tag.start()
    return len(source)


def _bounded(source: str) -> str:
    """`source` up to where it would cost too much."""
    source = source[: _crowded(source)]
    open_tags: dict[str, int] = {}
    depth = work = 0
    for tag in _TAG.finditer(source):
        name = tag[2].lower()
        work += depth + 1
        if not tag[1]:
            if name not in _SHALLOW:
                open_tags[name] = open_tags.get(name, 0) + 1
                depth += 1
        elif open_tags.get(name):
            open_tags[name] -= 1
            depth -= 1
        if depth > _DEEPEST or work > _MOST_WORK:
            return source[: tag.start()]
    return source


def as_text(clean: str) -> str:
    """Sanitised HTML as plain text: blocks on lines of their own, pictures by their description, links with their addresses behind
    their words: `here (https://…)`."""
    reader = _TextReader()
    done = 0
    for tag in _CLEAN_TAG.finditer(clean):
        reader.text(clean[done : tag.start()])
        if tag[1]:
            reader.end(tag[2].lower())
        else:
            reader.start(tag[2].lower(), tag[3])
        done = tag.end()
    reader.text(clean[done:])
    return reader.read()


class _TextReader:
    """Gathers the readable text, block by block."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._verbatim = 0
        self._link = ("", 0)
        """The address of the link that is open, and where its words begin."""

    def start(self, tag: str, attributes: str) -> None:
        self._break(tag)
        if tag == "li":
            self._parts.append("- ")
        elif tag == "pre":
            self._verbatim += 1
        elif tag == "img" and (alt := _ALT.search(attributes)):
            self._parts.append(f"[{' '.join(_unescaped(alt[1]).split())}]" if alt[1] else "")
        elif tag == "a":
            href = _HREF.search(attributes)
            self._link = (_unescaped(href[1]).strip() if href else "", len(self._parts))
        elif tag in ("td", "th"):
            self._parts.append(" ")

    def end(self, tag: str) -> None:
        if tag == "pre" and self._verbatim:
            self._verbatim -= 1
        elif tag == "a":
            self._end_link()
        if tag != "br":
            self._break(tag)

    def _end_link(self) -> None:
        """The address behind the words, unless they say it."""
        address, begin = self._link
        self._link = ("", 0)
        if not address or len(address) > _SHORT_LINK:
            return
        words = "".join(self._parts[begin:])
        bare = _SCHEME.sub("", address, count=1).rstrip("/")
        bare = bare.partition("?")[0] if address.startswith("mailto:") else bare
        if words.strip(f" \n{_LINE}{_SPACE}") and bare.lower() not in words.lower():
            self._parts.append(f"{'' if words.endswith(' ') else ' '}({address})")

    def text(self, escaped: str) -> None:
        text = _unescaped(escaped)
        self._parts.append(text if self._verbatim else re.sub(r"[ \t\r\n\f]+", " ", text))

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._parts.append("\n" if tag in ("br", "hr") else _SPACE if tag in _SPACED else _LINE)

    def read(self) -> str:
        """Blocks end a line once, however many of them meet; `<br>` always does."""
        joined = _MARKS.sub(lambda marks: "\n\n" if _SPACE in marks[0] else "\n", "".join(self._parts))
        lines = (line.rstrip().removeprefix(" ") for line in joined.split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _unescaped(escaped: str) -> str:
    text = _ENTITY.sub(lambda entity: _ENTITIES[entity[1]], escaped)
    return text.replace(_LINE, "").replace(_SPACE, "")


def paragraphs(text: str) -> str:
    """Plain text as HTML: escaped, blank lines between paragraphs, addresses as links, nothing to be loaded."""
    parts = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").strip())
    body = "".join(f"<p>{_linked(part.strip()).replace(chr(10), '<br>')}</p>" for part in parts)
    return f"<!DOCTYPE html><html><body>{body}</body></html>"


def _linked(text: str) -> str:
    pieces = _URL.split(text)  # every other one is an address
    pieces[::2] = map(html.escape, pieces[::2])
    pieces[1::2] = (f'<a href="{html.escape(url)}">{html.escape(url)}</a>' for url in pieces[1::2])
    return "".join(pieces)
