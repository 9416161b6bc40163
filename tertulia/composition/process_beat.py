"""A process's heartbeat, on a connection of its own: it must not wait behind the process's work."""

from __future__ import annotations

import os
import uuid

from .. import __version__
from ..actors.cluster.process_beat import ProcessBeat
from ..actors.cluster.ray_nodes import own_address, own_node
from ..core.ports.ownership import Process, ProcessKind
from ..settings import Settings
from ..storage.postgres.conversations.processes import PostgresProcesses
from .actor_settings import ActorSettings
from .database import connect


async def process_beat(settings: Settings, given: ActorSettings, kind: ProcessKind, name: str) -> ProcessBeat:
    """The heartbeat of this actor's process, not yet announced."""
    database = await connect(settings, system=1, app=1)
    process = Process(
        name,
        kind,
        str(uuid.uuid4()),
        own_node(),
        own_address(),
        os.getpid(),
        __version__,
        given.digest,
    )
    return ProcessBeat(PostgresProcesses(database), process)
