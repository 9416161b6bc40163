"""Files: their types, names and ranges; and links to them."""

from __future__ import annotations

import io
import zipfile
from email.message import Message
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tertulia.core.channels import file_types
from tertulia.core.channels.signed_urls import LinkSigner, id_of, path_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
OOXML = "application/vnd.openxmlformats-officedocument"
ODT = "application/vnd.oasis.opendocument.text"
EXE = b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little") + b"PE\0\0"
TYPES = frozenset({"image/*", "application/pdf", "text/plain", "application/zip"})
ID = "0190a0b0-0000-7000-8000-000000000001"


def boxes(*brands: bytes) -> bytes:
    body = b"ftyp" + brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return (len(body) + 4).to_bytes(4, "big") + body


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, ODT if name == "mimetype" else "x" * 300)
    return file.getvalue()


@pytest.mark.parametrize(
    ("beginning", "found"),
    [
        *[(boxes(brand), "image/heic") for brand in (b"heim", b"heis", b"hevx")],
        (boxes(b"mif1", b"mif1", b"heic"), "image/heic"),
        (boxes(b"mif1", b"miaf", b"avif"), "image/avif"),
        (boxes(b"mif1"), "image/heif"),
        *[(boxes(brand), "video/3gpp") for brand in (b"3gp4", b"3gp6", b"3ge7", b"3gg6")],
        (boxes(b"3g2a"), "video/3gpp2"),
        (boxes(b"M4B "), "audio/mp4"),
        (boxes(b"M4V "), "video/x-m4v"),
        ("\ufeff<svg xmlns='x'>".encode("utf-16-le"), "image/svg+xml"),
        ("\ufeff<html>".encode("utf-16-be"), "text/html"),
        (b"<!-- a --> <!-- b -->\n<svg>", "image/svg+xml"),
        (b"<!--" + b"<!-- " * 800, None),
        (
            zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"),
            f"{OOXML}.wordprocessingml.document",
        ),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), f"{OOXML}.spreadsheetml.sheet"),
        (zipped("[Content_Types].xml", "ppt/presentation.xml"), f"{OOXML}.presentationml.presentation"),
        (zipped("mimetype", "content.xml"), ODT),
        (zipped("photos/word/a.jpg", "words/b.txt"), "application/zip"),
        (b"OggS\0\x02" + b"\0" * 20 + b"\x01\x13OpusHead", "audio/ogg"),
        (b"OggS\0\x02" + b"\0" * 20 + b"\x01\x2a\x80theora", "video/ogg"),
        (b"\xff\xfb\x90\x44", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
        (b"II+\0", "image/tiff"),
        (b"\xef\xbb\xbf\r\n%PDF-1.7", "application/pdf"),
        (b"see %PDF-1.7", None),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (EXE, "application/x-msdownload"),
        (b"MZ-Preise\n1;2", None),
        (b"BMW is a car", None),
        (b"\x7fELF", "application/x-elf"),
        (b"#!/bin/sh", None),
        (b"#!AMR\n", "audio/amr"),
        (b"\xef\xbb\xbf  <!DOCTYPE HTML>", "text/html"),
        (b"<svg xmlns=''>", "image/svg+xml"),
        (b"<?xml version='1.0'?><!-- x --><svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "text/xml"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_what_bytes_say(beginning: bytes, found: str | None) -> None:
    assert file_types.sniffed(beginning) == found


@pytest.mark.parametrize(
    ("declared", "beginning", "settled"),
    [
        ("image/png", PNG, "image/png"),
        (None, PNG, "image/png"),
        ("image/jpg", b"\xff\xd8\xff", "image/jpeg"),
        ("text/plain", b"BMW", "text/plain"),
        ("text/plain", b"#!/bin/sh", "text/plain"),
        ("image/jpeg", PNG, "image/png"),
        ("text/plain", PNG, "image/png"),
        ("image/png", b"%PDF-1.7", "application/pdf"),
        ("image/heif", b"\0\0\0\x18ftypheic", "image/heif"),
        ("application/pdf", b"scanned by x\n%PDF-1.7", "application/pdf"),
        ("text/plain", b"see %PDF-1.7", "text/plain"),
        ("image/avif", boxes(b"mif1", b"avif"), "image/avif"),
    ],
)
def test_good_files(declared: str | None, beginning: bytes, settled: str) -> None:
    assert file_types.refusal(declared, beginning, TYPES) is None
    assert file_types.settled_type(declared, beginning) == settled


@pytest.mark.parametrize(
    ("declared", "beginning", "word"),
    [
        ("image/png", b"\0\0\0\x18ftypisom", "declared as image/png"),
        ("image/png", b"hello", "declared as image/png"),
        ("application/pdf", b"<html>", "declared as application/pdf"),
        ("image/gif", b"<svg onload=x>", "declared as image/gif"),
        ("image/svg+xml", b"<svg>", "image/svg+xml"),
        ("text/html", b"<html>", "text/html"),
        ("text/plain", EXE, "program"),
        ("application/zip", b"\x7fELF", "program"),
        (None, b"no idea", "application/octet-stream"),
        ("application/x-tar", b"x", "application/x-tar"),
    ],
)
def test_bad_files(declared: str | None, beginning: bytes, word: str) -> None:
    assert word in (file_types.refusal(declared, beginning, TYPES) or "")


def test_types_of_headers() -> None:
    assert file_types.plain_type("Image/PNG; charset=x") == "image/png"
    for nothing in (None, "", "application/octet-stream", "nonsense", "a/b\r\nX: y", "text/", "a b/c"):
        assert file_types.plain_type(nothing) is None


ACTIVE = [
    "image/svg+xml", "image/svg", "image/foo+xml", "image/x+xml", "image/svg+xml-compressed", "image/vnd.x+xml", "text/html",
    "text/xml", "text/xsl", "text/css", "text/javascript", "text/x-component", "application/xml", "application/xhtml+xml",
    "application/mathml+xml", "application/rss+xml", "application/javascript", "application/x-javascript",
    "application/ecmascript", "application/x-shockwave-flash", "application/wasm", "audio/x+xml", "video/svg+xml",
    "multipart/related", "multipart/x-mixed-replace", "application/xml-dtd", "image/xml",
]  # fmt: skip


@pytest.mark.parametrize("active", ACTIVE)
def test_active_types_are_never_shown_in_place_nor_behind_a_star(active: str) -> None:
    assert file_types.is_active(active) and not file_types.is_inline(active)
    assert not file_types.allowed(
        active, {"image/*", "audio/*", "video/*", "text/*", "application/*", "multipart/*"}
    )
    assert file_types.allowed(active, {active}), "an operator may take them, to be saved"


def test_what_is_shown_in_place() -> None:
    shown = ("image/png", "image/jpeg", "application/pdf", "video/mp4", "audio/ogg")
    assert all(map(file_types.is_inline, shown)) and not any(map(file_types.is_active, file_types.INLINE))
    saved = ("text/plain", "application/zip", "application/octet-stream", "image/unknown", "video/x-unknown")
    assert not any(map(file_types.is_inline, saved)) and not any(map(file_types.is_active, saved))
    for office in (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/msword",
    ):
        assert not file_types.is_active(office)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("/", None),
        ("..", None),
        (".htaccess", "htaccess"),
        ("a\r\nSet-Cookie: x=y.txt", "aSet-Cookie: x=y.txt"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("nul\0l.txt", "null.txt"),
        ("\ud800", None),
        ("  ", None),
        (None, None),
        ("Überraschung 🎉.png", "Überraschung 🎉.png"),
        ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
        ("invoice.pdf" + " " * 90 + ".exe", "invoice.pdf .exe"),
        ("invoice.pdf" + "\u3000\u2800\u3164" * 30 + ".exe", "invoice.pdf .exe"),
        ("run.exe. .", "run.exe"),
        *[(name, f"_{name}") for name in ("CON", "nul.txt", "Com1.tar.gz", "LPT¹", "aux .pdf")],
        *[(name, name) for name in ("console.txt", "com10.txt", "nullable", "a.con")],
        ("a\u2066b\u2069\u200b\u061c.pdf", "ab.pdf"),
    ],
)
def test_names(given: str | None, name: str | None) -> None:
    assert file_types.safe_name(given) == name


@pytest.mark.parametrize(
    "name", ['a"b\\c%.txt', "Überraschung 🎉; x=y.png", "plain.pdf", "a;b.txt", "percent%41.txt"]
)
def test_the_header_brings_the_name_back(name: str) -> None:
    header = file_types.disposition(name, inline=False)
    assert header.isascii() and header.isprintable()
    read = Message()
    read["Content-Disposition"] = header
    assert read.get_content_disposition() == "attachment"
    given = header.partition("filename*=UTF-8''")[2]
    assert (unquote(given) if given else read.get_filename()) == name


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=50-1000", (50, 100)),
        ("bytes=9-0", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=٣-", None),
    ],
)
def test_ranges(header: str | None, part: tuple[int, int] | None) -> None:
    assert file_types.byte_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_beyond_the_file(header: str) -> None:
    with pytest.raises(file_types.Unsatisfiable):
        file_types.byte_range(header, 100)


