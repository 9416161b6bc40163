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

_PREFIXES: Final = (
    "re|res|rep|ref|aw|antw|antwort|antwoord|sv|svar|vs|odp|r|rif|resp|rv|ynt|yan|atb|απ|σχετ|"
    "回复|回覆|答复|答覆|返信|답장|رد|תגובה"
)
_FORWARDS: Final = (
    "fwd|fw|wg|vb|vl|vid|vidb|videresendt|doorst|tr|i|inoltra|enc|pd|ilt|i̇lt|továbbítás|továbbitás|προωθ|пересл|"
    "转发|轉寄|轉發|転送|전달|הועבר|إعادة توجيه"
)
_PREFIX: Final = re.compile(
    rf"\s*(?:{_PREFIXES}|{_FORWARDS})\s*+(?:(?:[\[(]\s*+\d{{1,3}}\s*+[\])]|\^\d{{1,3}}|\d{{1,3}})\s*+)?[:：]\s*+",
    re.IGNORECASE,
)
_FORWARDED: Final = re.compile(rf"\s*(?:{_FORWARDS})\s*[:：]", re.IGNORECASE)


def topic(subject: str) -> str:
    """A subject as a thread's name: without reply and forward prefixes, whatever its case and spacing."""
    text = _folded(_folded(subject[:MAX_SUBJECT]))
    return without_prefixes(text)[:MAX_TOPIC].strip()


def _folded(subject: str) -> str:
    text = normalized("NFKC", subject).casefold()
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    return " ".join(text.split())


def without_prefixes(subject: str) -> str:
    """`Re: AW: Fwd: Offer` → `Offer`. What is all prefix is empty."""
    at = 0
    while (found := _PREFIX.match(subject, at)) is not None:
        at = found.end()
    return subject[at:].strip()


def is_forward(subject: str) -> bool:
    """Whether the subject says that somebody passes a mail on."""
    return _FORWARDED.match(subject) is not None
