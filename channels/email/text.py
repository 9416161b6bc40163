"""Conventions of e-mail: message ids, the new part of a text, and mail sent by machines. Subjects:
`core/text/email_subjects.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from ...core.text import email_subjects
from . import quotes

MAX_ID: Final = 255
MAX_REFERENCES: Final = 50
MAX_SENDER: Final = 320
MAX_NAME: Final = 60
"""Characters of a header's name that are read."""
OUR_DOMAIN: Final = "@mtasv.net"
"""Postmark sends a mail it knows as `<uuid>` under the Message-ID `<uuid@mtasv.net>`; replies name that one."""

_IN_BRACKETS: Final = re.compile(r"<\s*([^<>\s]+)\s*>")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_OURS: Final = re.compile(f"({_UUID.pattern}){re.escape(OUR_DOMAIN)}", re.IGNORECASE)

_BULK: Final = frozenset({"auto_reply", "auto-reply", "autoreply", "bulk", "junk", "list"})
_PRECEDENCE: Final = ("precedence", "x-precedence", "preference")
"""Headers that say how a mail is to be treated; the last is a slip that some programs make."""
_AUTO_HEADERS: Final = (
    "x-failed-recipients",
    "x-mailing-list",
    "mailing-list",
    "x-mailman-version",
    "x-listserver",
    "x-dsncontext",
    "x-cron-env",
    "x-ms-exchange-inbox-rules-loop",
    "x-ms-exchange-generated-message-source",
    "x-listprocessor-version",
    "x-beenthere",
    "x-bulkmail",
    "x-campaign-id",
    "x-campaignid",
    "x-loop",
)
_AUTO_NAMES: Final = re.compile(
    r"list-[a-z-]+|(?:x-)?(?:[a-z]+-){0,2}loop(?:-(?:prevention|check|detection|protection))?|x-list-[a-z-]+|(?!x-auto-response-suppress)(?:x-)?(?:[a-z]+-){0,3}auto-?(?:re(?:ply|plied|plier|spond|sponse|sponder)|generated|answer|mated|notification)[a-z-]*"
    r"|(?:x-)?(?:[a-z]+-){0,2}(?:vacation|machine-?generated|out-?of-?office|oof)[a-z-]*"
).fullmatch
"""Headers that mark a machine's mail by being there, whatever they say; those that the pattern finds, unless they say no."""
_CLASSES: Final = re.compile(
    r"autorespon|auto-?reply|ipm\.note\.rules\.(?:ooftemplate|replytemplate)|\boof\b", re.IGNORECASE
).search
"""Values of X-POST-MessageClass and similar headers that identify an automatic reply."""
_SAYING: Final = ("x-post-messageclass", "x-ms-exchange-message-class", "x-message-class")
_TO_A_MACHINE: Final = re.compile(r"\s*autoresponder\s*", re.IGNORECASE).fullmatch
"""qmail's Delivered-To of an automatic reply; everybody else's is an address."""
_NO: Final = frozenset({"no", "false", "0", "none", "off", ""})
_SUPPRESSED: Final = frozenset({"all", "oof", "autoreply"})
"""Words of X-Auto-Response-Suppress by which a machine asks for no answers (MS-OXCMAIL 2.1.3.2.20); `dr`, `rn`, `nrn` and
`none` are a person's choices about receipts."""
_NO_RETURN: Final = re.compile(r"<>|<?mailer-daemon(?:@[^<>@]*)?>?", re.IGNORECASE).fullmatch
_OF_PASSING_ON: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post", "list-help", "list-owner"})
"""Headers that mail services add to everything they send, what their customers' forms pass on among it; lists and newsletters say more."""
_LIST: Final = re.compile(
    r"\s*(?:[^<>]{0,200}<)?(?:owner-[^@\s<>]+|[^@\s<>]+-(?:owner|bounces|request))@"
).match
"""A Sender header by which a mailing list passes a mail on."""
_NO_PERSON: Final = re.compile(
    r"(?:[^@]*[._+-])?(?:(?:do|dont|does)?[._-]?not?[._-]?(?:reply|replay|response|respond|answer)|dont[._-]?(?:reply|respond)|noreply|no[._-]?replies|reply[._-]?not"
    r"|(?:double-)?bounces?|mailer[._-]?daemon|mdaemon|daemon(?=@)|nobody(?=@)|robot(?=@)|notify(?=@)|postmaster|microsoftexchange[0-9a-f]{32}|listserv|majordomo|mailman|cron(?=@)|root(?=@)"
    r"|auto[._-]?(?:reply|responder|response|mailer|confirm|notify|mated)|notifications?|newsletters?|alerts?|un(?:attended|monitored)"
    r"|ne[._-]?pas[._-]?re?pondre|pas[._-]?de[._-]?reponse|nicht[._-]?antworten|keine?[._-]?antwort|bitte[._-]?nicht[._-]?antworten|n[aã]o[._-]?respond(?:a|er)|no[._-]?contest(?:ar?|e)"
    r"|no[._-]?respond(?:a|er)|non[._-]?rispondere|niet[._-]?(?:be)?antwoorden|geen[._-]?antwoord|ingen[._-]?svar|svar[._-]?ej|svara[._-]?(?:ej|inte)|ikke[._-]?svar"
    r"|ei[._-]?vasta(?:ta|usta)?|nie[._-]?odpowiadaj|prosze[._-]?nie[._-]?odpowiadac|ne[._-]?odpovid(?:at|ejte)|neodpovedat|ne[._-]?valaszolj(?:on)?|nu[._-]?raspunde(?:ti)?"
    r"|yanitlama(?:yin(?:iz)?)?|cevaplama(?:yin(?:iz)?)?|cevap[._-]?vermeyin(?:iz)?|ne[._-]?otvech(?:at|aj|ayte|aite|ajte)|khong[._-]?tra[._-]?loi|jangan[._-]?balas|tidak[._-]?dibalas)"
    r"(?:[0-9]*|[._+-][^@]*)@"
).match
_WORDS: Final = re.compile(r"[a-z][a-z0-9_/-]*")


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
    """The part before the @, if it could be Postmark's, which also uses its customers' domains."""
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
    """A reply without its quote: the text above the quote; if there is none, the text below it; the whole
    where the two alternate, as it makes no sense without the quotes."""
    lines = text.strip().splitlines()
    before = quotes.start(lines)
    if before is None:
        end = len(lines)
        while end and (not lines[end - 1].strip() or _is_quoted(lines[end - 1])):
            end -= 1
        return "\n".join(lines[:end]).strip() or text.strip()
    while before and (not lines[before - 1].strip() or quotes.is_rule(lines[before - 1])):
        before -= 1
    return "\n".join(lines[:before]).strip() or _below(lines) or text.strip()


