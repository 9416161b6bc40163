"""Replays the events that a reader missed, from recent entries in memory or from Postgres, before live delivery continues.

Replays cost the gateway time and memory, and load the database. So each waits for a slot (`FairSlots`) to read a page, is limited by the
rates of its user and account, and yields to the event loop after every page. A page that its reader does not take is
dropped and read again later: slow readers keep nothing in memory but their queues.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Iterable
from typing import Final, Protocol

import msgspec

from ...actors.gateway.account_feeds import Feed
from ...core.accounts.principal import Principal, Role
from ...core.conversation.entries import Entry, Message
from ...core.views.stream_events import (
    END,
    Cursor,
    Event,
    account_topic,
    conversation_topic,
    encode_event,
    events_of,
)
from .fair_slots import FairSlots
from .session import Frame, Session
from .stream_limits import user_key
from .token_bucket import Rate, TokenBuckets

MAX_REPLAY: Final = 50_000
"""Entries that a replay goes back; a reader further behind must refetch (`reset`)."""
REPLAYS: Final = 4
"""Pages read from Postgres at once."""
REPLAYS_PER_ACCOUNT: Final = 3
REPLAYS_PER_USER: Final = 2
PAGE: Final = 500
LEAST_PAGE: Final = 16
LEAST_COST: Final = 25
"""Entries that a read counts as, at least."""
LONGEST_WAIT: Final = 1.0
"""Seconds between checks whether the reader of a waiting replay is still connected."""


class ReplayPaces(msgspec.Struct, frozen=True, kw_only=True):
    """Entries replayed: per second, and as a burst. Beyond it a replay waits."""

    user: Rate = Rate(10_000, 2 * MAX_REPLAY)
    account: Rate = Rate(40_000, 8 * MAX_REPLAY)
    """For one account at one gateway."""


class ReplayArchive(Protocol):
    """Reads a feed, or some conversations of it."""

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]: ...
    async def read_conversations(
        self, account_id: str, conversations: list[str], after: int, until: int, limit: int
    ) -> list[Entry]: ...


class Replays:
    """All replays of a gateway."""

    def __init__(
        self,
        archive: ReplayArchive,
        *,
        paces: ReplayPaces = ReplayPaces(),  # noqa: B008 - it is immutable
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._archive = archive
        self._sleep = sleep
        self._slots = FairSlots(REPLAYS, per_account=REPLAYS_PER_ACCOUNT, per_user=REPLAYS_PER_USER)
        self._users = TokenBuckets(paces.user, clock=clock)
        self._accounts = TokenBuckets(paces.account, clock=clock)

    async def replay(self, session: Session, feed: Feed, topics: list[str], cursor: Cursor) -> None:
        """Push what came after `cursor`. On return the session is level with live delivery, until the next await."""
        after = cursor.position - 1 if cursor.index < END else cursor.position
        half = session.limit // 2
        begun_at = feed.position
        limit = PAGE
        while session.closing is None:
            await self._keep_pace(session)
            entries, reached = feed.since(after), feed.position
            if entries and after < begun_at and _may_have_moved(entries, topics, begun_at):
                entries = None
            live = entries is not None and len(entries) <= limit
            if entries is None:
                entries, reached = await self._read(session.principal, topics, after, feed.position, limit)
            elif not live:
                entries = entries[:limit]
                reached = entries[-1].position
            self._charge(session.principal, len(entries))
            pushed = self._push(session, entries, topics, cursor, feed.generation, half)
            if pushed < len(entries):
                reached, live = entries[pushed - 1].position, False
                limit = max(LEAST_PAGE, pushed)
                del entries
                await session.room(half)
            elif not live:
                limit = min(PAGE, limit * 2)
                await asyncio.sleep(0)
            after = reached
            if live:
                return

    async def _keep_pace(self, session: Session) -> None:
        principal = session.principal
        while session.closing is None:
            wait = max(self._users.wait(user_key(principal)), self._accounts.wait(principal.account_id))
            if not wait:
                return
            await self._sleep(min(wait, LONGEST_WAIT))

    def _charge(self, principal: Principal, entries: int) -> None:
        cost = max(entries, LEAST_COST)
        self._users.charge(user_key(principal), cost)
        self._accounts.charge(principal.account_id, cost)

    async def _read(
        self, principal: Principal, topics: list[str], after: int, until: int, limit: int
    ) -> tuple[list[Entry], int]:
        """A page of the entries of `topics`, and the position up to which it is complete."""
        account_id = principal.account_id
        threads = [t.removeprefix("conversation:") for t in topics if t.startswith("conversation:")]
        async with self._slots.slot(account_id, user_key(principal)):
            if len(threads) == len(topics):
                page = await self._archive.read_conversations(account_id, threads, after, until, limit)
                return page, page[-1].position if len(page) == limit else until
            page = await self._archive.read(account_id, after, limit)
            return page, page[-1].position if page else until

    def _push(
        self,
        session: Session,
        entries: list[Entry],
        topics: list[str],
        cursor: Cursor,
        generation: str,
        most: int,
    ) -> int:
        """Push entries until `most` bytes are queued; returns how many fitted."""
        for number, entry in enumerate(entries, 1):
            _push_entry(session, entry, topics, cursor, generation)
            if session.queued > most:
                return number
        return len(entries)


def _push_entry(session: Session, entry: Entry, topics: list[str], cursor: Cursor, generation: str) -> None:
    customer = session.principal.role is Role.CUSTOMER
    for event in events_of(entry):
        seen = entry.position < cursor.position or (
            entry.position == cursor.position and event.index <= cursor.index
        )
        if seen or not event.may_reach(session.principal.role):
            continue
        topic = next((t for t in event.topics if t in topics), None)
        if topic is not None:
            shown = event.for_customer() if customer else event
            session.push(event_frame(entry, shown, topic, generation))


def _may_have_moved(entries: Iterable[Entry], topics: Container[str], until: int) -> bool:
    """Whether the reader gets messages up to `until` that were queued for a provider: entries in memory are as of their commit,
    and only the archive has their delivery status. (Entries that arrive meanwhile are as new as live ones.)"""
    return any(
        e.position <= until
        and isinstance(e.data, Message)
        and e.data.delivery_status == "queued"
        and (conversation_topic(e.conversation_id) in topics or account_topic(e.account_id) in topics)
        for e in entries
    )


def event_frame(entry: Entry, event: Event, topic: str, generation: str) -> Frame:
    """An entry's event, as sent to the readers of `topic`."""
    json = encode_event(entry, event, topic, generation)
    return Frame(event.type, json, f"{generation}.{entry.position}.{event.index}")
