"""What may be the id of somebody who works with Tertulia, and which characters the names of people are shown with.

Ids stand in lists, logs and pages beside words that others wrote. One that cannot be seen, or that turns the text around it,
is somebody else's in disguise.
"""

from __future__ import annotations

import re
from typing import Final

MAX_USER_ID: Final = 255
"""Characters of a user's id."""
USER_ID_RULE: Final = "1–255 printable characters, no < or >, no blank at either end"

_DECEPTIVE: Final = "\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
"""Controls, line separators, embeddings, overrides and isolates of direction (UAX 9), and what is no character. Marks of
direction and joiners are not among them: names in Arabic, Hebrew or Persian are written with them, and emoji are."""
NAME_PATTERN: Final = f"^[^{_DECEPTIVE}]*(?![\\s\\S])"
"""What a name given to the API must match."""
_deceptive: Final = re.compile(f"[{_DECEPTIVE.replace('x00', 'x01', 1)}]+")


def is_user_id(text: str) -> bool:
    """Whether a token may have this `sub`. `str.isprintable` leaves out Unicode's categories Cc, Cf, Cs, Co, Cn, Zl, Zp, and
    every blank (Zs) but the space.
    """
    return (
        0 < len(text) <= MAX_USER_ID
        and text.isprintable()
        and "<" not in text
        and ">" not in text
        and not (text[0] == " " or text[-1] == " ")
    )


def shown_name(name: str | None) -> str | None:
    """A name that came with a call or a token, without what deceives whoever reads it; None where nothing is left.

    NUL stays: the database refuses it, and a call that brings one is set aside.
    """
    return None if name is None else _deceptive.sub("", name).strip() or None
