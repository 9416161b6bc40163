"""What e-mail's own conventions say: message ids, which part of a text is new, which mail is a machine's. Its subjects
are read in `core/text/email_subjects.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from mailparser_reply.constants import MAIL_LANGUAGES
from mailparser_reply.parser import EmailMessage

MAX_ID: Final = 255
MAX_REFERENCES: Final = 50
OUR_DOMAIN: Final = "@mtasv.net"
"""Postmark sends a mail it knows as `<uuid>` under the Message-ID `<uuid@mtasv.net>`; replies name that one."""

_IN_BRACKETS: Final = re.compile(r"<\s*([^<>\s]+)\s*>")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_OURS: Final = re.compile(f"({_UUID.pattern}){re.escape(OUR_DOMAIN)}", re.IGNORECASE)

_HEAD, _TAIL, _LINES = 60, 40, 200
"""What quotes are looked for in: this much of each line's two ends, and of so many lines. The patterns take a time that
grows with the square of a line's length."""
_MACHINES: Final = frozenset({"mailer-daemon", "postmaster", "no-reply-bounce"})
_BULK: Final = frozenset({"auto_reply", "auto-reply", "bulk", "junk"})
_AUTO_HEADERS: Final = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-failed-recipients")


def message_id(value: str) -> str | None:
    """A Message-ID without its brackets, in the form by which messages are known; None where there is none.

    One of a mail that Postmark sent for us is what its API called it. One too long for a key is its hash.
    """
    found = _IN_BRACKETS.search(value)
    bare = found[1] if found else "".join(value.split()).strip("<>")
    if ours := _OURS.fullmatch(bare):
        return ours[1].lower()
    if len(bare) > MAX_ID:
        return "sha256-" + hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()
    return bare or None


def references(in_reply_to: str, chain: str) -> tuple[str, ...]:
    """The ids a mail answers, nearest first: In-Reply-To's, then those of References from its end.

    An id that could be of a mail that Postmark sent for us stands there in both of its forms.
    """
    nearest = _IN_BRACKETS.findall(in_reply_to) or in_reply_to.split()[:1]
    earlier = _IN_BRACKETS.findall(chain) or chain.split()
    found = (message_id(one) for one in (*nearest[:MAX_REFERENCES], *reversed(earlier[-MAX_REFERENCES:])))
    known = (one for id in found if id for one in (id, _uuid_of(id)) if one)
    return tuple(dict.fromkeys(known))[:MAX_REFERENCES]


def _uuid_of(id: str) -> str | None:
    """What stands before the @, where it could be Postmark's: it uses domains of its customers' own, too."""
    found = _UUID.match(id)
    return found[0].lower() if found and id[found.end() :][:1] == "@" else None


def wire_id(provider_id: str) -> str | None:
    """`<…>` for a header, of a provider id; None for one that no header can name."""
    if provider_id.startswith("sha256-") or not provider_id.isascii() or not provider_id.isprintable():
        return None
    if any(c in provider_id for c in "<> ,"):
        return None
    return f"<{provider_id}>" if "@" in provider_id else f"<{provider_id}{OUR_DOMAIN}>"


def new_part(text: str) -> str:
    """A reply without what it quotes. What stands above the quote; where nothing does, what stands below it; the whole
    where the two alternate, as it makes no sense without the quotes."""
    lines = text.strip().splitlines()
    shown = [_ends(line.strip()) for line in lines[:_LINES]]
    found = _headers().search("\n".join(shown))
    if found is None:
        end = len(lines)
        while end and (not lines[end - 1].strip() or _is_quoted(lines[end - 1])):
            end -= 1
        return "\n".join(lines[:end]).strip() or text.strip()
    before = "\n".join(shown)[: found.start()].count("\n")
    above = "\n".join(lines[:before]) if found.start() else ""
    return above.strip() or _below(lines) or text.strip()


def _below(lines: Sequence[str]) -> str:
    """What follows the one quoted block; empty where there are several, or nothing follows."""
    quoted = [number for number, line in enumerate(lines) if _is_quoted(line)]
    if not quoted or any(line.strip() and not _is_quoted(line) for line in lines[quoted[0] : quoted[-1]]):
        return ""
    return "\n".join(lines[quoted[-1] + 1 :]).strip()


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _ends(line: str) -> str:
    return line if len(line) <= _HEAD + _TAIL else line[:_HEAD] + line[-_TAIL:]


@cache
def _headers() -> re.Pattern[str]:
    """The lines with which mail programs introduce a quote."""
    languages = [name for name, words in MAIL_LANGUAGES.items() if "wrote_header" in words]
    return EmailMessage(text="", languages=languages).HEADER_REGEX


def is_automatic(headers: Mapping[str, str], sender: str) -> bool:
    """Whether no person wrote it: out-of-office notes, bounces, bulk mail. RFC 3834 and what came before it."""
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    report = headers.get("content-type", "").lower().lstrip().startswith("multipart/report")
    return (
        submitted not in ("no", "")
        or any(name in headers for name in _AUTO_HEADERS)
        or headers.get("precedence", "").strip().lower() in _BULK
        or headers.get("return-path", "").strip() == "<>"
        or sender.partition("@")[0] in _MACHINES
        or report
    )
