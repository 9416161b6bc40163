"""Keyset pagination: one extra row tells whether there is another page, and the last row shown is the place to continue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from ...core.accounts.records import Page, Place


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=_Named)


def bounds(after: Place | None, limit: int) -> tuple[int | None, str | None, int]:
    """The last parameters of a page's query: time and id of the last row seen, and the number of rows."""
    return (after.at, after.id, limit + 1) if after is not None else (None, None, limit + 1)


def page_of(rows: Sequence[Any], make: Callable[[Sequence[Any]], Item], limit: int) -> Page[Item]:
    """A page from rows whose first column is the time in microseconds."""
    items = [make(row[1:]) for row in rows[:limit]]
    return Page(items, Place(rows[limit - 1][0], items[-1].id) if len(rows) > limit else None)


def like_pattern(q: str) -> str:
    r"""An ILIKE pattern: the words of `q` in order, with anything between them. `%`, `_` and `\` are literal."""
    words = (w.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for w in q.split())
    return f"%{'%'.join(words)}%"
