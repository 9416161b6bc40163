"""Customers' addresses on each channel. They name the run and the customer's number, so every worker knows whose they are."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from ..scenario.model import Channel

PHONES = "+8839"
"""Of the numbers for international networks, those that nobody has assigned: no real customer can have one, and be erased with the run's."""
ACCOUNTS = "999"
"""Begins ids of 15 digits. Telegram's have up to 10, and Messenger's 16 and more."""


def _digits(run: str, count: int) -> str:
    return f"{zlib.crc32(run.encode()) % 10**count:0{count}}"


def identifier(channel: Channel, run: str, number: int) -> str:
    """The address of a customer."""
    if channel == "webchat":
        return f"sim-{run}-{number}"
    if channel == "email":
        return f"sim-{run}-{number}@customers.example"
    return f"{_numbered(channel, run)}{number:06}"


def common(channel: Channel, run: str) -> str:
    """What the addresses of all customers of a run on a channel have in common, to look for."""
    return f"sim-{run}" if channel in ("webchat", "email") else _numbered(channel, run)


def _numbered(channel: Channel, run: str) -> str:
    return PHONES + _digits(run, 5) if channel in ("whatsapp", "sms") else ACCOUNTS + _digits(run, 6)


def reader(run: str) -> Callable[[str], int | None]:
    """A function from an address to the customer's number, None for those of others."""
    named = re.compile(rf"sim-{re.escape(run)}-(\d{{1,6}})(?:@.*)?", re.ASCII)
    phone, account = re.escape(_numbered("sms", run)), re.escape(_numbered("telegram", run))
    numbered = re.compile(rf"(?:\+?{phone.removeprefix(re.escape('+'))}|{account})(\d{{6}})", re.ASCII)

    def number_of(address: str) -> int | None:
        found = named.fullmatch(address) or numbered.fullmatch(address)
        return None if found is None else int(found[1])

    return number_of
