"""What the commands of `tertulia cluster` share: the database, and what runs where."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import msgspec
import typer

from ..storage.connection_faults import fault_of
from .common import database_url, fail, read_settings

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
    url = database_url(settings)

    async def connected() -> Any:
        from ..storage.postgres.database import Database

        database = await Database.connect(
            url,
            system=1,
            app=1,
            app_url=settings.app_database_url,
            system_url=settings.system_database_url,
        )
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(connected())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        fail(f"the database (DATABASE_URL) cannot be used: {fault_of(url, error, 5432)}")
