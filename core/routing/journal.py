"""The routing journal of an account: all inputs of its desk, in order, with the desk's times.

A desk has no clock and no randomness, so replaying the journal reproduces each of its decisions. The journal begins with a snapshot.
`restored` starts it over, after a supervisor has started or entries were lost. A `checkpoint` is the state of the desk at that entry, from
which a replay may begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from .board import Board
from .desk import Desk
from .facts import PresenceStatus
from .messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Declined,
    Effect,
    Event,
    Found,
    Gone,
    PolicyChanged,
    PresenceChanged,
    Snapshot,
    TakenByHand,
    TimePassed,
)

Kind = Literal[
    "restored",
    "checkpoint",
    "arrived",
    "gone",
    "accepted",
    "declined",
    "taken",
    "found",
    "agent_changed",
    "presence_changed",
    "policy_changed",
    "time_passed",
]
SNAPSHOTS: Final = ("restored", "checkpoint")
TYPES: Final[dict[str, type]] = {
    "restored": Snapshot,
    "checkpoint": Snapshot,
    "arrived": Arrived,
    "gone": Gone,
    "accepted": Accepted,
    "declined": Declined,
    "taken": TakenByHand,
    "found": Found,
    "agent_changed": AgentChanged,
    "presence_changed": PresenceChanged,
    "policy_changed": PolicyChanged,
    "time_passed": TimePassed,
}
KINDS: Final[dict[type, Kind]] = {t: k for k, t in TYPES.items() if k not in SNAPSHOTS}  # pyright: ignore[reportAssignmentType]
CHECKPOINT_EVERY: Final = 500
"""Entries between two checkpoints, at least; with many agents and conversations, twice as many as the snapshot holds."""


class RoutingEntry(msgspec.Struct, frozen=True, gc=False):
    """`position` counts an account's entries from 1 without gaps; 0 before it is stored. `at` in ms. `data` is a value of the
    type that `TYPES` gives for the kind."""

    position: int
    at: int
    kind: Kind
    data: Snapshot | Event

    @property
    def agent_id(self) -> str | None:
        return getattr(self.data, "agent_id", None)

    @property
    def conversation_id(self) -> str | None:
        if isinstance(self.data, Arrived | TakenByHand | Found):
            return self.data.waiting.id
        return getattr(self.data, "conversation_id", None)


def entry_of(event: Event, at: int) -> RoutingEntry:
    """The entry of an event, before it has a position."""
    return RoutingEntry(0, at, KINDS[type(event)], event)


def decoded(position: int, at: int, kind: Kind, data: Any) -> RoutingEntry:
    """An entry from JSON's values. Raises msgspec.ValidationError."""
    return RoutingEntry(position, at, kind, msgspec.convert(data, TYPES[kind]))


def checkpoint_after(desk: Desk) -> int:
    """After how many entries the next checkpoint is due: it then adds at most half to what is stored."""
    size = sum(1 for _ in desk.agents) + len(desk.held) + len(desk.queue)
    return max(CHECKPOINT_EVERY, 2 * size)


class Incomplete(Exception):
    """The entries do not begin with a snapshot, or one is missing between `after` and the next."""

    def __init__(self, after: int) -> None:
        super().__init__(f"the journal has a gap after position {after}")
        self.after = after


def replayed(entries: Iterable[RoutingEntry]) -> Iterator[tuple[RoutingEntry, Desk, list[Effect]]]:
    """Replay the entries into a desk: yields each entry, the desk after it, and its effects. Raises Incomplete."""
    desk: Desk | None = None
    position = 0
    for entry in entries:
        if desk is not None and entry.position != position + 1:
            raise Incomplete(position)
        position = entry.position
        effects: list[Effect] = []
        if isinstance(entry.data, Snapshot):
            if desk is None or entry.kind == "restored":
                desk, effects = Desk.restored(entry.data, entry.at)
        elif desk is None:
            raise Incomplete(position)
        else:
            effects = desk.handle(entry.data, entry.at)
        yield entry, desk, effects


class AgentOnBoard(msgspec.Struct, frozen=True):
    """An agent at a past time: their preferences, and their conversations."""

    user_id: str
    status: PresenceStatus
    active: int
    offered: int
    maximum: int
    is_available: bool


class BoardAt(msgspec.Struct, frozen=True):
    """The agents present and the conversations waiting after the entry at `position`."""

    position: int
    agents: list[AgentOnBoard]
    waiting: list[str]
    held: dict[str, str]


def board_at(entries: Iterable[RoutingEntry]) -> BoardAt | None:
    """The board after the last of these entries; None without any. Raises Incomplete."""
    position, board = 0, None
    for entry, desk, _ in replayed(entries):
        position, board = entry.position, desk.board
    return None if board is None else _board(position, board)


def _board(position: int, board: Board) -> BoardAt:
    agents = [
        AgentOnBoard(a.id, a.status, a.active, a.offered, a.preferences.maximum, a.preferences.available)
        for a in sorted(board.agents, key=lambda a: a.id)
        if a.is_listed
    ]
    held = {i: h.agent_id for i, h in board.held.items()}
    return BoardAt(position, agents, [w.id for w in board.queue], held)
