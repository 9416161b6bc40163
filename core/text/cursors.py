"""Cursors: the end of a page, as clients hold it. Opaque to them, and refused unless exactly as the server wrote it.

The one module that reads and writes cursors. A place is a frozen, array-like struct whose numbers and ids are constrained by
`msgspec.Meta`, so that no value a client made up reaches a query.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar

import msgspec

from ..errors import Invalid

T = TypeVar("T")

LATEST: Final = 253_402_300_800_000_000
"""The end of the year 9999, in μs since the epoch; well within the range of Postgres's timestamps."""
Micros = Annotated[int, msgspec.Meta(ge=0, le=LATEST)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]

_encode: Final = msgspec.json.Encoder().encode


def write(place: Any) -> str:
    """Encode a place as a cursor."""
    return urlsafe_b64encode(_encode(place)).decode().rstrip("=")


def read(text: str, type_: type[T]) -> T:
    """The place that `write` encoded as this text. Raises Invalid, with the path `cursor`, for any other text."""
    try:
        found = _decoder(type_).decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:  # includes the errors of binascii and msgspec
        raise not_ours() from None
    if write(found) != text:
        raise not_ours()
    return found


def not_ours(why: str = "is not a next_cursor of a page") -> Invalid:
    """The error for a forged cursor."""
    return Invalid("the cursor is not valid", errors=(("cursor", why),))


@lru_cache(maxsize=64)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)
