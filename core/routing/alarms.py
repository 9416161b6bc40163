"""What will be due, and when: one time for each name."""

from __future__ import annotations

from typing import Literal

from sortedcontainers import SortedSet

Name = tuple[Literal["offer", "hours", "step", "grace"], str]
"""An offer lapses, an agent's hours change, a conversation asks for less, an absent agent loses its conversations."""


class Alarms:
    def __init__(self) -> None:
        self._at: dict[Name, int] = {}
        self._sorted: SortedSet = SortedSet()

    def set(self, name: Name, at: int | None) -> None:
        """In place of what was set for `name`; None: nothing is due."""
        before = self._at.get(name)
        if before == at:
            return
        if before is not None:
            self._sorted.remove((before, name))
            del self._at[name]
        if at is not None:
            self._at[name] = at
            self._sorted.add((at, name))

    @property
    def first(self) -> int | None:
        return self._sorted[0][0] if self._sorted else None

    def pop(self, now: int) -> Name | None:
        """The first that is due."""
        if not self._sorted or self._sorted[0][0] > now:
            return None
        _, name = self._sorted.pop(0)
        del self._at[name]
        return name
