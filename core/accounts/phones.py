"""Telephone numbers: one spelling (E.164) for each, and the other spellings that providers use for the same subscriber.

Pure functions over short texts. Nothing here decides that two numbers are one customer: `variants` says which numbers are
worth looking up.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import phonenumbers

from ..text.normalization import normalized

_INVISIBLE: Final = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Marks of writing direction and of width zero, which address books and spreadsheets put around numbers."""
_BETWEEN: Final = r" ().\-/_~\u00b7\u2010-\u2015\u2022\u2027\u2212\u30fb"
"""Characters that people write between digits."""
_NUMBER: Final = re.compile(rf"[{_BETWEEN}]*+\+?\+?[{_BETWEEN}]*+[0-9][0-9{_BETWEEN}]*+").fullmatch
_ABROAD: Final = re.compile(r"00(?:11)?|011")
"""International dialling prefixes: 00; 011 in North America, 0011 in Australia. No country's code begins with 0 or with 11."""
_ZEROS: Final = re.compile(r"00(?:11)?")
"""The prefix behind a plus sign, which says the same once more."""
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
MAX_WRITTEN: Final = 255
"""Characters that a number may be written with."""


def digits(text: str) -> str | None:
    """Country code and number, in ASCII digits; None if it is not a number. An international dialling prefix counts as a plus sign."""
    if len(text) > MAX_WRITTEN:
        return None
    text = readable(text).strip()
    if not _NUMBER(text):
        return None
    found = _NOT_DIGITS.sub("", text)
    dialled = (_ABROAD if "+" not in text else _ZEROS).match(found)
    return found if dialled is None else found[dialled.end() :]


def readable(text: str) -> str:
    """A text with its digits in ASCII, and without invisible characters."""
    text = normalized("NFKC", _INVISIBLE.sub("", text))
    return "".join(c if c.isascii() else str(unicodedata.decimal(c, c)) for c in text)


def e164(number: str) -> str:
    """Digits as E.164, without a national prefix. What no numbering plan knows keeps its digits."""
    if _ARGENTINE(number):
        number = "54" + number[3:]
    try:
        parsed = phonenumbers.parse("+" + number)
    except phonenumbers.NumberParseException:
        return "+" + number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


_ARGENTINE: Final = re.compile(r"549(?:11|[23][0-9]{2,3})15[0-9]{6,8}").fullmatch
"""A mobile number of Argentina with both marks, the 9 from abroad and the 15 from within; a number has one."""


def is_possible(number: str) -> bool:
    """Whether the numbering plans allow an E.164 number, or another spelling of it."""
    return any(_fits_its_plan(spelling) for spelling in (number, *variants(number)))


def _fits_its_plan(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def variants(number: str) -> tuple[str, ...]:
    """Other E.164 spellings of a mobile number: with and without what its country's plan added to older numbers.

    Brazil's ninth digit (not before 2 to 5, with which landlines begin), Mexico's 1, Argentina's 9, Benin's 01, and the
    operators' prefixes of Côte d'Ivoire.
    """
    for code, other in _PLANS.items():
        if number.startswith(code):
            found = other(number.removeprefix(code))
            return (code + found,) if found else ()
    return ()


def _brazil(rest: str) -> str | None:
    area, local = rest[:2], rest[2:]
    if len(local) == 9 and local[0] == "9" and local[1] not in _LANDLINES:
        return area + local[1:]
    return f"{area}9{local}" if len(local) == 8 and local[0] not in _LANDLINES else None


def _mexico(rest: str) -> str | None:
    if len(rest) == 11 and rest[0] == "1":
        return rest[1:]
    return f"1{rest}" if len(rest) == 10 else None


def _argentina(rest: str) -> str | None:
    if len(rest) == 11 and rest[0] == "9":
        return rest[1:]
    return f"9{rest}" if len(rest) == 10 else None


def _benin(rest: str) -> str | None:
    if len(rest) == 10 and rest.startswith("01"):
        return rest[2:]
    return f"01{rest}" if len(rest) == 8 else None


def _ivory_coast(rest: str) -> str | None:
    """Since 2021 mobile numbers begin with 01, 05 or 07, by operator, which the second digit of old numbers identifies."""
    if len(rest) == 10 and rest[:2] in ("01", "05", "07"):
        return rest[2:]
    operator = _OPERATORS.get(rest[1]) if len(rest) == 8 and rest[0] not in "23" else None
    return operator + rest if operator else None


_LANDLINES: Final = "02345"
_OPERATORS: Final = {d: p for p, ds in (("01", "123"), ("05", "456"), ("07", "789")) for d in ds}
_PLANS: Final = {"+55": _brazil, "+52": _mexico, "+54": _argentina, "+229": _benin, "+225": _ivory_coast}
