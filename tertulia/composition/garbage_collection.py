"""How the server's processes collect garbage: seldom, as reference counting frees nearly all of it."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 100)
"""With Python's own (700, 10, 10) the objects of a few requests under way are walked again and again."""


def calm_garbage_collector() -> None:
    """Leave what is loaded by now to live as long as the process, and look for cycles far less often.

    Reference counting frees what requests and turns leave behind; cycles come from failures and closed connections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