def test_links() -> None:
    signer = LinkSigner("s" * 32, "https://chat.example/")
    url, expires = signer.signed_link(ID, 1000.5, 60)
    assert url.startswith(f"https://chat.example{path_of(ID)}?") and expires == 1060
    query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    signature = query["signature"]
    assert int(query["expires"]) == expires and signer.is_good(ID, expires, signature, 1059.9)
    assert not signer.is_good(ID, expires, signature, 1060)
    assert not signer.is_good(ID, expires + 1, signature, 1000)
    assert not signer.is_good(ID[:-1] + "2", expires, signature, 1000)
    assert not signer.is_good(ID, expires, signature[:-1] + "g", 1000)
    assert not signer.is_good(ID, expires, "é", 1000) and not signer.is_good(ID, expires, "", 1000)
    assert not LinkSigner("t" * 32).is_good(ID, expires, signature, 1000)
    assert LinkSigner("s" * 32).signed_link(ID, 0)[0].startswith("/v1/attachments/")
    assert signer.for_provider(path_of(ID), 1000) == signer.signed_link(ID, 1000, 24 * 3600)[0]
    assert signer.for_provider("https://x.example/y", 1000) == "https://x.example/y"


def test_ids_in_urls() -> None:
    assert (
        id_of(path_of(ID)) == ID == id_of(path_of(ID).upper().replace("/V1/ATTACHMENTS", "/v1/attachments"))
    )
    for other in (f"{path_of(ID)}/link", f"https://x.example{path_of(ID)}", "/v1/attachments/../x", ID, ""):
        assert id_of(other) is None
