"""File types: which are accepted, how their first bytes identify them, and how files are named and served.

A type here is a media type without parameters, in lower case. Signatures: the WHATWG MIME Sniffing standard, ISO/IEC
14496-12 (`ftyp`) for types that it leaves out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from urllib.parse import quote

BINARY = "application/octet-stream"
BEGINNING = 4096
"""Bytes that are enough to tell a type."""
MAX_NAME = 255

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP", "image/webp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"II+\x00", "image/tiff"),
    (0, b"MM\x00+", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"OggS\x00", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI LIST", "video/x-msvideo"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\xca\xfe\xba\xbe", "application/x-mach-binary"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
)
_BRANDS = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"heim": "image/heic",
    b"heis": "image/heic", b"hevc": "image/heic", b"hevx": "image/heic", b"hevm": "image/heic", b"hevs": "image/heic",
    b"mif1": "image/heif", b"msf1": "image/heif", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"M4P ": "audio/mp4",
    b"M4V ": "video/x-m4v", b"M4VH": "video/x-m4v", b"M4VP": "video/x-m4v", b"qt  ": "video/quicktime",
}  # fmt: skip
_FAMILIES = {b"3gp": "video/3gpp", b"3ge": "video/3gpp", b"3gg": "video/3gpp", b"3g2": "video/3gpp2"}
"""How the brands of a family begin, of which each release of its standard has another."""
_ZIPPED = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
"""The folder of an Office Open XML file (ECMA-376) that says what it is."""
_ZIP_ENTRY = re.compile(rb"PK\x03\x04.{22}(..)..(?=(.{0,80}))", re.DOTALL)
_STATED_TYPE = re.compile(
    rb"PK\x03\x04.{22}\x08\0\0\0mimetype(application/(?:vnd\.oasis\.opendocument\.[a-z-]{1,40}|epub\+zip))(?=PK)",
    re.DOTALL,
)
"""OpenDocument and EPUB files begin with an entry, neither compressed nor with extra fields, that holds their type."""
_FRAMES = ((b"\xff\xfb", "audio/mpeg"), (b"\xff\xfa", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"), (b"\xff\xf2", "audio/mpeg"),
           (b"\xff\xf1", "audio/aac"), (b"\xff\xf9", "audio/aac"))  # fmt: skip
"""How a sound begins that has no header for the whole: with its first frame."""
_MARKUP = re.compile(
    rb"(?:\s++|<!--(?:(?!-->).)*+-->)*+<(?:!doctype\s+html|html|head|body|script|iframe|svg|!doctype\s+svg|\?xml)\b",
    re.IGNORECASE | re.DOTALL,
)
_BLANK_BYTES = b" \t\r\n\v\f\0"
_SAME = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/heif": "image/heic",
         "application/x-pdf": "application/pdf", "application/x-zip-compressed": "application/zip"}  # fmt: skip
_PROVEN = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff", "image/heic", "image/avif", "application/pdf",
    }
)  # fmt: skip
"""Types that count only where the bytes say so too."""
_PROGRAMS = frozenset({"application/x-msdownload", "application/x-elf", "application/x-mach-binary"})
INLINE = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic", "image/heif", "image/tiff",
        "image/bmp", "image/x-icon", "image/vnd.microsoft.icon",
        "audio/aac", "audio/amr", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/opus", "audio/wav",
        "audio/webm", "audio/x-m4a", "audio/x-wav", "audio/3gpp",
        "video/mp4", "video/mpeg", "video/ogg", "video/quicktime", "video/webm", "video/3gpp", "video/x-m4v",
        "application/pdf",
    }
)  # fmt: skip
"""Types that a browser may show in place: pixels, sound and PDF, none of which runs in a page. Everything else is saved, what this
list does not know among it."""
_ACTIVE = frozenset(
    {
        "html", "xhtml", "xml", "svg", "mathml", "xsl", "xslt", "javascript", "ecmascript", "jscript", "livescript", "vbscript",
        "css", "component", "shockwave", "wasm", "hta", "mhtml", "multipart",
    }
)  # fmt: skip
"""Words of types that browsers run or take apart as markup (`+xml`, `x-javascript` …)."""
_WORDS = re.compile(r"[a-z0-9]+")
_BLANKS = re.compile("[\\s\u115f\u1160\u2800\u3164\uffa0]+")
"""Invisible characters: a long run of them would hide how a name ends."""
_UNSAFE = re.compile(r'[^A-Za-z0-9 !#$&+,.()@^_`{}~=\[\]-]|["\\%]')
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\.|\Z)", re.IGNORECASE
)
"""Names that Windows keeps for devices, whatever ending follows."""
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


def plain_type(value: str | None) -> str | None:
    """The type in a Content-Type's value; None if it is invalid or generic."""
    text = (value or "").partition(";")[0].strip().lower()
    return text if _TYPE.fullmatch(text) and text not in (BINARY, "binary/octet-stream") else None


def sniffed(beginning: bytes) -> str | None:
    """The type that a file's first bytes identify; None if they do not."""
    if beginning[4:8] == b"ftyp":
        return _of_brands(beginning)
    if beginning.startswith(b"PK\x03\x04"):
        return _of_zip(beginning)
    if beginning.startswith(b"OggS\0") and b"theora" in beginning[:512]:
        return "video/ogg"
    for offset, magic, found in _MAGIC:
        if beginning.startswith(magic, offset):
            return found
    if beginning.startswith(b"MZ") and _is_windows_program(beginning):
        return "application/x-msdownload"
    text = _in_utf8(beginning)
    if text.lstrip(_BLANK_BYTES).startswith(b"%PDF-"):  # some mail programs put a line break in front
        return "application/pdf"
    if markup := _MARKUP.match(text):
        found = markup[0].lower()
        if b"svg" in found or (b"xml" in found and b"<svg" in text.lower()):
            return "image/svg+xml"
        return "text/xml" if b"xml" in found else "text/html"
    if beginning.startswith(b"BM") and beginning[6:10] == b"\0\0\0\0":
        return "image/bmp"
    return next((found for magic, found in _FRAMES if beginning.startswith(magic)), None)


