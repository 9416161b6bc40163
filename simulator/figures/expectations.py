"""Conditions on a run's figures, as `--expect` takes them: `p99(ack)<100ms`, `lost=0`, `abandoned<5%`, `rate(ack)>=200`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from difflib import get_close_matches

import msgspec

_FORM = re.compile(
    r"\s*(?P<measure>[^<>=!]+?)\s*(?P<op><=|>=|<|>|=|==)\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s|m|min|h|%|/s)?\s*",
    re.ASCII,
)
_CALL = re.compile(r"(?P<how>p[1-9]\d?(?:\.\d+)?|mean|max|count|rate)\((?P<what>[^()]+)\)")
_UNITS = {
    None: 1.0,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "%": 0.01,
    "/s": 1.0,
}
_TIMES = frozenset({"us", "ms", "s", "m", "min", "h"})
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "==": operator.eq,
}  # fmt: skip

TIMES = ("ack", "delivery", "assign", "wait", "handling", "late", "lag")
PLAIN = ("lost", "duplicated", "reordered", "leaked", "over_capacity", "failed", "refused", "errors", "abandoned", "abandoned_silently", "waited",
         "in_time", "occupancy", "arrived", "served", "acknowledged", "cpu", "foreign", "unfinished", "reconnects", "reassigned")  # fmt: skip
SHARES = frozenset({"abandoned", "abandoned_silently", "waited", "in_time", "occupancy", "cpu"})
"""`cpu` is the generator's, of one core."""

ALWAYS = (
    "lost=0",
    "duplicated=0",
    "reordered=0",
    "leaked=0",
    "over_capacity=0",
    "failed=0",
    "acknowledged>0",
)
"""Holds for every run unless a condition on the same measure replaces it."""


class ExpectationError(Exception):
    """Why a condition is not understood, as one sentence."""


class Expectation(msgspec.Struct, frozen=True):
    """`measure` is the name under which the report has the figure; times are in seconds, shares in 0 to 1."""

    text: str
    measure: str
    compare: str
    value: float


class Verdict(msgspec.Struct, frozen=True):
    text: str
    value: float | None
    holds: bool


def parsed(text: str) -> Expectation:
    """Raises ExpectationError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ExpectationError(f"{text!r} is not like p99(ack)<100ms, lost=0 or abandoned<5%")
    measure = re.sub(r"\s*([()])\s*", r"\1", form["measure"])
    call = _CALL.fullmatch(measure)
    if call is None and measure not in PLAIN:
        raise ExpectationError(f"{text!r}: no such measure; {_those_there_are(measure)}")
    if call is not None and call["what"] not in TIMES and not re.fullmatch(r"[A-Za-z]+ \S.*", call["what"]):
        raise ExpectationError(
            f"{text!r}: {call['how']} of what? Times are {', '.join(TIMES)}, requests are named as in the report"
        )
    value, unit = float(form["value"]), form["unit"]
    if fault := _fault_of_unit(measure, call and call["how"], value, unit):
        raise ExpectationError(f"{text!r}: {fault}")
    return Expectation(text.strip(), measure, form["op"], value * _UNITS[unit])


def _those_there_are(measure: str) -> str:
    if near := get_close_matches(measure, PLAIN, n=1):
        return f"do you mean {near[0]}?"
    return (
        f"there are {', '.join(PLAIN)}, and p1 to p99.9, mean, max, count and rate of {', '.join(TIMES)} or of a request such as POST"
        " /v1/webchat/messages"
    )


def _fault_of_unit(measure: str, how: str | None, value: float, unit: str | None) -> str:
    """A value without the unit that it needs would make a condition that always holds, or never."""
    if how is not None and how not in ("count", "rate"):
        return "" if unit in _TIMES else f"{measure} is a time: say {value:g}ms or {value:g}s"
    if measure in SHARES:
        is_share = unit == "%" or (unit is None and value <= 1)
        return "" if is_share else f"{measure} is a share: say {value:g}% or a number from 0 to 1"
    if unit is None or (unit == "/s" and how == "rate"):
        return ""
    return f"{measure} is {'a number a second' if how == 'rate' else 'a count'}, without {unit}"


def all_of(given: list[str]) -> list[Expectation]:
    """The given ones, and those of ALWAYS that they do not replace. Raises ExpectationError."""
    own = [parsed(text) for text in given]
    replaced = {e.measure for e in own}
    return [e for text in ALWAYS if (e := parsed(text)).measure not in replaced] + own


def judged(expectations: list[Expectation], measured: Callable[[str], float | None]) -> list[Verdict]:
    """An expectation whose figure was never measured fails."""
    verdicts = []
    for e in expectations:
        value = measured(e.measure)
        verdicts.append(Verdict(e.text, value, value is not None and _COMPARE[e.compare](value, e.value)))
    return verdicts


def call_of(measure: str) -> tuple[str, str] | None:
    """`p99(ack)` as its function and what it is of."""
    call = _CALL.fullmatch(measure)
    return call and (call["how"], call["what"])
