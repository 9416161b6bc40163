"""Vectors as they are stored: a signed byte for each dimension, and their signs as bits, which Postgres compares without an extension.

A search counts the signs that differ, over all of an account's rows, and ranks the nearest again by the bytes
(docs/decisions/0017-vectors-without-an-extension.md). Any table with a `signature` and a `vector` column can be searched in this way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

SCALE: Final = 127


class StoredVector(msgspec.Struct, frozen=True):
    """`signature`: 1 for each dimension above zero. `mask`: 1 for each that is not zero. `bytes`: the dimensions, scaled so that
    the largest is SCALE."""

    signature: str
    mask: str
    bytes: bytes


def stored(vector: Sequence[float]) -> StoredVector:
    """A vector in its stored form. Its length is not stored, since cosines do not need it."""
    largest = max(map(abs, vector), default=0.0) or 1.0
    rounded = [round(value / largest * SCALE) for value in vector]
    return StoredVector(
        "".join("1" if value > 0 else "0" for value in rounded),
        "".join("1" if value else "0" for value in rounded),
        bytes(value & 0xFF for value in rounded),
    )


def cosine(a: bytes, b: bytes) -> float:
    """The cosine of two stored vectors, -1 to 1; 0 if one of them has no length."""
    x, y = memoryview(a).cast("b"), memoryview(b).cast("b")
    length = math.sqrt(sum(n * n for n in x) * sum(n * n for n in y))
    return sum(map(int.__mul__, x, y)) / length if length else 0.0
