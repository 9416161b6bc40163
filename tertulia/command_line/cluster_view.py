"""Helpers of `tertulia cluster`: the database, and the processes of each node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from . import database_access
from .common import database_url, read_settings
from .database_access import with_database

if TYPE_CHECKING:
    from ..core.ports.ownership import ProcessState
    from ..storage.postgres.database import Database

SILENT_AFTER = 5.0
"""Seconds without a heartbeat after which a process is shown as silent."""

Json = Annotated[bool, typer.Option("--json", help="print JSON, one object")]


class ProcessRow(msgspec.Struct, frozen=True):
    """A process as these commands show it. `state`: working, leaving or silent; `partitions` and `pinned` (those of them that stay
    there) are of hosts."""

    name: str
    kind: str
    state: str
    node: str
    address: str
    pid: int
    release: str
    heartbeat_ago: float
    partitions: int | None
    pinned: int | None


class ClusterView(msgspec.Struct, frozen=True):
    """`partitions_without_host`: those that no registered host owns; `drained_nodes`: Ray's ids."""

    processes: list[ProcessRow]
    drained_nodes: list[str]
    partitions_without_host: int

    def hosts(self) -> list[ProcessRow]:
        """The hosts that work."""
        return [row for row in self.processes if row.kind == "host" and row.state == "working"]


async def view_of(database: Database) -> ClusterView:
    from ..storage.postgres.conversations.ownership import PostgresOwnership
    from ..storage.postgres.conversations.processes import PostgresProcesses

    processes, ownership = PostgresProcesses(database), PostgresOwnership(database)
    states = await processes.all()
    current, pins = await ownership.read_map(), await ownership.pins()
    pinned = [
        owner
        for p, owner in enumerate(current.owners)
        if owner is not None and pins.get(p) == current.hosts[owner].incarnation
    ]
    rows = [
        ProcessRow(
            p.name, p.kind, _state(p), p.node, p.address, p.pid, p.release, round(p.silent, 1),
            current.owners.count(p.name) if p.kind == "host" else None,
            pinned.count(p.name) if p.kind == "host" else None,
        )
        for p in states
    ]  # fmt: skip
    return ClusterView(rows, sorted(await processes.drained_nodes()), current.owners.count(None))


def _state(process: ProcessState) -> str:
    if process.silent > SILENT_AFTER:
        return "silent"
    return "leaving" if process.draining else "working"


def nodes_of(view: ClusterView, node: str) -> set[str]:
    """The nodes with processes that this address, or start of an id, names."""
    return {row.node for row in view.processes if row.node.startswith(node) or row.address == node}


def run(work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Run `work` on the cluster's database; what it returns. Exits with code 2 if the database cannot be used."""
    settings = read_settings()
    return database_access.run(database_url(settings), with_database(settings, work), lambda _: [])
