"""Reads scenarios: a shipped one by its name, or a TOML file. Errors give the field's path and the expected value."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from . import units
from .model import Scenario

SHIPPED = Path(__file__).parent / "shipped"
MAX_BYTES = 1_000_000
MAX_RECORDED = 1_000_000
"""Arrivals in a recording."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?P<how>contains unknown|missing required) field `(?P<field>[^`]*)`")


class ScenarioError(Exception):
    """Why a scenario cannot be used, as one sentence with the field's path."""


def shipped() -> dict[str, str]:
    """Name → what it is for."""
    return {path.stem: load(path.stem).about for path in sorted(SHIPPED.glob("*.toml"))}


def load(name: str) -> Scenario:
    """The scenario of this name, or in this file. Raises ScenarioError."""
    path = SHIPPED / f"{name}.toml" if re.fullmatch(r"[a-z0-9-]+", name) else Path(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError(f"{path}: larger than {MAX_BYTES:,} bytes")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        if not isinstance(error, FileNotFoundError):
            raise ScenarioError(f"{path} cannot be read: {error}") from None
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
    if "times" in given.get("arrivals", {}):
        raise ScenarioError("arrivals.times: give a file by arrivals.recording")
    try:
        scenario = msgspec.convert(given, Scenario, dec_hook=units.decoded)
    except msgspec.ValidationError as error:
        raise ScenarioError(sentence(str(error))) from None
    if scenario.arrivals.recording is not None:
        times = _recorded(folder / scenario.arrivals.recording)
        arrivals = msgspec.structs.replace(scenario.arrivals, times=times)
        scenario = msgspec.structs.replace(scenario, arrivals=arrivals)
    if found := list(faults(scenario)):
        raise ScenarioError("; ".join(found))
    return scenario


def sentence(error: str) -> str:
    """msgspec's message about a wrong field, with the field's path first."""
    match = _AT.match(error)
    assert match is not None
    path, what = match["path"] or "", match["what"]
    if field := _FIELD.match(what):
        path = f"{path}.{field['field']}".lstrip(".")
        what = "unknown field" if field["how"] == "contains unknown" else "is missing"
    return f"{path}: {what[:1].lower()}{what[1:]}" if path else what


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
    except OSError as error:
        raise ScenarioError(f"arrivals.recording: {error}") from None
    if times != sorted(times):
        raise ScenarioError("arrivals.recording: the times must ascend")
    return times


def faults(scenario: Scenario) -> list[str]:
    """Checks that the types do not express."""
    found, a = [], scenario.arrivals
    if scenario.duration <= 0:
        found.append("duration: must be above 0")
    if scenario.warm_up >= scenario.duration:
        found.append("warm_up: must be below duration")
    if a.curve == "ramp" and a.to is None:
        found.append("arrivals.to: a ramp needs the rate at its end")
    if a.curve == "recording" and a.recording is None:
        found.append("arrivals.recording: names the file")
    if a.curve == "day" and not any(a.hours):
        found.append("arrivals.hours: one must be above 0")
    if a.curve in ("constant", "day") and not a.rate:
        found.append("arrivals.rate: must be above 0")
    for i, kind in enumerate(scenario.customers):
        if kind.edits and kind.channel != "telegram":
            found.append(f"customers[{i}].edits: only customers on telegram can edit")
        if kind.resends and kind.channel != "webchat":
            found.append(f"customers[{i}].resends: only customers on webchat have keys to send again with")
        if kind.stream != "none" and kind.channel != "webchat":
            found.append(f"customers[{i}].stream: only customers on webchat have a stream")
    return found
