"""A wall clock that a test can set, in every Python process that has this folder on its path, each by itself.

The file `<TERTULIA_TEST_CLOCKS>/<process id>` holds by how many seconds the process's clock is ahead; it may change at any
moment. Only `time.time` and `time.time_ns` follow it: what a machine's wrong clock does to its processes, too, but for
the monotonic clock, which none of them can set.
"""

import os
import time

_folder = os.environ.get("TERTULIA_TEST_CLOCKS")
_real_ns = time.time_ns
_ahead_ns, _looked_at = 0, 0
_LOOK_EVERY_NS = 5_000_000


def _ahead() -> int:
    global _ahead_ns, _looked_at
    now = time.monotonic_ns()
    if now - _looked_at > _LOOK_EVERY_NS:
        _looked_at = now
        try:
            with open(f"{_folder}/{os.getpid()}") as file:
                _ahead_ns = int(float(file.read()) * 1e9)
        except FileNotFoundError:
            _ahead_ns = 0
    return _ahead_ns


if _folder:
    time.time_ns = lambda: _real_ns() + _ahead()
    time.time = lambda: time.time_ns() / 1e9
