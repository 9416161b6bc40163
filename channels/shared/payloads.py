"""Reads providers' JSON, whose shape may change at any time: documents, fields, and lists whose broken parts are set aside.

A problem is a ValueError that names the field; `collect` turns it into a `Faulty` and continues with the next part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from ...core.channels.messages import ChannelEvent, Faulty, Inbound, Media, Sender
from ...core.text.json_checks import nests_deeper
from .text import clean, content

MAX_DEPTH: Final = 64
"""Brackets inside one another, as for the API's own bodies. Providers use about a dozen."""
MAX_VALUES: Final = 100_000
"""Values in a body, about: commas and brackets outside its strings. A call with a thousand messages has 30,000."""
MAX_IDENTIFIER: Final = 255
MAX_PROVIDER_ID: Final = 512
MAX_KEPT: Final = 12_000
"""Bytes of a provider's JSON that a message's metadata keeps."""
_YEAR_10000: Final = 253_402_300_800_000
_DIGITS: Final = re.compile(r"[0-9]{1,15}").fullmatch
_ESCAPES: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*+)((?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u(?:[dD][89a-fA-F][0-9a-fA-F]{2}|0000)){1,4096}+)"
)
"""A run of escapes of a JSON string that may not be storable, pairs kept whole, and the escaped backslashes before it."""
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SEPARATORS: Final = (b",", b"[", b"{")

Object = dict[str, Any]


def document(body: bytes) -> Object:
    """The JSON object of a body, every text in it storable. Raises ValueError."""
    _check_size(body)
    if b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body:
        body = _ESCAPES.sub(_mended, body)
    if nests_deeper(body, MAX_DEPTH):
        raise ValueError(f"the body is JSON nested more than {MAX_DEPTH} deep")
    try:
        found = _loaded(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("the body is not a JSON object")
    return found


def _check_size(body: bytes) -> None:
    """Raises ValueError for more values than any call has: each takes a hundred bytes of memory where it took two here."""
    if sum(map(body.count, _SEPARATORS)) > MAX_VALUES:
        outside = _STRING.sub(b"", body)
        if sum(map(outside.count, _SEPARATORS)) > MAX_VALUES:
            raise ValueError(f"the body has more than {MAX_VALUES} values")


def _loaded(body: bytes) -> Any:
    """orjson accepts only UTF-8; other bytes are replaced."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
    return orjson.loads(text)


def _mended(escapes: re.Match[bytes]) -> bytes:
    """A run of escapes without NUL and halves of surrogate pairs: U+FFFD for each."""
    text = clean(json.loads(b'"%b"' % escapes[2]).replace("\0", "\ufffd"))
    return escapes[1] + json.dumps(text)[1:-1].encode()


def collect(parts: Any, read: Callable[[Object], Iterable[ChannelEvent]]) -> Iterator[ChannelEvent]:
    """The results of `read` for each part of a list. A part in which it finds a fault is set aside; the others continue."""
    if parts is None:
        return
    if not isinstance(parts, list):
        yield Faulty("a list was expected", parts)
        return
    for part in parts:
        try:
            if not isinstance(part, dict):
                raise ValueError("an object was expected")
            found = list(read(part))
        except ValueError as error:
            found = [Faulty(str(error), part)]
        yield from found


def inner(holder: Object, key: str) -> Object:
    """An object, empty where there is none."""
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not an object")
    return value


def string(holder: Mapping[str, Any], key: str) -> str:
    """A text, empty where there is none."""
    value = holder.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is not text")
    return value


def identifier(holder: Mapping[str, Any], key: str, most: int = MAX_PROVIDER_ID) -> str:
    """An id that must be there: text, or a whole number."""
    value = holder.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is missing")
    if len(value) > most:
        raise ValueError(f"{key} is longer than {most} characters")
    return value


def optional(holder: Mapping[str, Any], key: str, most: int = MAX_PROVIDER_ID) -> str | None:
    """An id that may be missing."""
    return None if holder.get(key) in (None, "") else identifier(holder, key, most)


def milliseconds(value: Any, unit: int = 1) -> int | None:
    """A time given as a number or digits, in units of `unit` ms; None unless it is a time before the year 10000."""
    if isinstance(value, str) and _DIGITS(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value * unit if 0 < value * unit < _YEAR_10000 else None


def objects(value: Any) -> list[Object]:
    """The objects in a list of objects; parts of any other form are skipped, since the message does not depend on them."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def kept(value: Any) -> Any:
    """A part of a payload as metadata keeps it: whole, or a note of its size."""
    size = len(orjson.dumps(value))
    return value if size <= MAX_KEPT else {"omitted_bytes": size}


def kind_of(content_type: str | None) -> str:
    """The kind of file that a content type names."""
    first = (content_type or "").partition("/")[0].lower()
    return first if first in ("image", "audio", "video") else "document"


def message(
    provider_id: str,
    sender: Sender,
    said: str,
    content_type: str = "text",
    media: tuple[Media, ...] = (),
    *,
    reply_to: str | None = None,
    at: int | None = None,
    metadata: Object | None = None,
) -> Inbound:
    """A customer's message. One with files is of the kind of the first; one with nothing at all says so."""
    said, notes = content(said)
    if media and content_type == "text":
        content_type = media[0].kind
    if not said and not media:
        said = "[empty message]"
    return Inbound(
        provider_id,
        sender,
        said,
        content_type,
        media,
        reply_to=reply_to,
        at=at,
        metadata={**(metadata or {}), **notes},
    )


def unsupported(kind: str, raw: Any) -> tuple[str, str, Object]:
    """Content, content type and metadata of a message that cannot be shown: visible, and nothing of it lost."""
    return f"[unsupported message: {clean(kind)[:100]}]", "unsupported", {"raw": kept(raw)}


def reaction(said: str) -> tuple[str, Object]:
    """Content and metadata of a reaction, the same on every channel; nothing said: it was taken back."""
    return (said, {}) if said else ("[reaction removed]", {"removed": True})


DELETED: Final = ("[message deleted]", "deleted")
"""Content and content type of a message that the customer took back."""
