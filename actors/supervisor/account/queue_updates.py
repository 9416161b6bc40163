"""Selects the queue positions to notify: those that changed, at most once a second each, within bounds.

It selects the first `FRONT` positions, new arrivals, and in rotation a slice of `BEHIND` from the rest. So the cost does
not depend on the queue's length, and everyone is notified eventually. The queue is never scanned.
"""

from __future__ import annotations

from ....core.routing.desk import Desk

FRONT = 200
BEHIND = 50


class QueueUpdates:
    def __init__(self) -> None:
        self._changed_from: int | None = None
        self._joined: dict[str, None] = {}
        self._told: dict[str, int] = {}
        self._behind = FRONT

    def moved(self, position: int) -> None:
        """Positions from this one on may have changed."""
        self._changed_from = position if self._changed_from is None else min(self._changed_from, position)

    def notify_again(self) -> None:
        """Notify all again: earlier hints may have been lost."""
        self._told.clear()
        self._behind = FRONT
        self.moved(1)

    def joined(self, conversation_id: str) -> None:
        """It waits, perhaps again: forget what its customer was told before."""
        self._told.pop(conversation_id, None)
        if len(self._joined) < FRONT:
            self._joined[conversation_id] = None

    def pop(self, desk: Desk) -> list[tuple[str, int]]:
        """The (conversation, position) pairs to notify now."""
        joined, self._joined = self._joined, {}
        found = {i: p for i in joined if (p := desk.queue.position(i)) is not None}
        if self._changed_from is not None and self._changed_from <= FRONT:
            start = self._changed_from - 1
            found |= {w.id: n for n, w in enumerate(desk.queue.slice(start, FRONT), start + 1)}
        if self._changed_from is not None and len(desk.queue) > FRONT:
            start = self._behind if self._behind < len(desk.queue) else FRONT
            self._behind = start + BEHIND
            found |= {w.id: n for n, w in enumerate(desk.queue.slice(start, start + BEHIND), start + 1)}
        else:
            self._changed_from = None
        if len(self._told) > 4 * len(desk.queue) + FRONT:
            self._told = {i: p for i, p in self._told.items() if i in desk.queue}
        queue_updates = [(i, p) for i, p in found.items() if self._told.get(i) != p]
        self._told.update(queue_updates)
        return queue_updates
