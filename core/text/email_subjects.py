"""Subjects of mails: what one is about, without what answering and forwarding add to it. It names a customer's thread, so
that an answer finds the conversation of what it answers, whoever began it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .normalization import normalized

MAX_SUBJECT: Final = 998
"""Characters of a subject (RFC 5322); what follows is not read."""
MAX_TOPIC: Final = 200

_REPLIES: Final = (
    "re|r|res|resp|rép|rep|réf|ref|rif|aw|antw|antwort|antwoord|sv|svar|vs|vá|vast|odp|odg|одг|ynt|yan|atb|ats|ateb|răsp|"
    "bls|balas|tl|απ|σχετ|ha|на|отв|ответ|відп|відповідь|отг|trả lời|ตอบ|ตอบกลับ|回复|回復|回覆|答复|答覆|返信|회신|답장|"
    "رد|رد على|پاسخ|תגובה|תשובה|השב"
)
"""What mail programs put before the subject of an answer, in the languages they speak."""
_FORWARDS: Final = (
    "fwd|fw|wg|weiterl|vb|vl|vid|vidb|videresendt|vidarebefordrat|doorst|tr|rv|i|inoltra|enc|enc\\.|pd|ilt|i̇lt|tov|továbbítás|"
    "továbbitás|pārs|persiųsti|trs|fs|prosl|nakl|edasi|ymlaen|προωθ|πρθ|пер|пересл|препр|chuyển tiếp|ส่งต่อ|"
    "转发|轉發|轉寄|転送|전달|إعادة توجيه|הועבר"
)
"""The same of a mail that is passed on."""
_TAGS: Final = r"external(?: e?mail| sender| message)?|ext|extern|externe|externo|esterno|spam|suspected spam|caution|bulk"
"""What mail gateways put before the subject of whatever passes them."""
_COUNT: Final = r"(?:(?:[\[(]\s*+\d{1,3}\s*+[\])]|[\^*]\d{1,3}|\d{1,3})\s*+)?"
_COLON: Final = "[:：﹕︓∶꞉]"
_PREFIX: Final = re.compile(rf"\s*(?:{_REPLIES}|{_FORWARDS})\s*+{_COUNT}{_COLON}\s*+", re.IGNORECASE)
_FORWARDED: Final = re.compile(rf"\s*(?:{_FORWARDS})\s*+{_COUNT}{_COLON}", re.IGNORECASE)
_TAG: Final = re.compile(
    rf"\s*+(?:\[\s*+(?:{_TAGS})\s*+\]|\*{{1,5}}\s*+(?:{_TAGS})\s*+\*{{1,5}})\s*+{_COLON}?\s*+", re.IGNORECASE
)
_OTHER_TAG: Final = re.compile(r"\s*+\[[^\[\]]{1,60}\](?=\s)")


def topic(subject: str) -> str:
    """A subject as a thread's name: without reply and forward prefixes, whatever its case and spacing."""
    text = _folded(_folded(subject[:MAX_SUBJECT]))
    return without_prefixes(text)[:MAX_TOPIC].strip()


def _folded(subject: str) -> str:
    text = normalized("NFKC", subject).casefold()
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    return " ".join(text.split())


def without_prefixes(subject: str) -> str:
    """`[EXTERNAL] Re: AW: Fwd: Offer` → `Offer`. What is all prefix is empty; a list's own tag (`[list] Re: Offer`) stays."""
    at = _start(subject)
    kept = ""
    if (tag := _OTHER_TAG.match(subject, at)) is not None and _PREFIX.match(subject, tag.end()):
        kept, at = tag[0].strip() + " ", _start(subject, tag.end())
    return (kept + subject[at:].strip()).strip()


def _start(subject: str, at: int = 0) -> int:
    """Where a subject begins behind the prefixes that stand at `at`."""
    while (found := _PREFIX.match(subject, at) or _TAG.match(subject, at)) is not None:
        at = found.end()
    return at


def _first(subject: str) -> int:
    """Where the first prefix may stand: behind tags."""
    at = 0
    while (found := _TAG.match(subject, at)) is not None:
        at = found.end()
    tag = _OTHER_TAG.match(subject, at)
    return at if tag is None else tag.end()


def is_forward(subject: str) -> bool:
    """Whether the subject says that somebody passes a mail on."""
    subject = _folded(subject[:MAX_SUBJECT])
    return _FORWARDED.match(subject, _first(subject)) is not None


def is_answer(subject: str) -> bool:
    """Whether the subject says that the mail answers another, or passes it on."""
    subject = _folded(subject[:MAX_SUBJECT])
    return _PREFIX.match(subject, _first(subject)) is not None
