"""Agents in the order in which they are chosen, and the first of any subset without walking them all.

Agents are bits: agent number n is bit n, a set of agents an int. With a few hundred or a thousand agents an intersection
costs less than a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedDict, SortedList

FEW = 32


def bits(mask: int) -> Iterator[int]:
    """The numbers of a set's agents, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Line:
    """Agents by one figure, the least first; among equals the lower id."""

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
        """Those of `wanted` that are in the line, in order.

        Few are sorted; many are found by walking the line, where one of them is never far.
        """
        wanted &= self.mask
        if wanted.bit_count() <= FEW:
            yield from (slot for _, _, slot in sorted(map(self._keys.__getitem__, bits(wanted))))
            return
        for _, _, slot in self._sorted:
            if wanted >> slot & 1:
                yield slot


class Ranking:
    """Agents by load, then by another figure: a line for each load there is."""

    __slots__ = ("_lines", "_load")

    def __init__(self) -> None:
        self._lines: SortedDict = SortedDict()
        self._load: dict[int, int] = {}

    def put(self, slot: int, load: int, figure: int, agent_id: str) -> None:
        if self._load.get(slot) != load:
            self.drop(slot)
            self._load[slot] = load
            if load not in self._lines:
                self._lines[load] = Line()
        self._lines[load].put(slot, figure, agent_id)

    def drop(self, slot: int) -> None:
        if (load := self._load.pop(slot, None)) is not None:
            line = self._lines[load]
            line.drop(slot)
            if not line.mask:
                del self._lines[load]

    def among(self, wanted: int) -> Iterator[int]:
        for line in self._lines.values():
            yield from line.among(wanted)