def _below(lines: Sequence[str]) -> str:
    """The text behind the one quoted block; empty if there are several, or nothing follows."""
    quoted = [number for number, line in enumerate(lines) if _is_quoted(line)]
    if not quoted or any(line.strip() and not _is_quoted(line) for line in lines[quoted[0] : quoted[-1]]):
        return ""
    return "\n".join(lines[quoted[-1] + 1 :]).strip()


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def is_automatic(
    headers: Mapping[str, str], sender: str, subject: str = "", *, relayed: bool = False
) -> bool:
    """Whether no person wrote it: out-of-office notes, bounces, lists, bulk mail. RFC 3834, RFC 2369, RFC 2919, and what
    mail programs said before and beside those.

    `relayed`: a contact form or the like passes on what `sender`, somebody elsewhere, wrote. A program makes such a mail, asks for no
    automatic answers and adds how to unsubscribe, but its words are a person's.
    """
    submitted = _word(headers.get("auto-submitted", ""))
    suppressed = _WORDS.findall(headers.get("x-auto-response-suppress", "").lower())
    return (
        (submitted not in ("no", "") and not (relayed and submitted == "auto-generated"))
        or any(name in headers for name in _AUTO_HEADERS)
        or any(
            _AUTO_NAMES(name[:MAX_NAME]) and value.strip().lower() not in _NO
            for name, value in headers.items()
            if not (relayed and name in _OF_PASSING_ON)
        )
        or any(_word(headers.get(name, "")) in _BULK for name in _PRECEDENCE)
        or any(_CLASSES(headers.get(name, "")[:MAX_ID]) for name in _SAYING)
        or not (relayed or _SUPPRESSED.isdisjoint(suppressed))
        or _TO_A_MACHINE(headers.get("delivered-to", "")[:MAX_ID]) is not None
        or _NO_RETURN("".join(headers.get("return-path", "").split())[:MAX_ID]) is not None
        or _word(headers.get("content-type", "")) == "multipart/report"
        or _NO_PERSON(sender[:MAX_SENDER]) is not None
        or _LIST(headers.get("sender", "")[:MAX_SENDER].lower()) is not None
        or email_subjects.is_automatic(subject)
    )


def _word(value: str) -> str:
    """The first word of a header, without comments and parameters."""
    found = _WORDS.search(value.lower())
    return "" if found is None else found[0]
