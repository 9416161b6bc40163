"""Measurements of tests, printed after the run; workers of a parallel run send theirs to its controller."""

from __future__ import annotations

FIGURES: list[str] = []


def note(what: str, **figures: float) -> None:
    """Record a measurement, to be printed after the run."""
    FIGURES.append(f"{what}: " + ", ".join(f"{k.replace('_', ' ')} {v:.2f}" for k, v in figures.items()))
