"""Telephone numbers in E.164, which identify a customer on every channel with phone numbers."""

from __future__ import annotations

from ...core.accounts import phones

MAX_DIGITS = 20


def e164(number: str) -> str:
    """An international number, with or without its plus sign. What no numbering plan knows keeps its digits; a short
    code or a name in a number's place is left as it is. Raises ValueError for nothing, and for more digits than any number has."""
    number = number.strip()
    if not number:
        raise ValueError("the sender has no number")
    digits = phones.digits(number)
    if not digits:
        return number
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"no number has {len(digits)} digits")
    return phones.e164(digits)
