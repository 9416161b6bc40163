"""Cursors: where a page ended, as clients hold it. Opaque to them, and refused unless it is to the letter what we wrote.

The one place that reads and writes them. A place is a frozen, array-like struct whose numbers and ids say by `msgspec.Meta` what they may
be, so that nothing a client made up reaches a query: a cursor comes from a client like everything else.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar

import msgspec

from ..errors import Invalid

T = TypeVar("T")

LATEST: Final = 253_402_300_800_000_000
"""μs since the epoch at the end of the year 9999, which is well within Postgres's timestamps."""
Micros = Annotated[int, msgspec.Meta(ge=0, le=LATEST)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]

_encode: Final = msgspec.json.Encoder().encode


def write(place: Any) -> str:
    """A place as clients hold it."""
    return urlsafe_b64encode(_encode(place)).decode().rstrip("=")


def read(text: str, type_: type[T]) -> T:
    """The place that `write` made this text of. Raises Invalid, with the path `cursor`, for every other text."""
    try:
        found = _decoder(type_).decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:  # so are binascii's errors and msgspec's
        raise not_ours() from None
    if write(found) != text:
        raise not_ours()
    return found


def not_ours(why: str = "is no next_cursor of a page") -> Invalid:
    """How a forged cursor is refused."""
    return Invalid("the cursor is not valid", errors=(("cursor", why),))


@lru_cache(maxsize=64)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)
