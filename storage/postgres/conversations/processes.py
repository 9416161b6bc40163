"""The server's processes, and the nodes to be drained, on Postgres."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import astuple

from ....core.ports.journal import StaleEpoch
from ....core.ports.ownership import Process, ProcessState
from ..database import Database
from ..queries import sql


class PostgresProcesses:
    """`core.ports.ownership.Processes` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, process: Process) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("process_register"), *astuple(process))

    async def beat(self, name: str, incarnation: str, *, draining: bool = False) -> bool:
        async with self._database.system() as connection:
            drained = await connection.fetchval(sql("process_beat"), name, incarnation, draining)
        if drained is None:
            raise StaleEpoch(f"a newer incarnation of {name} has taken its place")
        return drained

    async def remove(self, name: str, incarnation: str) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("process_remove"), name, incarnation)

    async def all(self) -> Sequence[ProcessState]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("process_list"))
        return [ProcessState(*row) for row in rows]

    async def drained_nodes(self) -> frozenset[str]:
        async with self._database.system() as connection:
            rows = await connection.fetch("SELECT node FROM drained_nodes")
        return frozenset(row[0] for row in rows)

    async def drain_node(self, node: str, drained: bool) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("node_drain" if drained else "node_undrain"), node)
