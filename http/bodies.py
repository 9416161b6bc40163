"""From bytes to a typed command: JSON bodies and query strings, and which field was wrong.

Owns what every body must be beside its type: UTF-8, no NUL, at most `MAX_DEPTH` deep, whole numbers of at
most 64 bits; what passes here can be stored in Postgres and written as JSON again. It must never repair a
body. Of a key given twice the last counts, at every level, as in ECMAScript and Postgres's jsonb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from ..core.errors import Invalid, Malformed, UnsupportedMedia
from ..core.misfits import misfit, quoted

T = TypeVar("T")

MAX_DEPTH: Final = 64
"""Brackets inside one another. Below what any JSON library takes: orjson writes 254."""

MAX_FORM_FIELDS: Final = 100
_FORM: Final = "application/x-www-form-urlencoded"
_JSON_TYPE: Final = re.compile(r"application/(?:[a-z0-9.!#$&^_-]+\+)?json", re.IGNORECASE)
USUAL: Final = frozenset({"application/json", "application/json; charset=utf-8"})
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_LONG_NUMBER: Final = b"0" * 19
_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)
_BRACKETS: Final = bytes.maketrans(b"[]{}", b"()()")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def check_content_type(request: web.BaseRequest) -> None:
    """Raises UnsupportedMedia unless a request with a body says that it is JSON in UTF-8."""
    if request.headers.get("Content-Type") in USUAL or not request.body_exists:
        return
    charset = request.charset
    if not _JSON_TYPE.fullmatch(request.content_type) or (charset or "utf-8").lower() not in (
        "utf-8",
        "utf8",
    ):
        raise UnsupportedMedia("the body must be application/json in UTF-8")


async def read(request: web.Request, type_: type[T], *, optional: bool = False) -> T:
    """The body of a request as `type_`. Raises UnsupportedMedia, Malformed, Invalid; aiohttp's 413 passes.

    `optional`: where there is no body, all of `type_`'s defaults.
    """
    if not optional:
        check_content_type(request)
    content = request.content
    if content.is_eof() and content.total_bytes <= request.client_max_size:
        body = content.read_nowait()  # all of it has come: nothing to wait for
    else:
        body = await request.read()
    if optional:
        if not body:
            return type_()
        check_content_type(request)
    return decode(body, type_)


async def read_form(request: web.Request, type_: type[T], *, optional: bool = False) -> T:
    """As `read`; a form (application/x-www-form-urlencoded) is taken as an object of strings."""
    if request.content_type != _FORM:
        return await read(request, type_, optional=optional)
    try:
        pairs = parse_qsl(
            (await request.read()).decode(),
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
    try:
        value = _decoder(type_).decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except RecursionError:
        raise Malformed(f"the body is nested more than {MAX_DEPTH} deep") from None
    except msgspec.DecodeError as error:
        raise Malformed(_why(body, str(error))) from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth_exceeds(body, MAX_DEPTH):
        raise Malformed(f"the body is nested more than {MAX_DEPTH} deep")
    # digits made alike and looked for as bytes: a quarter of a regular expression's time
    if b"\\u0000" in body or _LONG_NUMBER in body.translate(_DIGITS_ALIKE):
        _refuse_unstorable(msgspec.json.decode(body))
    return value


def query(parameters: Mapping[str, str], type_: type[T]) -> T:
    """Query parameters as the struct `type_`: numbers and booleans from text, lists from repetition.

    Raises Invalid naming the parameter: unknown ones, and those given twice that are no list.
    """
    lists = _query_fields(type_)
    raw: dict[str, str | list[str]] = {}
    errors: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if name not in lists:
            errors.append((quoted(name), "unknown parameter"))
        elif not _storable(value):
            errors.append((name, "must not contain NUL or half a surrogate pair"))
        elif lists[name]:
            raw.setdefault(name, []).append(value)  # type: ignore[union-attr]
        elif name in raw:
            errors.append((name, "given more than once"))
        else:
            raw[name] = value
    if errors:
        raise Invalid("the query parameters are not valid", errors=tuple(dict.fromkeys(errors)))
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


def _is_list(hint: Any) -> bool:
    origin = get_origin(hint) or hint
    if origin in (list, tuple, set, frozenset):
        return True
    return any(_is_list(arm) for arm in get_args(hint))


def _invalid(message: str, detail: str = "the body is not valid") -> Invalid:
    return Invalid(detail, errors=(misfit(message),))


def _why(body: bytes, message: str) -> str:
    # msgspec takes half a surrogate pair at the end of a string for a body cut short
    if _HALF_PAIR.search(body) and ("truncated" in message or "surrogate" in message):
        return "the body holds half a surrogate pair (\\ud800 to \\udfff) or is cut short"
    return message


def _depth_exceeds(body: bytes, most: int) -> bool:
    """Whether well-formed JSON nests deeper than `most`. A pass takes away the innermost brackets, in C."""
    rest = _STRING.sub(b"", body).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(most):
        rest = rest.replace(b"()", b"")
        if not rest:
            return False
    return True


def _refuse_unstorable(document: Any) -> None:
    for path, value in _walk(document):
        if isinstance(value, str) and not _storable(value):
            raise Invalid("the body is not valid", errors=((quoted(path), "must not contain NUL"),))
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise Invalid("the body is not valid", errors=((quoted(path), "must fit 64 bits"),))


def _walk(document: Any) -> Iterator[tuple[str, Any]]:
    """Every string, key and number with its path; a loop, as depth is the client's choice."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            for key, child in value.items():
                inner = f"{path}.{key}" if path else key
                yield inner, key
                waiting.append((inner, child))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{n}]", child) for n, child in enumerate(value))
        else:
            yield path, value


def _storable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or _encodes(text))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
