"""Ids and partitions. A conversation's id contains its partition, so the id alone leads to its host.

Time (ms since the epoch) and randomness (an int) are passed in. UUIDv7 layout: RFC 9562 section 5.7.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

PARTITIONS = 1024
_PARTITION_MASK = PARTITIONS - 1
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its canonical lower-case form."""
    return _UUID(text) is not None


def new_id(now_ms: int, random: int) -> str:
    """A UUIDv7 from a time and at least 74 random bits."""
    return _uuid7(now_ms, (random >> 62) & 0xFFF, random & 0x3FFF_FFFF_FFFF_FFFF)


def new_conversation_id(now_ms: int, random: int, partition: int) -> str:
    """A UUIDv7 whose last ten bits are `partition`."""
    low = (random & 0x3FFF_FFFF_FFFF_FFFF & ~_PARTITION_MASK) | partition
    return _uuid7(now_ms, (random >> 62) & 0xFFF, low)


def _uuid7(now_ms: int, rand_a: int, rand_b: int) -> str:
    h = (0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b).to_bytes(10, "big").hex()
    return f"{_time_part(now_ms)}-{h[:4]}-{h[4:8]}-{h[8:]}"


@lru_cache(maxsize=16)
def _time_part(now_ms: int) -> str:
    h = (now_ms & 0xFFFF_FFFF_FFFF).to_bytes(6, "big").hex()
    return f"{h[:8]}-{h[8:]}"


def partition_of_conversation(conversation_id: str) -> int:
    """The partition (0 … 1023) in the last ten bits of a conversation's id."""
    return int(conversation_id[-3:], 16) & _PARTITION_MASK


def partition_of_thread(account_id: str, channel_id: str, identifier: str, topic: str = "") -> int:
    """The partition (0 … 1023) of a thread key. Stable across processes and releases."""
    key = "\x1f".join((account_id, channel_id, identifier, topic)).encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") & _PARTITION_MASK


def first_id_of(now_ms: int) -> str:
    """The smallest UUIDv7 of a millisecond, as the lower bound of a range of ids."""
    return _uuid7(now_ms, 0, 0)
