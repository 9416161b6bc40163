"""The gateway's stream sessions by topic, and how a returning session catches up.

Entries arrive in feed order; each is encoded once per topic that it concerns and pushed to the topic's sessions. A
session joins its topics in the same step of the event loop in which it has caught up, so nothing falls between.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import structlog

from ...actors.clock import now_ms
from ...actors.gateway.account_feeds import Feed, Feeds
from ...core.accounts.principal import Principal, Role
from ...core.conversation.entries import Entry, Opened
from ...core.errors import Conflict
from ...core.views.customers import hint_data
from ...core.views.stream_events import (
    END,
    Cursor,
    Event,
    conversation_topic,
    encode_hint,
    events_of,
    parse_cursor,
)
from .lookups import lookup_slots
from .replays import MAX_REPLAY, ReplayArchive, Replays, event_frame
from .session import CloseCode, Frame, SendFrame, Session
from .stream_limits import StreamCounts, StreamLimits
from .topics import MAX_TOPICS

log = structlog.get_logger(__name__)

SWEEP = 1.0


class Hub:
    """The sessions of one gateway: at most `max_streams`, and of each user, account and address as many as `limits` allow."""

    def __init__(
        self,
        archive: ReplayArchive,
        *,
        max_streams: int,
        send_deadline: float,
        heartbeat: float = 15.0,
        limits: StreamLimits | None = None,
    ) -> None:
        self.counts = StreamCounts(limits or StreamLimits(gateway=max_streams))
        self.lookups = lookup_slots()
        self._replays = Replays(archive)
        self._send_deadline = send_deadline
        self._heartbeat = heartbeat
        self._topics: defaultdict[tuple[str, str], set[Session]] = defaultdict(set)  # by account and topic
        self._followers: defaultdict[tuple[str, str, str], set[Session]] = defaultdict(set)  # by thread
        self._sessions: dict[Session, Feed] = {}
        self.feeds: Feeds  # set by the composition: feeds and hub know each other
        self.draining = False
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._sessions)

    def staff(self) -> list[Session]:
        """The open streams of people who answer customers."""
        return [session for session in self._sessions if session.principal.is_staff]

    def of_services(self) -> list[Session]:
        """The open streams of API clients."""
        return [session for session in self._sessions if session.principal.role is Role.SERVICE]

    def accounts(self) -> set[str]:
        """The accounts with open streams."""
        return {feed.account_id for feed in self._sessions.values()}

    def count_by_transport(self) -> Counter[str]:
        """The number of sessions of each kind."""
        return Counter(session.kind for session in self._sessions)

    # -- delivery

    def on_entry(self, entry: Entry) -> None:
        """Deliver an entry to the sessions of its topics."""
        feed = self.feeds.get(entry.account_id)
        generation = feed.generation if feed else ""
        if isinstance(entry.data, Opened):
            self._lead(entry, entry.data)
        for event in events_of(entry):
            self._deliver(entry, event, generation)

    def _lead(self, entry: Entry, opened: Opened) -> None:
        """Subscribe a customer's streams to their new conversation, from its first entry."""
        thread = (entry.account_id, opened.channel_id, opened.contact_identifier)
        for session in self._followers.get(thread, ()):
            if len(session.topics) >= MAX_TOPICS:
                self.part(
                    session, [min(session.topics)]
                )  # the oldest conversation: ids begin with their time
            self._subscribe(session, conversation_topic(entry.conversation_id))

    def _deliver(self, entry: Entry, event: Event, generation: str) -> None:
        topics = self._topics
        reached: set[Session] | None = None
        for topic in event.topics:
            sessions = topics.get((entry.account_id, topic))
            if not sessions:
                continue
            frame = reduced = None  # each form is encoded once, and only if a session gets it
            for session in sessions if reached is None else sessions - reached:
                role = session.principal.role
                if not event.may_reach(role):
                    continue
                if role is Role.CUSTOMER:
                    reduced = reduced or event_frame(entry, event.for_customer(), topic, generation)
                    session.push(reduced)
                else:
                    frame = frame or event_frame(entry, event, topic, generation)
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
        """Deliver an event that is not an entry and is never replayed. Returns whether any session has its topics."""
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

    async def open(self, session: Session, address: str = "unknown") -> Feed:
        """Add a session, which gets nothing until it joins topics. Raises Overloaded, RateLimited."""
        self.counts.take(session, address)
        try:
            feed = await self.feeds.attach(session.principal.account_id)
        except BaseException:
            self.counts.give_back(session)
            raise
        self._sessions[session] = feed
        return feed

    def leave(self, session: Session) -> None:
        """Remove a session."""
        feed = self._sessions.pop(session, None)
        self._left.set()
        if feed is not None:
            self.feeds.detach(feed)
            self.counts.give_back(session)
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
    ) -> Cursor:
        """Subscribe, after replaying what came after `since`; `greet` sends the `ready` event first. Returns its cursor.

        A cursor that cannot be resumed without gaps gets a `reset` event with a fresh one. Raises Conflict if there would be too many
        topics.
        """
        feed = self._sessions[session]
        wanted = [t for t in topics if t not in session.topics]
        if len(session.topics) + len(wanted) > MAX_TOPICS:
            raise Conflict(f"a stream has at most {MAX_TOPICS} topics: unsubscribe from some first")
        cursor = parse_cursor(since) if since is not None else None
        if cursor is not None and cursor.generation == feed.generation and cursor.position > feed.position:
            await self.feeds.catch_up(feed)
        now = Cursor(feed.generation, feed.position, END)
        if since is None:
            cursor = now
        reachable = cursor is not None and self._reachable(feed, cursor)
        begin = cursor if cursor is not None and reachable else now
        if greet:
            session.push(ready_frame(begin))
        if cursor is None or not reachable:
            session.push(reset_frame(now))
        elif since is not None and wanted:
            await self._replays.replay(session, feed, wanted, cursor)
        for topic in wanted:
            self._subscribe(session, topic)
        return begin

    def follow(self, session: Session) -> None:
        """Subscribe a customer's session to the future conversations of its thread."""
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

    # -- time

    def ping_regularly(self, session: Session, send: SendFrame) -> None:
        """Ping a session after every heartbeat: one timer for all, instead of a task for each."""
        session.send_ping = send
        session.ping_at = asyncio.get_running_loop().time() + self._heartbeat

    async def main_loop(self) -> None:
        """Close streams whose token has expired, cut those that do not read, and ping the others, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(SWEEP, self._heartbeat))
            now, moment = time.time(), loop.time()
            for session in list(self._sessions):
                if session.gone:
                    session.abort()
                elif session.principal.expires_at <= now:
                    session.close(CloseCode.POLICY, "the token has ended")
                elif session.sending_since and moment - session.sending_since > self._send_deadline:
                    session.cut("too slow: reconnect with your last event id")
                elif moment >= session.ping_at:
                    session.ping_at = moment + self._heartbeat
                    session.ping()

    async def drain(self, code: int = CloseCode.DRAINING) -> None:
        """Close every stream; clients resume at another gateway from their last event id."""
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


def reset_frame(cursor: Cursor) -> Frame:
    """Tells a client to refetch, then continue from `cursor`."""
    json = encode_hint("reset", {"cursor": str(cursor)}, "", cursor, now_ms())
    return Frame("reset", json, str(cursor))


def ready_frame(cursor: Cursor) -> Frame:
    """The first event of a stream. It has no id, so that a browser does not count it as seen."""
    return Frame("ready", encode_hint("ready", {"cursor": str(cursor)}, "", cursor, now_ms()), None)
