"""Files on their way to a provider: what they are, whether they fit its limits, and what is sent in place of one that does not."""

from __future__ import annotations

from typing import Final

from ...core.channels.messages import OutboundFile

MEGABYTE: Final = 1_000_000
"""Bytes. Where a provider means 1,048,576, this is the safer reading."""


def type_of(file: OutboundFile) -> str:
    """The media type without parameters, in lower case; empty where it is unknown."""
    return (file.content_type or "").partition(";")[0].strip().lower()


def fits(file: OutboundFile, megabytes: float) -> bool:
    """Whether a file is at most so large; one of unknown size counts as fitting: the provider will see."""
    return (file.size or 0) <= megabytes * MEGABYTE


def in_place_of(file: OutboundFile) -> str:
    """What the customer is sent where the provider takes no such file: its name and its address."""
    return "\n".join(filter(None, (file.name, file.url)))
