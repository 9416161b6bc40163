"""Decodes JSON bodies and query strings into typed structs, and names the wrong field.

Besides their type, all bodies must be UTF-8 without NUL, at most `MAX_DEPTH` deep, with whole numbers of at most 64 bits, so that
they can be stored in Postgres and encoded as JSON again. Bodies are never repaired. Of duplicate keys the last one counts, at every
level, as in ECMAScript and Postgres's jsonb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from ...core.errors import Invalid, Malformed, UnsupportedMedia
from ...core.text import json_checks
from ...core.text.field_errors import field_error, quoted
from . import body_reading

T = TypeVar("T")

MAX_DEPTH: Final = 64
"""Nested brackets. Less than any JSON library accepts: orjson writes 254."""

MAX_FORM_FIELDS: Final = 100
MAX_ERRORS: Final = 20
"""Wrong query parameters named in one answer."""
_FORM: Final = "application/x-www-form-urlencoded"
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_JSON_TYPE: Final = re.compile(r"application/(?:[a-z0-9.!#$&^_-]+\+)?json", re.IGNORECASE)
USUAL: Final = frozenset({"application/json", "application/json; charset=utf-8"})
_TOO_DEEP: Final = f"the body is nested more than {MAX_DEPTH} deep"
_NOT_VALID: Final = "the body is not valid"
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def check_content_type(request: web.BaseRequest) -> None:
    """Raises UnsupportedMedia if the request has a body that is not declared as JSON in UTF-8."""
    if request.headers.get("Content-Type") in USUAL or not request.body_exists:
        return
    charset = request.charset
    if not _JSON_TYPE.fullmatch(request.content_type) or (charset or "utf-8").lower() not in (
        "utf-8",
        "utf8",
    ):
        raise UnsupportedMedia("the body must be application/json in UTF-8")


async def read(request: web.Request, type_: type[T], *, optional: bool = False) -> T:
    """The body of a request as `type_`. Raises UnsupportedMedia, Malformed, Invalid; aiohttp's 408 and 413 pass.

    `optional`: without a body, `type_` with all its defaults.
    """
    if not optional:
        check_content_type(request)
    body = await body_reading.whole(request, request.client_max_size)
    if optional:
        if not body:
            return type_()
        check_content_type(request)
    if (large := json_checks.oversized(body, type_)) is not None:
        raise Invalid(_NOT_VALID, errors=((large, f"at most {json_checks.MAX_FREE_FORM} bytes"),))
    return decode(body, type_)


async def read_form(request: web.Request, type_: type[T], *, optional: bool = False) -> T:
    """As `read`; a form (application/x-www-form-urlencoded) is read as an object of strings."""
    if request.content_type != _FORM:
        return await read(request, type_, optional=optional)
    try:
        pairs = parse_qsl(
            (await body_reading.whole(request, request.client_max_size)).decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError:
        raise Malformed("the body is not a form in UTF-8") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Malformed("a field of the form is given twice")
    return decode(msgspec.json.encode(fields), type_)


def decode(body: bytes, type_: type[T]) -> T:
    """`body` as `type_`. Raises Malformed (no JSON, too deep) and Invalid (`errors` name the field)."""
    if not body:
        raise Malformed("the request has no body; a JSON document is expected")
    value = _decode(body, type_)
    if json_checks.is_plain(body):
        return value
    if json_checks.nests_deeper(body, MAX_DEPTH):
        raise Malformed(_TOO_DEEP)
    if json_checks.seems_unstorable(body):
        del value  # do not hold the body in memory twice
        wrong = json_checks.unstorable(body)
        if wrong is not None:
            raise Invalid(_NOT_VALID, errors=(wrong,))
        value = _decode(body, type_)
    return value


def decode_head(body: bytes, type_: type[T]) -> T:
    """A few fields of a body, without checking the others: `decode` must follow. Raises Malformed and Invalid."""
    return _decode(body, type_)


def _decode(body: bytes, type_: type[T]) -> T:
    try:
        return _decoder(type_).decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except RecursionError:
        raise Malformed(_TOO_DEEP) from None
    except msgspec.DecodeError as error:
        raise Malformed(_why(body, str(error))) from None


def query(parameters: Mapping[str, str], type_: type[T]) -> T:
    """Query parameters as the struct `type_`: numbers and booleans from text, lists from repetition.

    Raises Invalid for unknown parameters, unless the struct allows unknown fields, and for repeated ones that are not lists.
    """
    lists, texts, numbers = _query_fields(type_), _fields_with(type_, str), _fields_with(type_, int)
    raw: dict[str, str | list[str]] = {}
    errors: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if name not in lists:
            if type_.__struct_config__.forbid_unknown_fields:  # type: ignore[attr-defined]
                errors.append((quoted(name), "unknown parameter"))
        elif not _storable(value):
            errors.append((name, "must not contain NUL or half a surrogate pair"))
        elif name not in texts and value.lower() == "null":
            errors.append((name, "must not be null"))  # which msgspec takes for an absent one
        elif name in numbers and not _WHOLE.fullmatch(value):
            errors.append((name, "must be a whole number"))  # msgspec takes 1e3 for one
        elif lists[name]:
            raw.setdefault(name, []).append(value)  # type: ignore[union-attr]
        elif name in raw:
            errors.append((name, "given more than once"))
        else:
            raw[name] = value
    if errors:
        raise Invalid("the query parameters are not valid", errors=tuple(dict.fromkeys(errors))[:MAX_ERRORS])
    try:
        return msgspec.convert(raw, type_, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), "the query parameters are not valid") from None


class _Decoder(Protocol):
    def decode(self, body: bytes, /) -> Any: ...


@lru_cache(maxsize=1024)
def _decoder(type_: Any) -> _Decoder:
    return msgspec.json.Decoder(type_)


@lru_cache(maxsize=1024)
def _query_fields(type_: Any) -> dict[str, bool]:
    """Parameter name → whether it may be repeated."""
    hints = get_type_hints(type_, include_extras=False)
    return {f.encode_name: _is_list(hints[f.name]) for f in msgspec.structs.fields(type_)}


@lru_cache(maxsize=1024)
def _fields_with(type_: Any, kind: type) -> frozenset[str]:
    """Parameters whose type includes `kind`."""
    hints = get_type_hints(type_)
    return frozenset(f.encode_name for f in msgspec.structs.fields(type_) if _has(hints[f.name], kind))


def _has(hint: Any, kind: type) -> bool:
    return hint is kind or any(_has(arm, kind) for arm in get_args(hint))


def _is_list(hint: Any) -> bool:
    origin = get_origin(hint) or hint
    if origin in (list, tuple, set, frozenset):
        return True
    return any(_is_list(arm) for arm in get_args(hint))


def _invalid(message: str, detail: str = _NOT_VALID) -> Invalid:
    return Invalid(detail, errors=(field_error(message),))


def _why(body: bytes, message: str) -> str:
    # msgspec takes half a surrogate pair at the end of a string for a truncated body
    if _HALF_PAIR.search(body) and ("truncated" in message or "surrogate" in message):
        return "the body holds half a surrogate pair (\\ud800 to \\udfff) or is cut short"
    return message


def _storable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or _encodes(text))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


MAX_METADATA = 16_384
"""Bytes of one object's metadata as JSON."""
