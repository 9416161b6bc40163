"""Agents in the order in which they are chosen; finds the first of any subset without walking them all.

A set of agents is an int: bit n is the agent in slot n. With a thousand agents an intersection takes less than a
microsecond.
"""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedDict, SortedList

FEW = 32


def bits(mask: int) -> Iterator[int]:
    """The slots of a set's agents, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class SortedAgents:
    """Agents sorted by one figure, the least first; the lower id among equals."""

    __slots__ = ("_keys", "_sorted", "mask")

    def __init__(self) -> None:
        self.mask = 0
        self._keys: dict[int, tuple[int, str, int]] = {}
        self._sorted: SortedList = SortedList()

    def put(self, slot: int, figure: int, agent_id: str) -> None:
        key = (figure, agent_id, slot)
        if self._keys.get(slot) == key:
            return
        self.drop(slot)
        self._keys[slot] = key
        self._sorted.add(key)
        self.mask |= 1 << slot

    def drop(self, slot: int) -> None:
        if (key := self._keys.pop(slot, None)) is not None:
            self._sorted.remove(key)
            self.mask ^= 1 << slot

    def among(self, wanted: int) -> Iterator[int]:
        """The members that are in `wanted`, in order.

        A few are sorted; many are found by walking all members, where the next one is never far.
        """
        wanted &= self.mask
        if wanted.bit_count() <= FEW:
            yield from (slot for _, _, slot in sorted(map(self._keys.__getitem__, bits(wanted))))
            return
        for _, _, slot in self._sorted:
            if wanted >> slot & 1:
                yield slot


class LoadRanking:
    """Agents by load, then by another figure: one sorted list for each load."""

    __slots__ = ("_by_load", "_load")

    def __init__(self) -> None:
        self._by_load: SortedDict = SortedDict()
        self._load: dict[int, int] = {}

    def put(self, slot: int, load: int, figure: int, agent_id: str) -> None:
        if self._load.get(slot) != load:
            self.drop(slot)
            self._load[slot] = load
            if load not in self._by_load:
                self._by_load[load] = SortedAgents()
        self._by_load[load].put(slot, figure, agent_id)

    def drop(self, slot: int) -> None:
        if (load := self._load.pop(slot, None)) is not None:
            agents = self._by_load[load]
            agents.drop(slot)
            if not agents.mask:
                del self._by_load[load]

    def among(self, wanted: int) -> Iterator[int]:
        for agents in self._by_load.values():
            yield from agents.among(wanted)
