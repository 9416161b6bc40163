"""An operation of the API, and the request that a call of it makes. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal
from urllib.parse import quote


class _Omit(Enum):
    OMIT = "omit"

    def __repr__(self) -> str:
        return "OMIT"


Omit = Literal[_Omit.OMIT]
OMIT: Final = _Omit.OMIT
"""The default of optional arguments: the field is left out, which differs from `None` (null)."""

Answers = Literal["json", "text", "bytes"]


class Operation:
    """A method and a path with `{}` for each parameter.

    `repeatable`: having it done twice is the same as once, so a call whose answer was lost is repeated. Other calls are repeated
    only if the server refused them (429, 503) or was not reached.
    """

    __slots__ = ("answers", "method", "path", "repeatable")

    def __init__(
        self, method: str, path: str, *, repeatable: bool = False, answers: Answers = "json"
    ) -> None:
        self.method = method
        self.path = path
        self.repeatable = repeatable or method in ("GET", "PUT", "DELETE")
        self.answers: Answers = answers

    def url(self, arguments: tuple[str, ...]) -> str:
        """The path with its parameters. Raises ValueError for one that would name another path."""
        for argument in arguments:
            if argument in ("", ".", ".."):
                raise ValueError(f"{argument!r} is not an id")
        return self.path.format(*(quote(argument, safe="") for argument in arguments))


def query_of(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Query parameters: lists repeat their name, booleans are `true` and `false`, omitted values and None are left out."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if value is OMIT or value is None:
            continue
        several = value if isinstance(value, list | tuple) else (value,)
        found += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in several]
    return found


def body_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The body without omitted values."""
    return {name: value for name, value in values.items() if value is not OMIT}


def new_key() -> str:
    """A key under which a call may be repeated without a second effect."""
    return str(uuid.uuid4())
