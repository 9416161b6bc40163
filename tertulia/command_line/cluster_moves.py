"""`tertulia cluster move` and `rebalance`: planned moves of partitions. The partitions' owners make them, 32 at a time; these commands
say what is wanted, and wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ..core.ids import PARTITIONS, is_uuid, partition_of_conversation
from .cluster_view import ClusterView, Json, nodes_of, run, view_of
from .common import fail, say

if TYPE_CHECKING:
    from ..core.ports.ownership import PartitionMap
    from ..storage.postgres.database import Database

POLL = 0.1
Wait = Annotated[float, typer.Option(min=0, help="seconds to wait for the moves; 0 returns at once")]


class Move(msgspec.Struct, frozen=True, rename={"origin": "from"}):
    """A partition that changed hosts. `from` is null if it had none."""

    partition: int
    origin: str | None
    to: str


class Moves(msgspec.Struct, frozen=True):
    """`waiting`: partitions that are not there yet."""

    moved: list[Move]
    waiting: list[int]
    seconds: float


class Balance(msgspec.Struct, frozen=True):
    """`hosts`: how many partitions each working host has; `unpinned`: how many may move again."""

    balanced: bool
    unpinned: int
    hosts: dict[str, int]
    seconds: float


def move(
    partition: Annotated[
        str,
        typer.Argument(help=f"a partition (0 … {PARTITIONS - 1}), several (0-15), or a conversation's id"),
    ],
    to: Annotated[
        str, typer.Argument(help="a host (host:3), or a node: the start of its id, or its address")
    ],
    wait: Wait = 30.0,
    json: Json = False,
) -> None:
    """Move partitions to a host, or to the host of a node with the fewest partitions.

    No command is lost or overtaken. The partitions stay there until that host ends, or until `rebalance`. Exits with code 2 if they are not there in time.
    """
    wanted = _partitions(partition)

    host, made = run(lambda database: _moved(database, wanted, to, wait))
    if json:
        say(msgspec.json.encode(made).decode())
    elif made.moved:
        say(f"{len(made.moved)} partitions moved to {host} ({made.seconds} s)")
    elif not made.waiting:
        say(f"{host} has them already; they stay there")
    if made.waiting and wait > 0:
        fail(
            f"{len(made.waiting)} partitions are not on {host} yet: their hosts move them as soon as they can"
        )


async def _moved(database: Database, wanted: Sequence[int], to: str, wait: float) -> tuple[str, Moves]:
    """Say what is wanted, and wait for it."""
    from ..storage.postgres.conversations.ownership import PostgresOwnership

    ownership = PostgresOwnership(database)
    host = _host(await view_of(database), to)
    before = await ownership.read_map()
    began = time.monotonic()
    if await ownership.pin(wanted, host) == 0:
        fail(f"{host} leaves, or is of a release that cannot take partitions from others")
    while True:
        now = await ownership.read_map()
        seconds = round(time.monotonic() - began, 2)
        if all(now.owners[p] == host for p in wanted) or seconds >= wait:
            return host, _moves(wanted, host, before, now, seconds)
        await asyncio.sleep(POLL)


def _moves(
    wanted: Sequence[int], host: str, before: PartitionMap, now: PartitionMap, seconds: float
) -> Moves:
    there = [p for p in wanted if now.owners[p] == host]
    moved = [Move(p, before.owners[p], host) for p in there if before.owners[p] != host]
    return Moves(moved, [p for p in wanted if now.owners[p] != host], seconds)


def _partitions(given: str) -> list[int]:
    if is_uuid(given):
        return [partition_of_conversation(given)]
    first, _, last = given.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or "-" not in given)):
        fail(f"{given!r} is neither a partition, nor several (0-15), nor a conversation's id")
    numbers = list(range(int(first[:9]), int((last or first)[:9]) + 1))
    if not numbers or numbers[-1] >= PARTITIONS:
        fail(f"partitions are 0 … {PARTITIONS - 1}, the smaller first: {given!r} names none")
    return numbers


def _host(view: ClusterView, to: str) -> str:
    """The host that is meant."""
    named = [row for row in view.processes if row.kind == "host" and row.name == to]
    if named and named[0].state != "working":
        fail(f"{to} is {named[0].state}, and cannot take partitions")
    if named:
        return to
    nodes = nodes_of(view, to)
    if len(nodes) != 1:
        names = ", ".join(row.name for row in view.hosts())
        fail(f"{to!r} is no host, and {len(nodes)} nodes have that address or start of an id; hosts: {names}")
    (node,) = nodes
    there = [row for row in view.hosts() if row.node == node]
    if not there:
        fail(f"no host works on node {node[:8]}")
    return min(there, key=lambda row: row.partitions or 0).name


def rebalance(wait: Wait = 60.0, json: Json = False) -> None:
    """Let all partitions move again, those placed by `move` too, and wait until each host has its fair share.

    Exits with code 2 if that is not so in time.
    """

    async def work(database: Database) -> Balance:
        from ..storage.postgres.conversations.ownership import PostgresOwnership

        began = time.monotonic()
        unpinned = await PostgresOwnership(database).unpin()
        while True:
            view = await view_of(database)
            shares = {row.name: row.partitions or 0 for row in view.hosts()}
            seconds = round(time.monotonic() - began, 2)
            balanced = is_balanced([*shares.values()])
            if balanced or seconds >= wait:
                return Balance(balanced, unpinned, shares, seconds)
            await asyncio.sleep(POLL)

    balance: Balance = run(work)
    if json:
        say(msgspec.json.encode(balance).decode())
    else:
        shares = ", ".join(f"{name} has {share}" for name, share in balance.hosts.items())
        say(f"{shares or 'no host works'} ({balance.unpinned} partitions unpinned, {balance.seconds} s)")
    if not balance.balanced and wait > 0:
        fail("the partitions are not balanced yet")


def is_balanced(shares: Sequence[int]) -> bool:
    """Whether hosts with these shares have all partitions, and would not move any (`actors/host/membership.py`)."""
    if not shares or sum(shares) != PARTITIONS:
        return False
    fair = -(-PARTITIONS // len(shares))
    return max(shares) <= fair or min(shares) >= fair - 1
