"""Conditions on a run's figures, as `--expect` takes them: `p99(ack)<100ms`, `lost=0`, `abandoned<5%`, `rate(ack)>=200`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

import msgspec

_FORM = re.compile(
    r"\s*(?P<measure>[^<>=!]+?)\s*(?P<op><=|>=|<|>|=|==)\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s|m|min|h|%)?\s*",
    re.ASCII,
)
_CALL = re.compile(r"(?P<how>p\d{1,2}(?:\.\d+)?|mean|max|count|rate)\((?P<what>[^()]+)\)")
_UNITS = {None: 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "%": 0.01}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "==": operator.eq,
}  # fmt: skip

TIMES = ("ack", "delivery", "assign", "wait", "handling", "late", "lag")
PLAIN = ("lost", "duplicated", "reordered", "leaked", "over_capacity", "failed", "refused", "errors", "abandoned", "abandoned_silently", "waited",
         "in_time", "occupancy", "arrived", "served", "acknowledged", "cpu", "foreign")  # fmt: skip
"""`abandoned`, `waited`, `in_time` and `occupancy` are shares; `cpu` is the generator's, of one core."""

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
        raise ExpectationError(
            f"{text!r}: no such measure; there are {', '.join(PLAIN)}, and p50 to p99.9, mean, max, count and rate of {', '.join(TIMES)} or of a request such as POST /v1/webchat/messages"
        )
    if call is not None and call["what"] not in TIMES and not re.fullmatch(r"[A-Za-z]+ \S.*", call["what"]):
        raise ExpectationError(
            f"{text!r}: {call['how']} of what? Times are {', '.join(TIMES)}, requests are named as in the report"
        )
    return Expectation(text.strip(), measure, form["op"], float(form["value"]) * _UNITS[form["unit"]])


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


Measures = Mapping[str, float]