def _of_brands(beginning: bytes) -> str:
    """The type of a file in boxes (ISO/IEC 14496-12): of its major brand, or, of an image whose major brand says no more, of another."""
    major = beginning[8:12]
    found = _BRANDS.get(major) or _FAMILIES.get(major[:3], "video/mp4")
    if found != "image/heif":
        return found
    size = min(int.from_bytes(beginning[:4], "big"), 256)
    others = (_BRANDS.get(beginning[at : at + 4]) for at in range(16, size, 4))
    return next((other for other in others if other in ("image/heic", "image/avif")), found)


def _of_zip(beginning: bytes) -> str:
    if stated := _STATED_TYPE.match(beginning):
        return stated[1].decode()
    names = (part[2][: int.from_bytes(part[1], "little")] for part in _ZIP_ENTRY.finditer(beginning))
    folders = {name[: name.find(b"/") + 1] for name in names if name.find(b"/") > 0}
    return next((found for folder, found in _ZIPPED.items() if folder in folders), "application/zip")


def _in_utf8(beginning: bytes) -> bytes:
    """A text's bytes as UTF-8, without its byte order mark."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if beginning.startswith(mark):
            return beginning[2:].decode(encoding, "replace").encode("utf-8", "replace")
    return beginning.removeprefix(b"\xef\xbb\xbf")


def _is_windows_program(beginning: bytes) -> bool:
    """`MZ` alone begins many a text."""
    at = int.from_bytes(beginning[60:64], "little")
    return beginning[at : at + 4] == b"PE\0\0" or b"DOS mode" in beginning[:512]


def allowed(content_type: str, types: Collection[str]) -> bool:
    """Whether a type is among `types`, where `image/*` stands for every image but those that can hold scripts."""
    if content_type in types:
        return True
    return not is_active(content_type) and content_type.partition("/")[0] + "/*" in types


def refusal(declared: str | None, beginning: bytes, types: Collection[str]) -> str | None:
    """Why a file that is declared so and begins so is not taken; None where it is: a PNG called .jpg is a PNG."""
    found = _found(declared, beginning)
    if found in _PROGRAMS and found not in types:
        return "the file is a program"
    settled = settled_type(declared, beginning)
    if declared is not None and _differ(declared, found) and not (found and allowed(found, types)):
        return f"the file is declared as {declared}, and its bytes are not"
    if not allowed(settled, types):
        return f"files of type {settled} are not accepted"
    return None


def settled_type(declared: str | None, beginning: bytes) -> str:
    """A file's type: proved by its bytes, else as declared, else suggested by its bytes."""
    found = _found(declared, beginning)
    if declared is None or _differ(declared, found):
        return found or BINARY
    return _SAME.get(declared, declared) if declared != "image/heif" else declared


def _found(declared: str | None, beginning: bytes) -> str | None:
    """The type that the bytes say. Readers of PDF look for its header in the first KiB: what stands before it is a mail gateway's."""
    found = sniffed(beginning)
    is_pdf = found is None and _SAME.get(declared or "", declared) == "application/pdf"
    return "application/pdf" if is_pdf and b"%PDF-" in beginning[:1024] else found


def _differ(declared: str, found: str | None) -> bool:
    """Whether bytes disprove a declaration: an image or a PDF on either side must be one on the other."""
    stated, found = _SAME.get(declared, declared), _SAME.get(found or "", found)
    return stated != found and (stated in _PROVEN or found in _PROVEN)


def is_active(content_type: str) -> bool:
    """Whether files of a type can hold scripts or markup: HTML, SVG, anything `+xml` …"""
    return not _ACTIVE.isdisjoint(_WORDS.findall(content_type))


def is_inline(content_type: str) -> bool:
    """Whether a browser may show it in place; everything else is saved."""
    return content_type in INLINE


def safe_name(text: str | None) -> str | None:
    """A client's file name without folders, control characters, marks that turn the direction of writing, and long gaps; dots at
    its ends, which Windows drops, are none of it, and a device's name gets an underscore in front."""
    name = (text or "").replace("\\", "/").rpartition("/")[2]
    name = "".join(
        c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    )
    name = _BLANKS.sub(" ", name).strip(" .")
    if _RESERVED.match(name):
        name = "_" + name
    if len(name) > MAX_NAME:
        stem, dot, ending = name.rpartition(".")
        keep = f"{dot}{ending}" if stem and len(ending) <= 16 else ""
        name = name[: MAX_NAME - len(keep)] + keep
    return name or None


def disposition(name: str | None, *, inline: bool) -> str:
    """The value of Content-Disposition (RFC 6266, RFC 8187): a plain name, and the true one encoded."""
    kind = "inline" if inline else "attachment"
    if not name:
        return kind
    plain = _UNSAFE.sub("_", name)
    encoded = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{encoded}'


class Unsatisfiable(Exception):
    """A range that no byte of the file is in."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and end of the one requested range (RFC 9110, 14.2); None: the whole file, also for an invalid range."""
    found = re.fullmatch(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", header or "", re.ASCII)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        if int(found[2]) == 0:
            raise Unsatisfiable
        return max(0, size - int(found[2])), size
    start, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    if found[2] and end <= start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(end, size)
