"""Telephone numbers in E.164, by which a customer is known on every channel that has them."""

from __future__ import annotations

import re

import phonenumbers


def e164(number: str) -> str:
    """An international number, with or without its plus sign. What no numbering plan knows keeps its digits; a short
    code or a name in a number's place is left as it is. Raises ValueError for nothing, and for more digits than any number has."""
    number = number.strip()
    if not number:
        raise ValueError("the sender has no number")
    if not re.fullmatch(r"\+?[ ().-]*+[0-9][0-9 ().-]*+", number):
        return number
    digits = re.sub(r"[^0-9]", "", number)
    if len(digits) > 20:
        raise ValueError(f"no number has {len(digits)} digits")
    try:
        return phonenumbers.format_number(
            phonenumbers.parse("+" + digits), phonenumbers.PhoneNumberFormat.E164
        )
    except phonenumbers.NumberParseException:
        return "+" + digits
