"""Garbage collection of the server's processes: rare, since reference counting frees nearly everything."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 100)
"""Python's defaults (700, 10, 10) scan the objects of requests under way again and again."""


def calm_garbage_collector() -> None:
    """Exempt what is loaded so far from collection, and look for cycles far less often.

    Reference counting frees what requests and turns leave behind. Cycles come from failures and closed connections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
