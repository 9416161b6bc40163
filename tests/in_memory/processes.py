"""The server's processes in memory."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict, replace

from tertulia.core.ports.journal import StaleEpoch
from tertulia.core.ports.ownership import Process, ProcessState


class MemoryProcesses:
    """`core.ports.ownership.Processes` in memory. Nobody is ever silent: it has no clock."""

    def __init__(self) -> None:
        self._states: dict[str, ProcessState] = {}
        self._drained: set[str] = set()

    async def register(self, process: Process) -> None:
        before = self._states.get(process.name)
        beats = 0 if before is None else before.beats + 1
        self._states[process.name] = ProcessState(**asdict(process), beats=beats, draining=False, silent=0.0)

    async def beat(self, name: str, incarnation: str, *, draining: bool = False) -> bool:
        state = self._states.get(name)
        if state is None or state.incarnation != incarnation:
            raise StaleEpoch(f"a newer incarnation of {name} has taken its place")
        self._states[name] = replace(state, beats=state.beats + 1, draining=draining)
        return state.node in self._drained

    async def remove(self, name: str, incarnation: str) -> None:
        if (state := self._states.get(name)) is not None and state.incarnation == incarnation:
            del self._states[name]

    async def all(self) -> Sequence[ProcessState]:
        return sorted(self._states.values(), key=lambda p: (p.kind, p.name))

    async def drained_nodes(self) -> frozenset[str]:
        return frozenset(self._drained)

    async def drain_node(self, node: str, drained: bool) -> None:
        if drained:
            self._drained.add(node)
        else:
            self._drained.discard(node)
