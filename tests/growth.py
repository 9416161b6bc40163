"""Measures how a function's cost grows with its input: CPU time at n and 4 n, and memory at n, or at n / 4 for many inputs.

From n to 4 n, quadratic cost grows 16-fold and linear cost 4-fold. The limit between them is 8, so that a busy machine does
not fail the test. Choose n so that 4 n is about the largest input that reaches the function.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sized
from typing import Any

MOST_GROWTH = 8.0
"""The limit: how many times as much four times the input may cost."""
FLOOR = 0.0005
"""Seconds of CPU below which a measurement says nothing."""
REPEATS = 5
CLEARLY = 1.5
"""How far below the limit a cost must be to be believed before `REPEATS` measurements."""
MOST_REPEATS = 20
PATIENCE = 3.0
"""Seconds, and repeats at least, when the cost seems to grow too fast, but not `CLEARLY`: other processes share the caches for a while, and
only the least time counts."""
MOST_MEMORY = 24.0
"""The most bytes allocated at a time for each byte (or character) of input, plus `BASE`."""
BASE = 250_000
SMALL_BASE = 32_000
"""The same at n / 4. A list of single characters takes some 90 bytes a character, which a larger one would hide."""


def assert_linear(
    function: Callable[[Any], object],
    make: Callable[[int], Sized],
    n: int,
    *,
    memory: float = MOST_MEMORY,
    refuses: type[BaseException] | tuple[type[BaseException], ...] = (),
    clock: Callable[[], float] = time.thread_time,
    base: int = BASE,
) -> None:
    """Fails unless `function(make(k * n))` costs time linear in k, and at n at most `memory` bytes a byte of input.

    `refuses`: errors by which the function may end; refusing has to be as cheap as taking. `clock`: another than this thread's
    CPU time, where the work is another process's. `base`: bytes that any input may cost.
    """

    def run(value: Sized) -> None:
        try:
            function(value)
        except refuses:
            pass

    _check_time(run, make, n, clock)
    _check_memory(run, make(n), memory, base)


def _check_time(
    run: Callable[[Any], object],
    make: Callable[[int], Sized],
    n: int,
    clock: Callable[[], float] = time.thread_time,
) -> None:
    inputs = [make(n), make(4 * n)]
    run(inputs[0])  # caches and imports
    best = [float("inf")] * 2
    gc.disable()  # a collection in the middle of a measurement would look at all that the tests hold
    try:
        until = time.monotonic() + PATIENCE
        repeat = -1
        while (repeat := repeat + 1) < MOST_REPEATS or time.monotonic() < until:
            for at, value in enumerate(inputs):
                began = clock()
                run(value)
                best[at] = min(best[at], clock() - began)
            margin = CLEARLY if repeat + 1 < REPEATS else 1.0
            limit = MOST_GROWTH * max(best[0], FLOOR)
            if best[1] * margin <= limit or (repeat + 1 >= MOST_REPEATS and best[1] > CLEARLY * limit):
                break
    finally:
        gc.enable()
    small, large = best
    figures = f"{small * 1e3:.2f}, {large * 1e3:.2f} ms at {n}, {4 * n}"
    assert large <= MOST_GROWTH * max(small, FLOOR), f"grows faster than its input: {figures}"


def _check_memory(run: Callable[[Any], object], value: Sized, most: float, base: int) -> None:
    tracemalloc.start()
    try:
        run(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = len(value)
    assert peak <= most * size + base, f"{peak} bytes for an input of {size}"


def assert_all_linear(
    function: Callable[[Any], object],
    makers: Mapping[str, Callable[[int], Sized]],
    n: int,
    *,
    memory: float = MOST_MEMORY,
    refuses: type[BaseException] | tuple[type[BaseException], ...] = (),
    base: int = SMALL_BASE,
) -> None:
    """`assert_linear` for each of many inputs. Only time that two single runs do not show to be linear is measured with care. Memory is
    measured of every input, however fast it is read, and at n / 4, since tracing slows a function several times."""

    def run(value: Sized) -> None:
        try:
            function(value)
        except refuses:
            pass

    def timed(value: Sized) -> float:
        began = time.thread_time()
        run(value)
        return time.thread_time() - began

    faults = []
    for name, make in makers.items():
        seconds = timed(make(4 * n))
        try:
            if seconds > MOST_GROWTH * FLOOR and seconds * CLEARLY > MOST_GROWTH * timed(make(n)):
                _check_time(run, make, n)
            _check_memory(run, make(max(1, n // 4)), memory, base)
        except AssertionError as error:
            faults.append(f"{name}: {error}")
    assert not faults, "\n".join(faults)
