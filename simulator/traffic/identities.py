"""Customers' addresses on each channel. They name the run and the customer's number, so every worker knows whose they are."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from ..scenario.model import Channel


def _digits(run: str) -> str:
    return f"{zlib.crc32(run.encode()) % 100:02}"


def identifier(channel: Channel, run: str, number: int) -> str:
    """The address of a customer. Telephone numbers are German mobile numbers that no operator has given out."""
    if channel == "webchat":
        return f"sim-{run}-{number}"
    if channel == "email":
        return f"sim-{run}-{number}@customers.example"
    if channel in ("whatsapp", "sms"):
        return f"+49151{_digits(run)}{number:06}"
    return f"77{_digits(run)}{number:06}"


def reader(run: str) -> Callable[[str], int | None]:
    """A function from an address to the customer's number, None for those of others."""
    named = re.compile(rf"sim-{re.escape(run)}-(\d{{1,6}})(?:@.*)?")
    dialled = re.compile(rf"(?:\+?49151|77){_digits(run)}(\d{{6}})")

    def number_of(address: str) -> int | None:
        found = named.fullmatch(address) or dialled.fullmatch(address)
        return None if found is None else int(found[1])

    return number_of
