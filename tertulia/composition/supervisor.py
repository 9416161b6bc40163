"""The composition of a supervisor, called inside its Ray actor: the implementations behind the ports of `actors/supervisor/supervisor.py`."""

from __future__ import annotations

import asyncio

from ..actors.cluster.peer_watch import PeerWatch
from ..actors.cluster.process_beat import ProcessBeat
from ..actors.cluster.shard_map import ShardMap
from ..actors.cluster.shard_takeover import ShardTakeover
from ..actors.supervisor.supervisor import Supervisor
from ..actors.transport.host_subscription import HostSubscription
from ..actors.transport.ray_calls import SUPERVISOR_NAME
from ..core.routing.supervision_messages import shards_of
from ..core.views.metrics import Sample
from ..settings import Settings
from ..storage.postgres.accounts.supervision import PostgresSupervision
from ..storage.postgres.conversations.ownership import PostgresOwnership
from ..storage.postgres.conversations.poison import PostgresPoisonList
from ..storage.postgres.conversations.processes import PostgresProcesses
from ..storage.postgres.database import Database
from ..storage.valkey import client
from ..storage.valkey.hints import ValkeyHints
from ..storage.valkey.presence import ValkeyPresence
from .actor_settings import ActorSettings, begin_process
from .database import connect
from .garbage_collection import calm_garbage_collector
from .metrics.process_samples import supervisor_samples
from .process_beat import process_beat

CONNECTIONS = 6


class SupervisorParts:
    """A supervisor with its loops, as `actors.actor_processes.SupervisorParts`. Needs a running loop."""

    def __init__(self, settings: Settings, number: int, database: Database, beat: ProcessBeat) -> None:
        assert settings.redis_url is not None and settings.jwt_secret is not None
        self._database = database
        self._valkey = client.connect(settings.redis_url)
        self.beat = beat
        incarnation = beat.process.incarnation  # by which others see that it is gone
        store = PostgresSupervision(database)
        hosts = HostSubscription(
            f"supervisor:{number}:{incarnation}",
            PostgresOwnership(database),
            lambda entries: self.supervisor.on_entries(entries),
            HostSubscription.watch_events,
            secret=settings.jwt_secret,
            link_ca=settings.link_ca,
            poison=PostgresPoisonList(database),
            deadline=settings.command_deadline,
            max_waiting=settings.max_waiting,
        )
        self.supervisor = Supervisor(
            store,
            ValkeyPresence(self._valkey),
            hosts,
            ValkeyHints(self._valkey, lambda hint: None),  # a supervisor has no streams
            own=shards_of(number, settings.supervisors),
            incarnation=incarnation,
        )
        peers = PeerWatch(PostgresProcesses(database), "supervisor", settings.supervisors)
        shards = ShardMap(peers, store.holders, count=settings.supervisors)
        self._takeover = ShardTakeover(shards, self.supervisor.take_over, number=number)
        self._has_peers = settings.may_have_several_supervisors

    async def main_loop(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.main_loop())
            if self._has_peers:
                group.create_task(self._takeover.main_loop())

    async def close(self) -> None:
        await self._valkey.aclose()
        await self._database.close()


async def supervisor(given: ActorSettings, number: int) -> SupervisorParts:
    """Connect a supervisor's parts, without registering it."""
    settings = begin_process(given)
    name = SUPERVISOR_NAME.format(number)

    async def samples() -> list[Sample]:
        return supervisor_samples(name, parts.supervisor.statistics())

    database = await connect(settings, system=CONNECTIONS, app=1)
    beat = await process_beat(settings, given, "supervisor", name, samples)
    parts = SupervisorParts(settings, number, database, beat)
    calm_garbage_collector()
    return parts
