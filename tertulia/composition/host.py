"""The composition of a conversation host, called inside its Ray actor: the implementations behind the ports of `actors/host/host.py`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from ..actors.actor_options import CONVERSATION, create
from ..actors.clock import fresh_id, now_ms
from ..actors.cluster.process_beat import ProcessBeat
from ..actors.cluster.ray_nodes import own_node
from ..actors.host.analysis.message_analyser import MessageAnalyser
from ..actors.host.host import ConversationHost
from ..actors.host.membership import MembershipKeeper
from ..actors.host.peer_links import PeerLinks
from ..actors.host.placement import DedicatedPlacement, Placement, SharedPlacement
from ..actors.host.timer_loop import TimerLoop
from ..actors.host.timer_rescheduling import TimerRescheduler
from ..actors.recurring import Failures, recur
from ..actors.transport import codec
from ..actors.transport.entry_publisher import FeedPublisher
from ..actors.transport.handshake import key_of
from ..actors.transport.ray_calls import DispatcherWaker, RayConversation
from ..core.conversation.state import State
from ..core.views.metrics import Sample
from ..settings import Settings
from ..storage.postgres.accounts.bots import PostgresRulesArchive, PostgresTimers
from ..storage.postgres.conversations.archive import PostgresArchive
from ..storage.postgres.conversations.journal import PostgresJournal
from ..storage.postgres.conversations.ownership import PostgresOwnership
from ..storage.postgres.conversations.search_index import CHUNKS, SearchIndex
from ..storage.postgres.conversations.timer_rescheduling import PostgresRescheduling
from ..storage.postgres.database import Database
from ..storage.postgres.migrate import make_months
from ..storage.postgres.reports.report_counters import ENTRIES, ReportCounters
from .actor_settings import ActorSettings, begin_process
from .classifier import classifier
from .database import connect
from .garbage_collection import calm_garbage_collector
from .host_links import socket_of, tls_of
from .metrics.process_samples import host_samples
from .process_beat import process_beat

log = structlog.get_logger(__name__)

HOST_CONNECTIONS = 6
MONTHS_EVERY = 6 * 3600.0
TIDY_EVERY = 0.2
FOLLOW_BEHIND = 0.05
"""The pause between two batches when more wait than one batch takes, as after an upgrade: about a third of a core's time is spent."""
FOLLOW_ANYHOW = 30.0
"""Seconds after which a host looks for what another may have left, without commits of its own."""
INDEX_EVERY = 0.5
COUNT_EVERY = 2.0
"""Seconds between two passes over the accounts' feeds. A reader counts the rest itself."""


class HostParts:
    """A conversation host with its loops, as `actors.actor_processes.HostParts`."""

    beat: ProcessBeat

    def __init__(self, settings: Settings, name: str, database: Database) -> None:
        assert settings.jwt_secret is not None
        self._name = name
        incarnation = str(uuid.uuid4())
        self.stale = asyncio.Event()
        self.secret = key_of(incarnation, settings.jwt_secret)
        self.socket = socket_of(settings, name, incarnation)
        self.tls = tls_of(settings) if self.socket is None else None
        self.publisher = FeedPublisher()
        self._database = database
        self._classifier = classifier(settings)
        self.host = ConversationHost(
            PostgresJournal(database),
            PostgresArchive(database),
            self.publisher,
            _placement(settings),
            max_waiting=settings.max_waiting,
            on_stale=self.stale,
            outbound=DispatcherWaker(settings.dispatchers).wake,
            rules=PostgresRulesArchive(database),
            analysis=MessageAnalyser(self._classifier),
        )
        self.ticker = TimerLoop(PostgresTimers(database), self.host, now=now_ms, new_id=fresh_id)
        self.retimer = TimerRescheduler(PostgresRescheduling(database), self.host, self.ticker, now=now_ms)
        self._peers = PeerLinks(name, settings.jwt_secret, settings.link_ca, settings.command_deadline)
        self.membership = MembershipKeeper(
            PostgresOwnership(database),
            self.host,
            name=name,
            incarnation=incarnation,
            node=own_node(),
            takeover_after=settings.takeover_after,
            stale=self.stale,
            notify=self._peers.partitions_moved,
        )
        self._settings = settings
        self._tidied = 0

    async def main_loop(self) -> None:
        """Serve until superseded."""
        index, counters = SearchIndex(self._database), ReportCounters(self._database)
        loops = [
            self.membership.main_loop(),
            self._sweep(),
            recur(self._make_months, "journal_partitions", MONTHS_EVERY),
            recur(self._tidy_if_committed, "search_upkeep", TIDY_EVERY),
            self._follow(index.catch_up, batch=CHUNKS, every=INDEX_EVERY, work="search_index"),
            self._follow(counters.catch_up, batch=ENTRIES, every=COUNT_EVERY, work="report_counting"),
            self.ticker.main_loop(),
            self.retimer.main_loop(),
            self.host.main_loop(),
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop) for loop in loops]
            await self.stale.wait()
            for task in tasks:
                task.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self._settings.idle_after))
            self.host.sweep(self._settings.idle_after, self._settings.resident_conversations)

    async def _make_months(self) -> None:
        """Create the journal's monthly partitions, well ahead so that a failure can be fixed in time."""
        async with self._database.system() as connection:
            await make_months(connection)

    async def _tidy_if_committed(self) -> None:
        """Flush the pending lists of GIN indexes while there are commits (see migration 0009)."""
        committed = self.host.commits.committed
        if committed != self._tidied:
            async with self._database.system() as connection:
                await connection.execute("SELECT tidy_search_indexes()")
            self._tidied = committed

    async def _follow(
        self, catch_up: Callable[[], Awaitable[int]], *, batch: int, every: float, work: str
    ) -> None:
        """Do work that follows the accounts' feeds, while there are commits; and now and then, since another host may have died
        before it did. `catch_up` returns how much it did, of at most `batch`."""
        seen, waited, failures = -1, 0.0, Failures(work)
        while True:
            done = 0
            if seen != self.host.commits.committed or waited >= FOLLOW_ANYHOW:
                seen, waited = self.host.commits.committed, 0.0
                try:
                    done = await catch_up()
                    failures.end()
                except Exception as error:
                    await asyncio.sleep(failures.note(error))
                    seen = -1
            if done:
                seen = -1  # perhaps there is more
            pause = FOLLOW_BEHIND if done >= batch else every
            await asyncio.sleep(pause)
            waited += pause

    async def samples(self) -> list[Sample]:
        """Its own figures, for Prometheus."""
        return host_samples(self._name, {**self.host.statistics(), **self.membership.statistics()})

    async def close(self) -> None:
        self._peers.close()
        if self._classifier is not None:
            await self._classifier.close()
        await self._database.close()


async def host(given: ActorSettings, name: str) -> HostParts:
    """Connect a host's parts."""
    settings = begin_process(given)
    parts = HostParts(settings, name, await connect(settings, system=HOST_CONNECTIONS, app=1))
    parts.beat = await process_beat(settings, given, "host", name, parts.samples)
    calm_garbage_collector()
    return parts


def _placement(settings: Settings) -> Placement[Any]:
    if settings.placement == "shared":
        return SharedPlacement(now=now_ms, new_id=fresh_id)
    return DedicatedPlacement(_start_conversation, now=now_ms)


def _start_conversation(state: State) -> RayConversation:
    key = state.conversation.id
    return RayConversation(
        CONVERSATION.name.format(key), lambda: create(CONVERSATION, key, codec.encode(state))
    )
