"""The gateway's readers: who listens to which topic, and how one that comes back catches up.

Entries arrive in feed order, each is encoded once for each topic it concerns, and pushed to that topic's sessions. A
session joins its topics in the same step of the event loop in which it has caught up, so nothing falls between.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from typing import Any, Protocol

import structlog

from ...actors.feeds import Feed, Feeds
from ...core.customer_views import hint_data
from ...core.entries import Entry, Message, Opened
from ...core.errors import Overloaded
from ...core.events import (
    END,
    Cursor,
    Event,
    account_topic,
    conversation_topic,
    encode_event,
    encode_hint,
    events_of,
    parse_cursor,
)
from ...core.principal import Principal, Role
from ..clock import now_ms
from .session import CloseCode, Frame, Session

log = structlog.get_logger(__name__)

MAX_REPLAY = 50_000
"""Entries a replay goes back. A reader further behind is told to refetch (`reset`)."""
REPLAYS = 4
"""Replays that read from Postgres at once; others wait their turn."""
PAGE = 500
SWEEP = 1.0


class ReplayArchive(Protocol):
    """Reading a feed, or some conversations of it."""

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]: ...
    async def read_conversations(
        self, account_id: str, conversations: list[str], after: int, until: int, limit: int
    ) -> list[Entry]: ...


class Hub:
    """See the module. At most `max_streams` sessions; beyond that Overloaded."""

    def __init__(self, archive: ReplayArchive, *, max_streams: int, send_deadline: float) -> None:
        self._archive = archive
        self._max_streams = max_streams
        self._send_deadline = send_deadline
        self._topics: defaultdict[tuple[str, str], set[Session]] = defaultdict(set)  # by account and topic
        self._followers: defaultdict[tuple[str, str, str], set[Session]] = defaultdict(set)  # by thread
        self._sessions: dict[Session, Feed] = {}
        self._replays = asyncio.Semaphore(REPLAYS)
        self.feeds: Feeds  # set by the composition: feeds and hub know each other
        self.draining = False
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._sessions)

    def staff(self) -> list[Session]:
        """The open streams of people who answer customers."""
        return [session for session in self._sessions if session.principal.is_staff]

    def of_services(self) -> list[Session]:
        """The open streams of api clients."""
        return [session for session in self._sessions if session.principal.role is Role.SERVICE]

    def accounts(self) -> set[str]:
        """Those with open streams."""
        return {feed.account_id for feed in self._sessions.values()}

    def count_by_transport(self) -> Counter[str]:
        """How many sessions there are of each kind."""
        return Counter(session.kind for session in self._sessions)

    # -- delivery

    def on_entry(self, entry: Entry) -> None:
        """Deliver an entry to whoever listens."""
        feed = self.feeds.get(entry.account_id)
        generation = feed.generation if feed else ""
        if isinstance(entry.data, Opened):
            self._lead(entry, entry.data)
        for event in events_of(entry):
            self._deliver(entry, event, generation)

    def _lead(self, entry: Entry, opened: Opened) -> None:
        """A new conversation: the customer's own streams follow it from its first entry."""
        thread = (entry.account_id, opened.channel_id, opened.contact_identifier)
        for session in self._followers.get(thread, ()):
            self._subscribe(session, conversation_topic(entry.conversation_id))

    def _deliver(self, entry: Entry, event: Event, generation: str) -> None:
        topics = self._topics
        reached: set[Session] | None = None
        for topic in event.topics:
            sessions = topics.get((entry.account_id, topic))
            if not sessions:
                continue
            frame = reduced = None  # each is encoded once, and only if somebody gets it
            for session in sessions if reached is None else sessions - reached:
                role = session.principal.role
                if not event.may_reach(role):
                    continue
                if role is Role.CUSTOMER:
                    reduced = reduced or _frame(entry, event.for_customer(), topic, generation)
                    session.push(reduced)
                else:
                    frame = frame or _frame(entry, event, topic, generation)
                    session.push(frame)
            reached = sessions if reached is None else reached | sessions

    def hint(
        self,
        account_id: str,
        type: str,
        data: dict[str, Any],
        topics: Iterable[str],
        conversation_id: str | None,
    ) -> bool:
        """Deliver an event that is no entry; it is never replayed. Whether anybody listens to its topics."""
        feed = self.feeds.get(account_id)
        if feed is None or not feed.started:
            return False
        cursor = Cursor(feed.generation, feed.position, END)
        public = hint_data(type, data)
        reached: set[Session] = set()
        for topic in topics:
            sessions = self._topics.get((account_id, topic), set()) - reached
            if sessions:
                now = now_ms()
                frame = Frame(type, encode_hint(type, data, topic, cursor, now, conversation_id), str(cursor))
                reduced = frame
                if public is not None and public != data:
                    json = encode_hint(type, public, topic, cursor, now, conversation_id)
                    reduced = Frame(type, json, str(cursor))
                for session in sessions:
                    if session.principal.role is not Role.CUSTOMER:
                        session.push(frame)
                    elif public is not None:
                        session.push(reduced)
                reached |= sessions
        return bool(reached)

    # -- coming and going

    async def open(self, session: Session) -> Feed:
        """Let a session in. It hears nothing until it joins topics."""
        if len(self._sessions) >= self._max_streams:
            raise Overloaded("this gateway holds as many streams as it may", retry_after=5)
        feed = await self.feeds.attach(session.principal.account_id)
        self._sessions[session] = feed
        return feed

    def leave(self, session: Session) -> None:
        """Forget a session."""
        feed = self._sessions.pop(session, None)
        self._left.set()
        if feed is not None:
            self.feeds.detach(feed)
        for topic in session.topics:
            self._drop(topic, session)
        session.topics.clear()
        thread = _thread_of(session.principal)
        if (followers := self._followers.get(thread)) is not None:
            followers.discard(session)
            if not followers:
                del self._followers[thread]

    def part(self, session: Session, topics: Iterable[str]) -> None:
        for topic in topics:
            session.topics.discard(topic)
            self._drop(topic, session)

    def _drop(self, topic: str, session: Session) -> None:
        key = (session.principal.account_id, topic)
        sessions = self._topics.get(key)
        if sessions is not None:
            sessions.discard(session)
            if not sessions:
                del self._topics[key]

    async def join(
        self, session: Session, topics: Iterable[str], since: str | None, *, greet: bool = False
    ) -> None:
        """Subscribe, replaying what came after `since` first; `greet` puts the `ready` event before all.

        A cursor from which continuity cannot be proved gets a `reset` event with a fresh one.
        """
        feed = self._sessions[session]
        wanted = [t for t in topics if t not in session.topics]
        now = Cursor(feed.generation, feed.position, END)
        cursor = parse_cursor(since) if since is not None else now
        reachable = cursor is not None and self._reachable(feed, cursor)
        if greet:
            session.push(ready_frame(cursor if cursor is not None and reachable else now))
        if cursor is None or not reachable:
            session.push(reset_frame(now))
        elif since is not None:
            await self._replay(session, feed, wanted, cursor)
        for topic in wanted:
            self._subscribe(session, topic)

    def follow(self, session: Session) -> None:
        """Let a customer's session hear of the conversations of its thread that are yet to come."""
        self._followers[_thread_of(session.principal)].add(session)

    def _subscribe(self, session: Session, topic: str) -> None:
        session.topics.add(topic)
        self._topics[session.principal.account_id, topic].add(session)

    def _reachable(self, feed: Feed, cursor: Cursor) -> bool:
        return (
            cursor.generation == feed.generation
            and feed.kept_from - 1 <= cursor.position <= feed.position
            and feed.position - cursor.position <= MAX_REPLAY
        )

    async def _replay(self, session: Session, feed: Feed, topics: list[str], cursor: Cursor) -> None:
        """Push what came after `cursor`; on return, without a pause since, nothing newer has been delivered live."""
        after = cursor.position - 1 if cursor.index < END else cursor.position
        half = session.limit // 2
        first = True
        while session.closing is None:
            entries, reached = feed.since(after), feed.position
            if first and entries is not None and _may_have_moved(entries, topics):
                entries = None
            first = False
            live = entries is not None
            if entries is None:
                async with self._replays:
                    entries, reached = await self._page(feed.account_id, topics, after, feed.position)
            for entry in entries:
                self._push_replay(session, entry, topics, cursor, feed.generation)
                if session.queued > half:
                    await session.room(half)
                    live = False  # we waited: there may be newer ones by now
            after = reached
            if live:
                return

    async def _page(
        self, account_id: str, topics: list[str], after: int, until: int
    ) -> tuple[list[Entry], int]:
        """A page of what concerns `topics`, and the position up to which it is complete."""
        threads = [t.removeprefix("conversation:") for t in topics if t.startswith("conversation:")]
        if len(threads) == len(topics):
            page = await self._archive.read_conversations(account_id, threads, after, until, PAGE)
            return page, page[-1].position if len(page) == PAGE else until
        page = await self._archive.read(account_id, after, PAGE)
        return page, page[-1].position if page else until

    def _push_replay(
        self, session: Session, entry: Entry, topics: list[str], cursor: Cursor, generation: str
    ) -> None:
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
                session.push(_frame(entry, shown, topic, generation))

    # -- time

    async def main_loop(self) -> None:
        """End the streams whose token ended and cut those that take nothing, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP)
            now, moment = time.time(), loop.time()
            for session in list(self._sessions):
                if session.gone:
                    session.abort()
                elif session.principal.expires_at <= now:
                    session.close(CloseCode.POLICY, "the token has ended")
                elif session.sending_since and moment - session.sending_since > self._send_deadline:
                    session.close(CloseCode.OVERLOADED, "too slow: reconnect with your last event id")
                    session.abort()

    async def drain(self, code: int = CloseCode.DRAINING) -> None:
        """Close every stream; each client resumes elsewhere from the last event id it has."""
        self.draining = True
        for session in list(self._sessions):
            session.close(code, "this server is stopping: reconnect with your last event id")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while self._sessions:
                    self._left.clear()
                    await self._left.wait()


def _thread_of(principal: Principal) -> tuple[str, str, str]:
    return (principal.account_id, principal.channel_id or "", principal.contact_identifier or "")


def _may_have_moved(entries: Iterable[Entry], topics: Container[str]) -> bool:
    """Whether the reader is to be shown messages that were to be sent to a provider: memory has them as they were then,
    and only the archive knows what became of them. (Those that come while it is read are as new as live ones.)"""
    return any(
        isinstance(e.data, Message)
        and e.data.delivery_status == "queued"
        and (conversation_topic(e.conversation_id) in topics or account_topic(e.account_id) in topics)
        for e in entries
    )


def _frame(entry: Entry, event: Event, topic: str, generation: str) -> Frame:
    json = encode_event(entry, event, topic, generation)
    return Frame(event.type, json, f"{generation}.{entry.position}.{event.index}")


def reset_frame(cursor: Cursor) -> Frame:
    """Tells a client to refetch and go on from `cursor`."""
    json = encode_hint("reset", {"cursor": str(cursor)}, "", cursor, now_ms())
    return Frame("reset", json, str(cursor))


def ready_frame(cursor: Cursor) -> Frame:
    """The first event of a stream. No id: a browser must not take it for seen."""
    return Frame("ready", encode_hint("ready", {"cursor": str(cursor)}, "", cursor, now_ms()), None)
