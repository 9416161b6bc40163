"""A process's heartbeat, on a separate connection: it must not wait behind the process's other work."""

from __future__ import annotations

import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from .. import __version__
from ..actors.cluster.process_beat import ProcessBeat
from ..actors.cluster.ray_nodes import own_address, own_node
from ..actors.recurring import failed_steps
from ..core.ports.ownership import Process, ProcessKind
from ..core.views.metrics import Sample
from ..settings import Settings
from ..storage.postgres.conversations.processes import PostgresProcesses
from .actor_settings import ActorSettings
from .database import connect
from .metrics.process_samples import failure_samples


async def process_beat(
    settings: Settings,
    given: ActorSettings,
    kind: ProcessKind,
    name: str,
    gather: Callable[[], Awaitable[list[Sample]]],
    requests: Any = None,
    incarnation: str | None = None,
) -> ProcessBeat:
    """The heartbeat of this actor's process, not yet announced. `gather`, `requests` (`RequestMetrics`): the process's own figures.
    `incarnation`: a fresh UUID, where the caller needs it too."""
    database = await connect(settings, system=1, app=1)
    address = own_address()
    port = 0
    if settings.has_process_metrics:
        from .metrics.process_page import listen  # loads an HTTP server, which hosts need for nothing else

        async def figures() -> list[Sample]:
            version = Sample("tertulia_build_info", "The version", 1, {kind: name, "version": __version__})
            return [version, *await gather(), *failure_samples(name, failed_steps())]

        port = await listen(settings, address, figures, requests)
    process = Process(
        name,
        kind,
        incarnation or str(uuid.uuid4()),
        own_node(),
        address,
        os.getpid(),
        __version__,
        given.digest,
        port,
    )
    return ProcessBeat(PostgresProcesses(database), process)
