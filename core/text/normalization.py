"""Unicode normalisation of untrusted text in linear time. The only caller of `unicodedata.normalize`.

Normalisation sorts each run of combining marks by class, and CPython uses insertion sort: a run of 65,000 marks takes seconds. So
runs are split first, as in the Stream-Safe Text Format (UAX #15, section 13): a COMBINING GRAPHEME JOINER, across which no mark
moves, follows every 30 marks. No real text comes near that.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final, Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

MAX_NON_STARTERS: Final = 30
"""Combining marks in a row (UAX #15, UAX15-D3). A joiner is inserted before the next one; nothing is removed."""
MAX_FOLDED: Final = 16_384
"""Characters of a text that are folded, and so can match rules, keywords and names; folded text may be 18 times as long. The text
is stored whole."""
JOINER: Final = "\u034f"
"""COMBINING GRAPHEME JOINER."""
_LAST_MARK: Final = 0x1F000
"""All combining marks have lower code points."""
_SHORTEST: Final = MAX_NON_STARTERS // 4
"""Marks in a row that may be too many: a mark may decompose into several, and the letter before may add its own."""


def normalized(form: Form, text: str) -> str:
    """`text` in a normalisation form, with runs of marks bounded."""
    return text if text.isascii() else unicodedata.normalize(form, stream_safe(text))


def stream_safe(text: str) -> str:
    """`text` in the Stream-Safe Text Format: UAX15-D4, for all of a text at once."""
    if text.isascii() or _sizes().keys().isdisjoint(text[_SHORTEST - 1 :: _SHORTEST]):
        return text  # a run that may be too long has a mark at one of these positions
    return _runs().sub(_parted, text)


def _parted(run: re.Match[str]) -> str:
    """A run of marks, with a joiner wherever there would be too many."""
    sizes = _sizes()
    count = _trailing(run.string[run.start() - 1]) if run.start() else 0
    parts: list[str] = []
    for mark in run[0]:
        size = sizes[mark]
        if count + size > MAX_NON_STARTERS:
            parts.append(JOINER)
            count = 0
        parts.append(mark)
        count += size
    return "".join(parts)


def _trailing(letter: str) -> int:
    """The number of marks at the end of a character's decomposition."""
    apart = unicodedata.normalize("NFKD", letter)
    return next((n for n, char in enumerate(reversed(apart)) if not unicodedata.combining(char)), len(apart))


@cache
def _sizes() -> dict[str, int]:
    """Every character that decomposes into marks only → their number."""
    apart = ((char, unicodedata.normalize("NFKD", char)) for char in map(chr, range(0x80, _LAST_MARK)))
    return {char: len(marks) for char, marks in apart if all(map(unicodedata.combining, marks))}


@cache
def _runs() -> re.Pattern[str]:
    return re.compile(f"[{re.escape(''.join(_sizes()))}]{{{_SHORTEST},}}")
