"""The signature of a segment of the search index: which of its chunks contain a run of characters.

Owns the hash that maps runs of characters to buckets. `search_buckets` in the database maps the words of a search in the same way, so
the two must never differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

CHUNKS: Final = 64
"""Chunks of a segment: the bits of eight bytes."""
BUCKETS: Final = 65_521
"""A prime. A chunk of 256 messages fills 3 to 8 % of them."""
_MODULUS: Final = np.uint64(BUCKETS)
_FACTOR: Final = np.uint64(7919)
_BLANK: Final = 32
_EAST_ASIAN: Final = 0x2E80
"""From here on two characters tell as much as three of other scripts, and runs of three are not kept."""

_Codes = npt.NDArray[np.uint64]
_Mask = npt.NDArray[np.bool_]


def signature(texts: Mapping[int, str]) -> bytes:
    """The signature of chunks with these texts, by their number within the segment. Linear in the texts."""
    contained = np.zeros(BUCKETS, dtype=np.uint64)
    for number, text in texts.items():
        filled = np.zeros(BUCKETS, dtype=bool)
        for buckets in _buckets(text):
            filled[buckets] = True
        contained[np.flatnonzero(filled)] |= np.uint64(1 << (CHUNKS - 1 - number))
    return contained.astype(">u8").tobytes()


def _buckets(text: str) -> list[_Codes]:
    """The buckets of all runs of one, two and three characters without blanks, and of four digits."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    written = codes > _BLANK
    narrow = written & (codes < _EAST_ASIAN)
    digits = (codes >= ord("0")) & (codes <= ord("9"))
    return [
        _runs(codes, allowed, size)
        for size, allowed in ((1, written), (2, written), (3, narrow), (4, digits))
    ]


def _runs(codes: _Codes, allowed: _Mask, size: int) -> _Codes:
    count = max(0, len(codes) - size + 1)
    kept = allowed[:count].copy()
    for at in range(1, size):
        kept &= allowed[at : at + count]
    hashes = np.full(np.count_nonzero(kept), size, dtype=np.uint64)
    for at in range(
        size
    ):  # below 2**61 even for four of the largest characters, so one remainder at the end is enough
        hashes = hashes * _FACTOR + codes[at : at + count][kept]
    return hashes - hashes // _MODULUS * _MODULUS  # several times as fast as numpy's remainder
