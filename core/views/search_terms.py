"""A search query, split into words and telephone numbers.

Pure. Texts are folded by the database, which holds the folded texts (`search_fold` in schema.sql); so are these terms.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
import phonenumbers

from ..accounts import phones

MAX_WORDS: Final = 16
"""Words of a search that are looked for; the rest are ignored. A search has 200 characters at most."""
MIN_DIGITS: Final = 7
"""Shorter numbers are not taken for telephone numbers."""
_WRITTEN: Final = re.compile(r"[+(]?[0-9](?:[ ().\-/\u00a0\u2010-\u2015]{0,3}[0-9])*")
"""A number as people write it: single digits with up to three signs between two of them."""


class SearchTerms(msgspec.Struct, frozen=True):
    """One way to read a search. A text that contains all `words` anywhere, and all `numbers` in any spelling, is found."""

    words: tuple[str, ...]
    numbers: tuple[str, ...] = ()


def searches(q: str) -> list[SearchTerms]:
    """The possible readings of `q`; a search finds the matches of each.

    As it stands: its parts between blanks. And if a telephone number is in it: that number's digits beside the other parts, without
    the code of its country, which some write and others do not.
    """
    found = [SearchTerms(tuple(q.split())[:MAX_WORDS])]
    text = phones.readable(q)
    for written in _WRITTEN.finditer(text):
        numbers = _numbers(written[0])
        if numbers:
            rest = f"{text[: written.start()]} {text[written.end() :]}".split()
            found += [SearchTerms(tuple(rest)[:MAX_WORDS], (number,)) for number in numbers]
            break
    return found


def _numbers(written: str) -> list[str]:
    """The digits that every spelling of a telephone number contains, for each number that `written` may be; empty if it is none."""
    digits = phones.digits(written)
    if digits is None:
        return []
    abroad = written.startswith(("+", "00"))
    known = {"+" + digits, *phones.variants("+" + digits)}
    national = [found for number in sorted(known) if (found := _national(number, abroad)) is not None]
    bare = dict.fromkeys(number.lstrip("0") for number in (digits, *national))
    return [number for number in bare if len(number) >= MIN_DIGITS and not _covered(number, bare)]


def _covered(number: str, others: dict[str, None]) -> bool:
    """Whether a text with `number` has another one of them in it anyway."""
    return any(other != number and len(other) >= MIN_DIGITS and other in number for other in others)


def _national(number: str, abroad: bool) -> str | None:
    """The number without its country's code; None if there is none. `abroad`: it was written with a code, for sure."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    if not (phonenumbers.is_possible_number(parsed) if abroad else phonenumbers.is_valid_number(parsed)):
        return None
    return phonenumbers.national_significant_number(parsed)
