"""Vectors as they are stored: a signed byte for each dimension, and which are far above and far below zero, as bits that Postgres compares
without an extension.

A search estimates the cosine from those bits, over all of an account's rows, and ranks the nearest again by the bytes
(docs/decisions/0017-vectors-without-an-extension.md). Any table with a `vector` column and its `vector_signs` can be searched in this way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

DIMENSIONS: Final = 256
"""Dimensions of every stored vector."""
SCALE: Final = 127
MOST: Final = 3
"""The size of a question's largest dimension in its masks; `passages_near` in articles.sql has it too."""


def stored(vector: Sequence[float]) -> bytes:
    """A vector in its stored form, scaled so that its largest dimension is SCALE. Its length is not stored, since cosines do not need
    it."""
    largest = max(map(abs, vector), default=0.0) or 1.0
    return bytes(round(value / largest * SCALE) & 0xFF for value in vector)


def masks(asked: bytes) -> list[bytes]:
    """What a question adds for each bit of a row's signs: MOST + size for dimensions above zero, then MOST - size for those below, size
    from -MOST to MOST. As planes of bits, the lowest first. Dimensions are a multiple of eight."""
    sizes = [round(value / SCALE * MOST) for value in memoryview(asked).cast("b")]
    added = [MOST + size for size in sizes] + [MOST - size for size in sizes]
    planes = ("".join(str(n >> bit & 1) for n in added) for bit in range((2 * MOST).bit_length()))
    return [int(plane, 2).to_bytes(len(added) // 8, "big") for plane in planes]


def cosine(a: bytes, b: bytes) -> float:
    """The cosine of two stored vectors, -1 to 1; 0 if one of them has no length."""
    x, y = memoryview(a).cast("b"), memoryview(b).cast("b")
    length = math.sqrt(sum(n * n for n in x) * sum(n * n for n in y))
    return sum(map(int.__mul__, x, y)) / length if length else 0.0
