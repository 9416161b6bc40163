"""The queue: the position of each waiting conversation, and the first one that a set of agents could take.

Two kinds of sorted lists hold the same entries. `_order` has every waiting conversation, on offer or not: an index in it is a
position. Conversations that automatic routing may give away are also in a group, one for each (need, agents that
declined, class): the same agents fit all conversations of a group. Rules that treat conversations alike have one class. Groups are sorted by their first entries, so the first group that
fits holds the oldest conversation that fits. Each operation takes O(log n), and `first_for` walks the groups before the one it
finds; the number of groups depends on what the account's agents list, not on how many customers wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sortedcontainers import SortedList

from ..conversation.explain_record import Need
from .facts import Order, Waiting

Fits = Callable[[Need, frozenset[str]], int]
"""(need, ids that declined) → the agents that fit, as bits."""


GroupKey = tuple[Need, frozenset[str], int]


class Group:
    __slots__ = ("entries", "head", "key", "mask")

    def __init__(self, key: GroupKey, mask: int) -> None:
        self.key = key
        self.mask = mask
        self.entries: SortedList = SortedList()
        self.head: Order | None = None


class Queue:
    def __init__(self, fits: Fits, class_of: Callable[[Waiting], int] = lambda w: 0) -> None:
        self._fits = fits
        self._class_of = class_of
        self._order: SortedList = SortedList()
        self._entries: dict[str, tuple[Order, Waiting]] = {}
        self._groups: dict[GroupKey, Group] = {}
        self._group_of: dict[str, Group] = {}
        self._heads: SortedList = SortedList()
        self.moved: int | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._entries

    def __getitem__(self, conversation_id: str) -> Waiting:
        return self._entries[conversation_id][1]

    def get(self, conversation_id: str) -> Waiting | None:
        entry = self._entries.get(conversation_id)
        return None if entry is None else entry[1]

    def position(self, conversation_id: str) -> int | None:
        """The position, from 1; None if it is not queued."""
        entry = self._entries.get(conversation_id)
        return None if entry is None else self._order.bisect_left(entry[0]) + 1

    def up_to(self, order: Order) -> int:
        """The number of conversations at or before this place."""
        return self._order.bisect_right(order)

    def slice(self, start: int, stop: int) -> list[Waiting]:
        """The conversations at positions `start` + 1 … `stop`."""
        return [self._entries[conversation_id][1] for _, _, conversation_id in self._order[start:stop]]

    def __iter__(self) -> Iterator[Waiting]:
        return (self._entries[conversation_id][1] for _, _, conversation_id in self._order)

    def first_for(self, agents: int) -> Waiting | None:
        """The first conversation that one of these agents could take."""
        for order, group in self._heads:
            if group.mask & agents:
                return self._entries[order[2]][1]
        return None

    def heads_for(self, agents: int) -> Iterator[tuple[Waiting, int]]:
        """The first conversation of each group that one of these agents could take, the first of all at first; with its class."""
        for order, group in self._heads:
            if group.mask & agents:
                yield self._entries[order[2]][1], group.key[2]

    def put(self, w: Waiting, order: Order) -> None:
        """Add a conversation, or change what is known of it; follow with `unpark` or `park`."""
        known = self._entries.get(w.id)
        if known is not None and known[0] == order:
            self._entries[w.id] = order, w
            return
        if known is not None:
            self.remove(w.id)
        self._entries[w.id] = order, w
        self._order.add(order)
        self._note_move(order)

    def remove(self, conversation_id: str) -> bool:
        """Remove a conversation. Whether it was queued."""
        entry = self._entries.get(conversation_id)
        if entry is None:
            return False
        self.park(conversation_id)
        self._note_move(entry[0])
        self._order.remove(entry[0])
        del self._entries[conversation_id]
        return True

    def unpark(self, conversation_id: str, need: Need) -> int:
        """Make it available to automatic routing. Returns the agents that fit."""
        order, w = self._entries[conversation_id]
        key = need, w.declined_by, self._class_of(w)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key, self._fits(*key[:2]))
        elif self._group_of.get(conversation_id) is group:
            return group.mask
        self.park(conversation_id)
        group.entries.add(order)
        self._group_of[conversation_id] = group
        self._update_head(group)
        return group.mask

    def park(self, conversation_id: str) -> None:
        """Keep its place, but hide it from automatic routing."""
        group = self._group_of.pop(conversation_id, None)
        if group is not None:
            group.entries.remove(self._entries[conversation_id][0])
            self._update_head(group)

    def refit(self) -> None:
        """Recompute which agents fit each group, after agents have changed."""
        for group in self._groups.values():
            group.mask = self._fits(*group.key[:2])

    def _update_head(self, group: Group) -> None:
        head: Order | None = next(iter(group.entries), None)
        if head == group.head:
            return
        if group.head is not None:
            self._heads.remove((group.head, group))
        if head is not None:
            self._heads.add((head, group))
        else:
            del self._groups[group.key]
        group.head = head

    def _note_move(self, order: Order) -> None:
        position = self._order.bisect_left(order) + 1
        self.moved = position if self.moved is None else min(self.moved, position)
