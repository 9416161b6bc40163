"""How long the fuzzers and other searches look: briefly in the suite, for as many examples as `FUZZ_EXAMPLES` says under `make fuzz`.

A failing input is printed, kept in `.hypothesis/` and tried first the next time. Put it into a test beside the parser it breaks.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
"""Inputs that each test makes up."""

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
"""For each test of `tests/fuzz`. No time is measured: inputs are large on purpose, and the machine may be busy."""


def searched(examples: int, steps: int = 50) -> settings:
    """For a costly search among the unit tests: this many examples in the suite, and under `make fuzz` hundreds."""
    return settings(
        max_examples=max(examples, EXAMPLES // 40),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
