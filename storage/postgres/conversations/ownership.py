"""Hosts and the partitions they own, on Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....core.ports.journal import StaleEpoch
from ....core.ports.ownership import HostAddress, Membership, PartitionMap, Peer
from ..database import Database
from ..queries import sql


class PostgresOwnership:
    """`core.ports.ownership.Ownership` on Postgres. Every change of owner raises the partition's epoch in the same statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, name: str, node: str, at: HostAddress) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("host_register"), name, at.incarnation, node, at.address, at.port)

    async def beat(
        self, name: str, incarnation: str, *, owned: int = 0, draining: bool = False
    ) -> Membership:
        async with self._database.system() as connection:
            if await connection.fetchval(sql("host_beat"), name, incarnation, draining, owned) is None:
                raise StaleEpoch(f"others have taken the place or the partitions of {name}")
            rows = await connection.fetch(sql("host_peers"))
        return Membership(tuple(_peer(*row) for row in rows))

    async def claim(self, incarnation: str, alive: Sequence[str], limit: int) -> dict[int, int]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("partitions_claim"), incarnation, alive, limit)
        return dict(rows)

    async def move(self, incarnation: str, partitions: Sequence[int], to: str) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("partitions_move"), incarnation, partitions, to)

    async def owned_by(self, incarnation: str) -> dict[int, int]:
        async with self._database.system() as connection:
            return dict(await connection.fetch(sql("partitions_owned"), incarnation))

    async def release(self, incarnation: str, partitions: Sequence[int]) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("partitions_release"), incarnation, partitions)

    async def pin(self, partitions: Sequence[int], host: str) -> int:
        async with self._database.system() as connection:
            return len(await connection.fetch(sql("pins_add"), partitions, host))

    async def unpin(self) -> int:
        async with self._database.system() as connection:
            return len(await connection.fetch(sql("pins_remove")))

    async def pins(self) -> dict[int, str]:
        async with self._database.system() as connection:
            return dict(await connection.fetch(sql("pins_list")))

    async def read_map(self) -> PartitionMap:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("partitions_map"))
        return PartitionMap(
            tuple(name for name, *_ in rows),
            {name: HostAddress(*at) for name, *at in rows if name is not None},
        )


def _peer(
    name: str, incarnation: str, beats: int, draining: bool, owned: int, address: str, port: int, *more: Any
) -> Peer:
    return Peer(name, incarnation, beats, draining, owned, HostAddress(incarnation, address, port), *more)
