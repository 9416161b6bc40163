"""How many nodes the measured load needs. Pure: what it decides depends on its arguments alone.

More load gets more nodes at once. Fewer nodes need a load that would fit on one node less with room to spare, for `quiet` seconds without a
pause, and then one node goes. So neither noise around a threshold nor a short calm changes anything.
"""

from __future__ import annotations

import math

import msgspec

FULL = 0.8
"""The share of the nodes' capacity that may be in use; beyond it more are wanted."""
CALM = 0.55
"""One node may go if the others would then have no more than this share in use: 1.45 times as much load needs no node again."""
SETTLING = 60.0
"""Seconds between two nodes that are added for a queue: how many it needs shows once the first one works."""


class Load(msgspec.Struct, frozen=True):
    """What all nodes together have to do: commands per second, open streams, commands under way in the hosts. `whole`: every process has
    told its part. If not, it is a reason to add nodes, and never to end one."""

    commands: float
    streams: float
    waiting: float
    whole: bool = True


class Limits(msgspec.Struct, frozen=True):
    """`fewest` and `most` nodes; `commands`, `streams` and `waiting` of one node; `quiet`: seconds of calm before a node goes."""

    fewest: int
    most: int
    commands: float
    streams: float
    waiting: float
    quiet: float


class Scale(msgspec.Struct, frozen=True):
    """How many nodes are `wanted`. `calm_since`: since when one less would do, None if it would not; `grown`: when a node was last
    added. Seconds of a monotonic clock."""

    wanted: int
    calm_since: float | None = None
    grown: float = -math.inf


def rescale(scale: Scale, load: Load, nodes: int, now: float, limits: Limits) -> Scale:
    """The scale after a look at the load. `nodes`: how many work now."""
    wanted = min(max(scale.wanted, limits.fewest), limits.most)
    more = min(_needed(load, limits), limits.most)
    if more <= wanted and nodes >= wanted and load.waiting > limits.waiting * nodes:
        more = wanted + (wanted < limits.most and now - scale.grown >= SETTLING)
    if more > wanted:
        return Scale(more, None, now)
    if wanted == limits.fewest or not load.whole or not _fits(load, wanted - 1, limits):
        return Scale(wanted, None, scale.grown)
    since = now if scale.calm_since is None else scale.calm_since
    if now - since < limits.quiet or nodes > wanted:  # the one before it has not left yet
        return Scale(wanted, since, scale.grown)
    return Scale(wanted - 1, now, scale.grown)


def _needed(load: Load, limits: Limits) -> int:
    return math.ceil(max(load.commands / (FULL * limits.commands), load.streams / (FULL * limits.streams)))


def _fits(load: Load, nodes: int, limits: Limits) -> bool:
    return (
        load.commands <= CALM * limits.commands * nodes
        and load.streams <= CALM * limits.streams * nodes
        and load.waiting <= CALM * limits.waiting * nodes
    )
