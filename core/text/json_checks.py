"""Checks of JSON bodies that are made on the bytes, before decoding.

Owns the checks that msgspec does not make: nesting depth, the size of free-form objects, and whether Postgres can store every value.
Each takes time linear in the body and almost no memory; a path is built only for a value that fails.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from .field_errors import quoted

MAX_FREE_FORM: Final = 65_536
"""Bytes of a free-form object (`metadata` …) as sent, whitespace included; a larger one is refused without decoding. Four times its
limit as compact JSON."""
MAX_KEY: Final = 40
"""Characters of a key that a path repeats."""

CHUNK: Final = 65_536
"""Bytes of a body that are processed together, which bounds memory however many strings they contain."""
_LIST: Final = ord("[")
_OBJECT: Final = ord("{")
_ESCAPE: Final = ord("\\")
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))

_NINETEEN_DIGITS: Final = b"0" * 19
_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)
_MOST: Final = b"9223372036854775807"


def _fitting() -> bytes:
    """A regular expression for the 19-digit numbers that fit 64 bits."""
    smaller = (
        b"%s[0-%c][0-9]{%d}" % (_MOST[:at], digit - 1, len(_MOST) - at - 1)
        for at, digit in enumerate(_MOST)
        if digit > ord("0")
    )
    return b"|".join([*smaller, _MOST, b"(?<=-)9223372036854775808"])


_TOO_LONG: Final = re.compile(
    rb"(?<![0-9.eE+])(?<![eE]-)(?!(?:" + _fitting() + rb")(?![0-9]))[0-9]{19,}+(?![.eE])"
)
"""An integer of more than 64 bits, outside strings."""
_ENDLESS: Final = re.compile(rb"(?<![0-9.eE+])(?<![eE]-)[0-9]{1000,}+(?![.eE])")
"""An integer that Python may refuse to convert (`sys.set_int_max_str_digits`), or digits in a string."""


def _outside_strings(body: bytes) -> Iterator[bytes]:
    """The parts of well-formed JSON outside its strings, in pieces."""
    # once escaped backslashes and then escaped quotes are removed, every quote begins or ends a string
    text = body.replace(rb"\\", b"").replace(rb"\"", b"")
    within = 0
    for at in range(0, len(text), CHUNK):
        parts = text[at : at + CHUNK].split(b'"')
        yield b"".join(parts[within::2])
        within ^= (len(parts) - 1) & 1


def is_plain(body: bytes) -> bool:
    """Whether JSON certainly passes the other checks: a flat object without escapes and long numbers, as most bodies are.

    One call, and searches for single bytes: looking for a byte costs a tenth of looking for bytes.
    """
    return (
        _LIST not in body
        and body.rfind(_OBJECT) <= 0
        and _ESCAPE not in body
        and body.translate(_DIGITS_ALIKE).find(_NINETEEN_DIGITS) < 0
    )


def nests_deeper(body: bytes, most: int) -> bool:
    """Whether JSON nests deeper than `most`. For malformed JSON the result is arbitrary, at the same cost."""
    if most > 0 and _LIST not in body and body.rfind(_OBJECT) <= 0:
        return False  # flat: cheaper than to count
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for piece in _outside_strings(body):
        steps = piece.translate(_STEPS, _NOT_BRACKETS)
        if max(accumulate(array("b", steps), initial=depth)) > most:
            return True
        depth += steps.count(b"\x01") - steps.count(b"\xff")
    return False


def open_brackets(text: bytes) -> int:
    """Brackets that a piece of JSON opens and does not close, less those that it closes and does not open. It begins and ends outside
    of strings, as a line does."""
    if b'"' not in text:
        return text.count(b"[") + text.count(b"{") - text.count(b"]") - text.count(b"}")
    return sum(
        steps.count(b"\x01") - steps.count(b"\xff")
        for steps in (piece.translate(_STEPS, _NOT_BRACKETS) for piece in _outside_strings(text))
    )


def oversized(body: bytes, type_: Any, most: int = MAX_FREE_FORM) -> str | None:
    """The field of the struct `type_` whose free-form object has more than `most` bytes in `body`; None if there is none."""
    if len(body) <= most:
        return None
    outline = _outline(type_)
    if outline is None:
        return None
    try:
        found = outline.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None  # the real decoding reports what is wrong
    return next((field for field, raw in msgspec.structs.asdict(found).items() if len(raw) > most), None)


def seems_unstorable(body: bytes) -> bool:
    """Whether well-formed JSON contains a value that cannot be stored, even one that a later duplicate key replaces."""
    if _ESCAPE in body and rb"\u0000" in body and rb"\u0000" in body.replace(rb"\\", b""):
        return True
    # nineteen digits in a row cover two neighbours of every ninth byte, which few bodies have
    if body[::9].translate(_DIGITS_ALIKE).find(b"00") < 0:
        return False
    # mapping all digits to one and searching bytes takes a quarter of a regular expression's time
    if _NINETEEN_DIGITS not in body.translate(_DIGITS_ALIKE):
        return False
    return _TOO_LONG.search(b"".join(_outside_strings(body))) is not None


def unstorable(body: bytes) -> tuple[str, str] | None:
    """The path of the first value that cannot be stored in well-formed JSON, and what is wrong with it."""
    if not seems_unstorable(body):
        return None
    try:
        document = msgspec.json.decode(_ENDLESS.sub(_MOST + b"0", body))
    except msgspec.DecodeError:  # 1e999, in a field that the typed decoding skips
        return "", "contains a number that is out of range"
    return _first_unstorable(document)


def _first_unstorable(document: Any) -> tuple[str, str] | None:
    """Iterative, with one iterator for each level, as clients choose the depth."""
    path: list[str | int] = []
    levels = [_children([document])]
    while levels:
        for key, value in levels[-1]:
            kind = type(value)
            if type(key) is str and "\0" in key:
                return _written([*path, key]), "must not contain NUL"
            if (kind is dict or kind is list) and value:
                path.append(key)
                levels.append(_children(value))
                break
            if kind is str and "\0" in value:
                return _written([*path, key]), "must not contain NUL"
            if kind is int and not -(2**63) <= value < 2**63:
                return _written([*path, key]), "must fit 64 bits"
        else:
            levels.pop()
            if path:
                path.pop()
    return None


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    return iter(value.items()) if type(value) is dict else enumerate(value)


def _written(path: list[str | int]) -> str:
    """A path as errors show it; its first part stands for the document itself."""
    parts = (f".{quoted(part, MAX_KEY)}" if isinstance(part, str) else f"[{part}]" for part in path[1:])
    return quoted("".join(parts).removeprefix("."))


@lru_cache(maxsize=1024)
def _outline(type_: Any) -> msgspec.json.Decoder[Any] | None:
    """A decoder that keeps a body's free-form fields as raw bytes and skips all others; None if the type has none."""
    try:
        hints = get_type_hints(type_)
        fields = [f.encode_name for f in msgspec.structs.fields(type_) if _is_free_form(hints[f.name])]
    except TypeError:
        return None  # not a struct
    if not fields:
        return None
    raw = [(name, msgspec.Raw, msgspec.field(default=msgspec.Raw(b""))) for name in fields]
    return msgspec.json.Decoder(msgspec.defstruct("Outline", raw))


def _is_free_form(hint: Any) -> bool:
    if get_origin(hint) is dict:
        return get_args(hint)[1] is Any
    return any(_is_free_form(arm) for arm in get_args(hint))
