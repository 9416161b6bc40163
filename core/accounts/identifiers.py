"""Contact identifiers in their stored form: one spelling per customer, however it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..errors import Invalid
from . import email_addresses, phones
from .records import ChannelType

PHONES: Final[frozenset[ChannelType]] = frozenset({"whatsapp", "sms"})
_USER_NAME: Final = re.compile(r"@|(?:https?://)?(?:t|telegram)\.me/", re.IGNORECASE).match
"""Telegram's user names: bots cannot write to them, and their owners change them."""
_ADDRESS: Final = re.compile(
    r"^\s*(?:(?:whatsapp|sms|rcs|tel|callto|phone|mobile):(?://)?|(?:https?://)?(?:wa\.me/|(?:api|web)\.whatsapp\.com/send/?\?phone=))"
    r"|@(?:s\.whatsapp\.net|c\.us)\s*$|(?:[?&;](?!ext)[a-z-]+=[^\s]*)+\s*$",
    re.IGNORECASE,
)
"""Affixes that make an address of a number: schemes, WhatsApp's links and its programs' own ids, parameters."""
_USER_ID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}").fullmatch
"""WhatsApp's own id of a user whose phone it does not tell: the country, a dot, letters and digits."""


def normalised(channel_type: ChannelType, identifier: str, path: str) -> str:
    """An identifier given by hand, as the providers' calls would give it. Raises Invalid, naming `path`."""
    identifier = identifier.strip()
    if channel_type in PHONES:
        return _phone(channel_type, identifier, path)
    if not identifier:
        raise Invalid("the identifier is empty", errors=((path, "must not be blank"),))
    if channel_type == "telegram" and _USER_NAME(identifier):
        rule = "must be the number of a chat, such as 7777777777; a username is not an identifier"
        raise Invalid("the identifier is not a chat id", errors=((path, rule),))
    return email_address(identifier, path) if channel_type == "email" else identifier


def email_address(text: str, path: str) -> str:
    """The one e-mail address that a text names. Raises Invalid, naming `path`."""
    address = email_addresses.parsed(text)
    if address is None:
        rule = "must be one e-mail address, such as ana@mail.example"
        raise Invalid("the identifier is not an e-mail address", errors=((path, rule),))
    return address


def spellings(channel_type: ChannelType, identifiers: Iterable[str]) -> list[str]:
    """Other identifiers by which the same customer may be known already."""
    if channel_type not in PHONES:
        return []
    return [other for identifier in identifiers for other in phones.variants(identifier)]


def _phone(channel_type: ChannelType, identifier: str, path: str) -> str:
    if channel_type == "whatsapp" and _USER_ID(identifier):
        return identifier
    written = phones.readable(identifier) if len(identifier) <= phones.MAX_WRITTEN else ""
    digits = phones.digits(_ADDRESS.sub("", written).strip())
    if digits and phones.is_possible(found := phones.e164(digits)):
        return found
    raise Invalid(
        "the identifier is not a phone number",
        errors=((path, "must be a phone number with its country code, such as +628123456789"),),
    )
