"""E-mail addresses in the one form in which they are stored and sent: bare, lower case, the domain in ASCII.

Reads what people and mail programs write (`Ana <ana@mail.example>`, `mailto:…`, lists of these) in time linear in its
length. An address is a dot-atom and a domain name within the lengths of RFC 5321: no quoted local parts, no address
literals, no comments.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import idna

from ..text.normalization import normalized

MAX_HEADER: Final = 20_000
"""Characters of a list of addresses; what follows is not read."""
MAX_LOCAL, MAX_DOMAIN, MAX_ADDRESS = 64, 253, 254
"""RFC 5321, 4.5.3.1: octets of the part before the @, of the domain, and of the whole."""

_LOCAL: Final = re.compile(
    r"[^\s\x00-\x20\"(),.:;<>@\[\\\]\x7f]+(?:\.[^\s\x00-\x20\"(),.:;<>@\[\\\]\x7f]+)*+"
).fullmatch
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?").fullmatch
_IN_BRACKETS: Final = re.compile(r"[^<>]*+<([^<>]*+)>\s*+").fullmatch
_GROUP: Final = re.compile(r"[^:<@]*+:(?!//)").match
"""The name of a group of addresses, in front of its first one: `Team: ana@mail.example, bo@mail.example;` (RFC 5322, 3.4)."""
_MARK: Final = re.compile(r'[",;(]').search
_QUOTED: Final = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL).match
_IN_COMMENT: Final = re.compile(r"[()]|\\.", re.DOTALL).finditer
_QUOTES: Final = frozenset(
    {("'", "'"), ("\u2018", "\u2019"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"), ("`", "`")}
)
_UNWRITABLE: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def parsed(text: str) -> str | None:
    """The one address that a text names, with or without a name beside it; None for none, several, or a wrong one."""
    found = list(_items(text)) if len(text) <= MAX_HEADER else []
    return _address(found[0]) if len(found) == 1 else None


def listed(text: str, most: int) -> list[str]:
    """The valid addresses of a header's list, those in groups too, each once; at most `most`."""
    found: dict[str, None] = {}
    for item in _items(text[:MAX_HEADER]):
        group = _GROUP(item)
        if (address := _address(item[group.end() :] if group else item)) is not None:
            found[address] = None
            if len(found) >= most:
                break
    return list(found)


def without_tag(address: str) -> str:
    """`support+4711@acme.example` → `support@acme.example`: the mailbox that a tagged address is delivered to."""
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain


def _items(text: str) -> Iterator[str]:
    """The parts of a list, without quoted names and comments; commas inside those separate nothing."""
    part: list[str] = []
    begin = 0
    while mark := _MARK(text, begin):
        part.append(text[begin : mark.start()])
        end: int | None = mark.end()
        if mark[0] == '"':
            end = closed.end() if (closed := _QUOTED(text, mark.end())) else None
            part.append(" ")
        elif mark[0] == "(":
            end = _end_of_comment(text, mark.end())
        else:
            if item := "".join(part).strip():
                yield item
            part = []
        if end is None:
            return
        begin = end
    if item := "".join([*part, text[begin:]]).strip():
        yield item


def _end_of_comment(text: str, begin: int) -> int | None:
    depth = 1
    for mark in _IN_COMMENT(text, begin):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return None


def _address(item: str) -> str | None:
    bare = found[1] if (found := _IN_BRACKETS(item)) else item
    bare = bare.strip()[: MAX_ADDRESS * 2]
    if bare[:7].lower() == "mailto:":
        bare = bare[7:].partition("?")[0]
    bare = bare.replace("\uff20", "@")
    if (bare[:1], bare[-1:]) in _QUOTES:
        bare = bare[1:-1]
    bare = "".join(
        c for c in bare if unicodedata.category(c) != "Cf"
    )  # direction marks come along when text is copied
    local, at, domain = normalized("NFC", bare).lower().rpartition("@")
    if (
        not at
        or not _UNWRITABLE.isdisjoint(map(unicodedata.category, local))
        or not _LOCAL(local)
        or (ascii_domain := _domain(domain)) is None
    ):
        return None
    address = f"{local}@{ascii_domain}"
    fits = len(local.encode()) <= MAX_LOCAL and len(address.encode()) <= MAX_ADDRESS
    return address if fits else None


def _domain(domain: str) -> str | None:
    if not domain or len(domain) > MAX_DOMAIN:
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii").lower()  # IDNA 2008: ß is not ss
        except (idna.IDNAError, UnicodeError):
            return None
    labels = domain.split(".")
    good = len(domain) <= MAX_DOMAIN and all(map(_LABEL, labels)) and not labels[-1].isdigit()
    return domain if good and (len(labels) > 1 or domain == "localhost") else None
