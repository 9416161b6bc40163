"""Text as a person sees it: what is invisible can carry orders to a language model, or data past the person who approves its answer."""

from __future__ import annotations

import re
from typing import Final

_CONTROLS: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_INVISIBLE: Final = "\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0\ufff9-\ufffb"
"""Characters without a shape that no script needs. Joiners and marks of direction are not among them."""
_TAGS: Final = "\U000e0000-\U000e007f"
_JOINING: Final = "\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Joiners and variation selectors: writing needs one or two in a row, and more can spell out bytes."""
_UNSEEN: Final = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)"  # the flag of a part of a country
    f"|[{_CONTROLS}{_INVISIBLE}{_TAGS}]"
)
_TOO_MANY: Final = re.compile(f"(?<=[{_JOINING}]{{2}})[{_JOINING}]+")


def visible(text: str) -> str:
    """The text without characters that nobody sees."""
    if text.isascii() and text.isprintable():
        return text
    return _TOO_MANY.sub("", _UNSEEN.sub(lambda found: found[1] or "", text))
