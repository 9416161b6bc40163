"""Reads scenarios: a shipped one by its name, or a TOML file. Errors give the field's path and the expected value."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from . import units
from .arrivals import DAY, Arrivals, expected
from .field_errors import sentence
from .model import Customers, Scenario

SHIPPED = Path(__file__).parent / "shipped"
MAX_BYTES = 1_000_000
LONGEST = 31 * 86_400.0
"""Seconds of the model that a run may last."""
MAX_CUSTOMERS = 1_000_000
"""Of one run; their addresses have six digits for the number."""
MAX_RECORDED = MAX_CUSTOMERS
"""Arrivals in a recording."""


class ScenarioError(Exception):
    """Why a scenario cannot be used, as one sentence with the field's path."""


def shipped() -> dict[str, Scenario]:
    """The scenarios that come with Tertulia, by name."""
    return {path.stem: load(path.stem) for path in sorted(SHIPPED.glob("*.toml"))}


def load(name: str) -> Scenario:
    """The scenario of this name, or in this file. Raises ScenarioError."""
    path = SHIPPED / f"{name}.toml" if re.fullmatch(r"[a-z0-9-]+", name) else Path(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError(f"{path}: larger than {MAX_BYTES:,} bytes")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        if not isinstance(error, FileNotFoundError):
            why = (
                os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "not a text file"
            )
            raise ScenarioError(f"{path} cannot be read: {why}") from None
        known = ", ".join(p.stem for p in sorted(SHIPPED.glob("*.toml")))
        raise ScenarioError(f"there is no scenario {name!r}: name a TOML file, or one of {known}") from None
    try:
        return parsed(text, path.parent)
    except ScenarioError as error:
        raise ScenarioError(f"{name}: {error}") from None


def parsed(text: str, folder: Path = Path()) -> Scenario:
    """A scenario from TOML; a recording's file is looked for in `folder`. Raises ScenarioError."""
    try:
        given: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"not TOML: {error}") from None
    arrivals = given.get("arrivals")
    if isinstance(arrivals, dict) and "times" in arrivals:
        raise ScenarioError("arrivals.times: give a file by arrivals.recording")
    try:
        scenario = msgspec.convert(given, Scenario, dec_hook=units.decoded)
    except msgspec.ValidationError as error:
        raise ScenarioError(sentence(error, given, Scenario)) from None
    if scenario.arrivals.recording is not None:
        times = _recorded(folder / scenario.arrivals.recording)
        arrivals = msgspec.structs.replace(scenario.arrivals, times=times)
        scenario = msgspec.structs.replace(scenario, arrivals=arrivals)
    if found := list(faults(scenario)):
        raise ScenarioError("; ".join(found))
    return scenario


def _recorded(path: Path) -> list[float]:
    times: list[float] = []
    try:
        with path.open() as lines:
            for number, line in enumerate(lines, 1):
                if (text := line.strip()) and not text.startswith("#"):
                    try:
                        times.append(units.seconds(text))
                    except ValueError as error:
                        raise ScenarioError(f"arrivals.recording: line {number} {error}") from None
                if len(times) > MAX_RECORDED:
                    raise ScenarioError(f"arrivals.recording: more than {MAX_RECORDED:,} arrivals")
    except (OSError, UnicodeDecodeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "not a text file"
        raise ScenarioError(f"arrivals.recording: {path} cannot be read: {why}") from None
    if times != sorted(times):
        raise ScenarioError("arrivals.recording: the times must ascend")
    return times


def faults(scenario: Scenario) -> list[str]:
    """Checks that the types do not express."""
    found = []
    if not 0 < scenario.duration <= LONGEST:
        found.append(f"duration: must be above 0 and at most {LONGEST / 86_400:.0f}d")
    if scenario.warm_up >= scenario.duration:
        found.append("warm_up: must be below duration")
    found += _faults_of_arrivals(scenario.arrivals)
    if not found and (many := expected(scenario.arrivals, scenario.duration)) > MAX_CUSTOMERS:
        found.append(
            f"arrivals: {many:,.0f} customers in {scenario.duration:,.0f} s; a run may have {MAX_CUSTOMERS:,}"
        )
    for i, kind in enumerate(scenario.customers):
        found += (f"customers[{i}].{fault}" for fault in _faults_of_customers(kind))
    for i, group in enumerate(scenario.agents):
        times = {"handling": group.handling}
        if group.breaks is not None:
            times |= {"breaks.after": group.breaks.after, "breaks.lasts": group.breaks.lasts}
        found += (
            f"agents[{i}].{name}.mean: must be above 0" for name, time in times.items() if not time.mean
        )
    return found


def _faults_of_arrivals(a: Arrivals) -> Iterator[str]:
    if a.curve == "ramp":
        if a.to is None:
            yield "arrivals.to: a ramp needs the rate at its end"
        elif not (a.rate or a.to):
            yield "arrivals.to: must be above 0 if rate is not"
    elif a.to is not None:
        yield f'arrivals.to: is for curve = "ramp", and it is "{a.curve}"'
    if a.curve == "recording":
        if a.recording is None:
            yield "arrivals.recording: names the file"
        for name, is_given in (("rate", a.rate), ("bursts", a.bursts), ("ramp_up", a.ramp_up)):
            if is_given:
                yield f'arrivals.{name}: curve = "recording" takes the times of the file'
    elif a.recording is not None:
        yield f'arrivals.recording: is for curve = "recording", and it is "{a.curve}"'
    if a.hours != list(DAY) and a.curve != "day":
        yield f'arrivals.hours: is for curve = "day", and it is "{a.curve}"'
    if a.curve == "day" and not any(a.hours):
        yield "arrivals.hours: one must be above 0"
    if a.curve in ("constant", "day") and not a.rate:
        yield "arrivals.rate: must be above 0"


def _faults_of_customers(kind: Customers) -> Iterator[str]:
    if kind.edits and kind.channel != "telegram":
        yield "edits: only customers on telegram can edit"
    if kind.resends and kind.channel != "webchat":
        yield "resends: only customers on webchat have keys to send again with"
    if kind.stream != "none" and kind.channel != "webchat":
        yield "stream: only customers on webchat have a stream"
    if kind.patience is not None and not kind.patience.mean:
        yield "patience.mean: must be above 0; leave patience out for customers who wait for ever"
