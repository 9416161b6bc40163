"""Valid user ids, and the characters that names may be shown with.

Ids appear in lists, logs and pages next to text that others wrote. An id that is invisible, or that changes the direction of the
text around it, can impersonate another one.
"""

from __future__ import annotations

import re
from typing import Final

MAX_USER_ID: Final = 255
"""Characters of a user's id."""
USER_ID_RULE: Final = "1–255 printable characters, no < or >, no blank at either end"

_DECEPTIVE: Final = "\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
"""Controls, line separators, directional embeddings, overrides and isolates (UAX 9), and surrogates. Directional marks and joiners
are allowed: names in Arabic, Hebrew and Persian need them, and so do emoji."""
NAME_PATTERN: Final = f"^[^{_DECEPTIVE}]*(?![\\s\\S])"
"""The pattern of names in the API."""
_deceptive: Final = re.compile(f"[{_DECEPTIVE.replace('x00', 'x01', 1)}]+")
_BLANK: Final = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u2064\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]*"
)
"""Characters that show nothing by themselves: blanks, marks, joiners, fillers, selectors."""


def is_user_id(text: str) -> bool:
    """Whether a token may have this `sub`. `str.isprintable` excludes Unicode's categories Cc, Cf, Cs, Co, Cn, Zl, Zp, and all
    blanks (Zs) except the space.
    """
    return (
        0 < len(text) <= MAX_USER_ID
        and text.isprintable()
        and "<" not in text
        and ">" not in text
        and not (text[0] == " " or text[-1] == " ")
    )


def shown_name(name: str | None) -> str | None:
    """A name from a call or a token, without deceptive characters; None if nothing is left that shows.

    NUL stays: the database refuses it, and the call that contains it is set aside.
    """
    shown = "" if name is None else _deceptive.sub("", name).strip()
    return None if _BLANK.fullmatch(shown) else shown
