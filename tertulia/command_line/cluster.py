"""`tertulia cluster`: shows what runs where, drains nodes, and moves partitions. Works through Postgres only, so it does not depend on Ray."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .cluster_moves import move, rebalance
from .cluster_view import ClusterView, Json, ProcessRow, nodes_of, run, view_of
from .common import console, fail, say

if TYPE_CHECKING:
    from ..storage.postgres.database import Database

cluster = typer.Typer(
    help="Show a cluster's processes, drain its nodes, and move partitions. Uses the database of DATABASE_URL, or of the server that runs with the data folder.",
    no_args_is_help=True,
)

POLL = 0.5


@cluster.command()
def status(
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="refresh every two seconds, until Ctrl-C")] = False,
) -> None:
    """List the processes: where each runs, whether it works, and how many partitions a host has."""
    while True:
        view = run(view_of)
        if json:
            say(msgspec.json.encode(view).decode())
        else:
            _table(view)
        if not watch:
            return
        _pause(2.0)


def _table(view: ClusterView) -> None:
    from rich.table import Table

    table = Table("process", "state", "partitions", "node", "address", "pid", "release", "heartbeat")
    for row in view.processes:
        shown = "" if row.partitions is None else str(row.partitions)
        shown += f" ({row.pinned} pinned)" if row.pinned else ""
        mark = " (drained)" if row.node in view.drained_nodes else ""
        table.add_row(
            row.name, row.state, shown, row.node[:8] + mark, row.address, str(row.pid), row.release,
            f"{row.heartbeat_ago} s ago",
        )  # fmt: skip
    console().print(table)
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

        chosen = _chosen(await view_of(database), node)
        await PostgresProcesses(database).drain_node(chosen, True)
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            view = await view_of(database)
            if not _left(view, chosen) or asyncio.get_running_loop().time() >= deadline:
                return view
            await asyncio.sleep(POLL)

    before = run(view_of)
    chosen = _chosen(before, node)
    view = run(work)
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

    found = run(work)
    if len(found) != 1:
        fail(f"{len(found)} drained nodes have an id that begins with {node!r}")
    say(f"node {found[0][:8]} can have processes again")


def _left(view: ClusterView, node: str) -> list[ProcessRow]:
    return [row for row in view.processes if row.node == node and row.state != "silent"]


def _chosen(view: ClusterView, node: str) -> str:
    nodes = nodes_of(view, node)
    if len(nodes) != 1:
        fail(f"{len(nodes)} nodes with processes have the address or the start of an id {node!r}")
    return nodes.pop()


def _pause(seconds: float) -> None:
    import time

    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        raise typer.Exit from None


cluster.command()(move)
cluster.command()(rebalance)
