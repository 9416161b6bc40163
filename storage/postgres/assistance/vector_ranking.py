"""Ranks stored vectors by their cosines with a question's, thousands at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def nearest(asked: bytes, vectors: Sequence[bytes], limit: int) -> list[int]:
    """The places of the `limit` vectors with the greatest cosines, best first; of equal ones the first. All have `asked`'s dimensions,
    as signed bytes."""
    if not vectors:
        return []
    rows = np.frombuffer(b"".join(vectors), np.int8).reshape(len(vectors), len(asked)).astype(np.float32)
    lengths = np.maximum(np.linalg.norm(rows, axis=1), 1.0)
    cosines = rows @ np.frombuffer(asked, np.int8).astype(np.float32) / lengths
    return np.argsort(-cosines, kind="stable")[:limit].tolist()
