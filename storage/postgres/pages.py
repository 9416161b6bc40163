"""Pages by keyset: one row more than asked tells whether there are others, and the last one shown is the place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from ...core.accounts.records import Page, Place


class _Named(Protocol):
    @property
    def id(self) -> str: ...


PendingCommand = TypeVar("PendingCommand", bound=_Named)


def bounds(after: Place | None, limit: int) -> tuple[int | None, str | None, int]:
    """The last parameters of a page's query: time and id of the last row seen, and how many rows."""
    return (after.at, after.id, limit + 1) if after is not None else (None, None, limit + 1)


def page_of(
    rows: Sequence[Any], make: Callable[[Sequence[Any]], PendingCommand], limit: int
) -> Page[PendingCommand]:
    """A page of rows whose first column is their time in microseconds."""
    items = [make(row[1:]) for row in rows[:limit]]
    return Page(items, Place(rows[limit - 1][0], items[-1].id) if len(rows) > limit else None)


def like_pattern(q: str) -> str:
    r"""An ILIKE pattern: the words of `q` in this order with anything between them. `%`, `_` and `\` mean themselves."""
    words = (w.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for w in q.split())
    return f"%{'%'.join(words)}%"
