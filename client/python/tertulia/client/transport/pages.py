"""Lists as iterators: pages are fetched as they are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from .operations import OMIT

Fetch = Callable[[dict[str, Any]], Any]
"""Gets a page: its argument are the query parameters that name it."""
AsyncFetch = Callable[[dict[str, Any]], Awaitable[Any]]


def by_cursor(fetch: Fetch) -> Iterator[Any]:
    """The items of a list whose pages name the next one by `next_cursor`."""
    cursor: Any = OMIT
    while cursor is not None:
        page = fetch({"cursor": cursor})
        yield from page["items"]
        cursor = page["next_cursor"]


def by_seq(fetch: Fetch, after_seq: Any) -> Iterator[Any]:
    """The items of a conversation after a number, oldest first."""
    after = 0 if after_seq is OMIT else after_seq
    more = True
    while more:
        page = fetch({"after_seq": after})
        yield from page["items"]
        more = page["has_more"]
        after = page["items"][-1]["seq"] if page["items"] else after


async def by_cursor_async(fetch: AsyncFetch) -> AsyncIterator[Any]:
    """`by_cursor` for an event loop."""
    cursor: Any = OMIT
    while cursor is not None:
        page = await fetch({"cursor": cursor})
        for item in page["items"]:
            yield item
        cursor = page["next_cursor"]


async def by_seq_async(fetch: AsyncFetch, after_seq: Any) -> AsyncIterator[Any]:
    """`by_seq` for an event loop."""
    after = 0 if after_seq is OMIT else after_seq
    more = True
    while more:
        page = await fetch({"after_seq": after})
        for item in page["items"]:
            yield item
        more = page["has_more"]
        after = page["items"][-1]["seq"] if page["items"] else after
