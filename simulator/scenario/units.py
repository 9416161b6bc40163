"""Times and rates as people write them in a scenario: `"5m"`, `"48/min"`, or a plain number in seconds or per second."""

from __future__ import annotations

import math
import re
from typing import Any

from .field_errors import shown

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)", re.ASCII)
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|min|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Seconds(float):
    """A time of the model in seconds."""


class PerSecond(float):
    """A rate of the model per second."""


def seconds(text: str | float) -> float:
    """Seconds of `"90s"`, `"5m"`, `"1h"`, or a number. Raises ValueError."""
    if isinstance(text, str) and (match := _TIME.fullmatch(text.strip())):
        return float(match[1]) * _SECONDS[match[2]]
    return _number(text, 'a time such as 30, "90s", "5m" or "1h"')


def per_second(text: str | float) -> float:
    """Events a second of `"48/min"`, `"2/s"`, `"3000/h"`, or a number. Raises ValueError."""
    if isinstance(text, str) and (match := _RATE.fullmatch(text.strip())):
        return float(match[1]) / _SECONDS[match[2]]
    return _number(text, 'a rate such as 2.5 (a second), "48/min" or "3000/h"')


def _number(given: Any, wanted: str) -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"must be {wanted}, not {shown(given)}")
    return value


def decoded(kind: type, given: Any) -> Any:
    """The hook by which msgspec reads these types. Raises ValueError."""
    if kind is Seconds:
        return Seconds(seconds(given))
    if kind is PerSecond:
        return PerSecond(per_second(given))
    raise NotImplementedError(kind)
