"""The record of a routing decision, as the conversation's entry keeps it: what was needed, who was passed over, who was chosen."""

from __future__ import annotations

from typing import Literal

import msgspec

Strategy = Literal["least_busy", "round_robin", "manual_queue"]
"""`least_busy`: fewest conversations, then longest idle. `round_robin`: longest time since the last assignment.
`manual_queue`: waits until someone claims it."""
NONE: frozenset[str] = frozenset()


class Need(msgspec.Struct, frozen=True, gc=False):
    """A conversation's requirements of its agent: any of `topics`, any of `teams`, the language, the channel."""

    channel_type: str
    topics: frozenset[str] = NONE
    language: str | None = None
    teams: frozenset[str] = NONE


class Figures(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A candidate at the time of the decision: its slot in the roster, and what the ranking compares."""

    slot: int
    load: int
    maximum: int
    idle_since: int
    assigned_at: int


class Explain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`roster` is the digest of `agents`, the ids in order of their slots; an entry's record has no `agents`. `passed`: a
    `routing.facts.Reason` → the slots it applies to, as bits in hex. `chosen` None: it had to wait. `at` in ms."""

    at: int
    conversation_id: str
    need: Need
    strategy: Strategy
    roster: str
    agents: tuple[str, ...] = ()
    passed: dict[str, str] = {}
    sticky: str | None = None
    ranked: tuple[Figures, ...] = ()
    chosen: str | None = None
