"""`tertulia cluster`: what runs where, and having a node's processes leave it. Works through Postgres alone, whatever Ray does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import msgspec
import typer

from ..storage.connection_faults import fault_of
from .common import database_url, fail, read_settings, say

if TYPE_CHECKING:
    from ..core.ports.ownership import ProcessState
    from ..storage.postgres.database import Database

cluster = typer.Typer(
    help="Show a cluster's processes, and drain its nodes. Needs DATABASE_URL.", no_args_is_help=True
)

SILENT_AFTER = 5.0
"""Seconds without a heartbeat after which a process is shown as silent."""
POLL = 0.5

Json = Annotated[bool, typer.Option("--json", help="print JSON, one object")]


class ProcessRow(msgspec.Struct, frozen=True):
    """A process as this command shows it. `state`: working, leaving or silent; `partitions`: of hosts."""

    name: str
    kind: str
    state: str
    node: str
    address: str
    pid: int
    release: str
    heartbeat_ago: float
    partitions: int | None


class ClusterView(msgspec.Struct, frozen=True):
    """`partitions_without_host`: those that no registered host owns; `drained_nodes`: Ray's ids."""

    processes: list[ProcessRow]
    drained_nodes: list[str]
    partitions_without_host: int


async def _view(database: Database) -> ClusterView:
    from ..storage.postgres.conversations.ownership import PostgresOwnership
    from ..storage.postgres.conversations.processes import PostgresProcesses

    processes = PostgresProcesses(database)
    states = await processes.all()
    owners = (await PostgresOwnership(database).read_map()).owners
    rows = [
        ProcessRow(
            p.name, p.kind, _state(p), p.node, p.address, p.pid, p.release, round(p.silent, 1),
            owners.count(p.name) if p.kind == "host" else None,
        )
        for p in states
    ]  # fmt: skip
    return ClusterView(rows, sorted(await processes.drained_nodes()), owners.count(None))


def _state(process: ProcessState) -> str:
    if process.silent > SILENT_AFTER:
        return "silent"
    return "leaving" if process.draining else "working"


@cluster.command()
def status(
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="refresh every two seconds, until Ctrl-C")] = False,
) -> None:
    """List the processes: where each runs, whether it works, and how many partitions a host has."""
    while True:
        view = _run(_view)
        if json:
            say(msgspec.json.encode(view).decode())
        else:
            _table(view)
        if not watch:
            return
        _pause(2.0)


def _table(view: ClusterView) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("process", "state", "partitions", "node", "address", "pid", "release", "heartbeat")
    for row in view.processes:
        shown = "" if row.partitions is None else str(row.partitions)
        mark = " (drained)" if row.node in view.drained_nodes else ""
        table.add_row(
            row.name, row.state, shown, row.node[:8] + mark, row.address, str(row.pid), row.release,
            f"{row.heartbeat_ago} s ago",
        )  # fmt: skip
    Console().print(table)
    if view.partitions_without_host:
        say(f"{view.partitions_without_host} partitions have no host: commands to them wait")


@cluster.command()
def drain(
    node: Annotated[str, typer.Argument(help="the node: the start of its id, or its address")],
    wait: Annotated[float, typer.Option(help="seconds to wait until it is empty; 0 returns at once")] = 60.0,
    json: Json = False,
) -> None:
    """Move all work off a node: partitions move, streams close with their cursors, sends finish.

    Nothing starts there until `undrain`, or until the machine joins again. Exits with code 2 if the node is not empty in time.
    """

    async def work(database: Database) -> ClusterView:
        from ..storage.postgres.conversations.processes import PostgresProcesses

        chosen = _chosen(await _view(database), node)
        await PostgresProcesses(database).drain_node(chosen, True)
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            view = await _view(database)
            if not _left(view, chosen) or asyncio.get_running_loop().time() >= deadline:
                return view
            await asyncio.sleep(POLL)

    before = _run(_view)
    chosen = _chosen(before, node)
    view = _run(work)
    left = _left(view, chosen)
    if json:
        say(msgspec.json.encode(view).decode())
    elif not left:
        say(f"node {chosen[:8]} is empty")
    if left and wait > 0:
        fail(f"node {chosen[:8]} still has {', '.join(row.name for row in left)}")


@cluster.command()
def undrain(
    node: Annotated[
        str,
        typer.Argument(help="the node: the start of its id; `cluster status --json` lists the drained ones"),
    ],
) -> None:
    """Allow processes on a drained node again."""

    async def work(database: Database) -> list[str]:
        from ..storage.postgres.conversations.processes import PostgresProcesses

        processes = PostgresProcesses(database)
        found = [drained for drained in await processes.drained_nodes() if drained.startswith(node)]
        if len(found) == 1:
            await processes.drain_node(found[0], False)
        return found

    found = _run(work)
    if len(found) != 1:
        fail(f"{len(found)} drained nodes have an id that begins with {node!r}")
    say(f"node {found[0][:8]} can have processes again")


def _left(view: ClusterView, node: str) -> list[ProcessRow]:
    return [row for row in view.processes if row.node == node and row.state != "silent"]


def _chosen(view: ClusterView, node: str) -> str:
    nodes = {row.node for row in view.processes if row.node.startswith(node) or row.address == node}
    if len(nodes) != 1:
        fail(f"{len(nodes)} nodes with processes have the address or the start of an id {node!r}")
    return nodes.pop()


def _pause(seconds: float) -> None:
    import time

    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _run(work: Callable[[Database], Awaitable[Any]]) -> Any:
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
