"""The desk's alarms: one time for each name, popped in order."""

from __future__ import annotations

from typing import Literal

from sortedcontainers import SortedSet

Name = tuple[Literal["offer", "hours", "step"], str]
"""`offer`: it lapses. `hours`: an agent's hours begin or end. `step`: a conversation's needs are relaxed. With an id."""


class Alarms:
    def __init__(self) -> None:
        self._at: dict[Name, int] = {}
        self._sorted: SortedSet = SortedSet()

    def set(self, name: Name, at: int | None) -> None:
        """Set or replace the time for `name`; None cancels it."""
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
        """Remove and return the first alarm that is due."""
        if not self._sorted or self._sorted[0][0] > now:
            return None
        _, name = self._sorted.pop(0)
        del self._at[name]
        return name
