"""Asks Ray's autoscaler for as many nodes as the measured load needs, and empties a node before it is ended.

Each node that it may count offers one unit of the resource `tertulia`, so that a request for n units is one for n nodes. The node that is to go is
drained, like one that an operator drains; once nothing runs on it, Ray is told to end it. Ray would not find out itself: to it, the requested
units may as well be those of the empty node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog
from ray.exceptions import RayError

from ..actors.cluster.ray_nodes import Node, end_idle_node, request_nodes
from ..actors.transport.ray_calls import call
from ..core.ports.ownership import Processes
from ..settings import Settings
from .fleet_members import KINDS, Member
from .scale_policy import Limits, Load, Scale, rescale

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0
ASK_AGAIN = 30.0
"""Seconds after which the same request is repeated: a head that has lost its state has lost it too."""
DEADLINE = 2.0
"""Seconds that a process has for its figures."""


def limits_of(settings: Settings) -> Limits | None:
    """None if nothing is to be scaled."""
    s = settings
    if s.autoscale_max_nodes is None:
        return None
    return Limits(
        s.autoscale_min_nodes,
        s.autoscale_max_nodes,
        s.autoscale_node_commands,
        s.autoscale_node_streams,
        s.autoscale_node_waiting,
        s.autoscale_quiet,
    )


class Autoscaler:
    """Called by the fleet between its other steps, so a node is never drained while a process is being replaced."""

    def __init__(self, limits: Limits, processes: Processes, say: Callable[[str], None]) -> None:
        self._limits = limits
        self._processes = processes
        self._say = say
        self._scale: Scale | None = None
        self._looked = -LOOK_EVERY
        self._asked: tuple[int, float] = (0, 0.0)
        self._committed: dict[str, tuple[float, float]] = {}
        """Incarnation of a host → when it was asked, and how many commands it had committed by then."""
        self._leaving: set[str] = set()
        """Nodes that this one drains."""
        self._ending: set[str] = set()
        """Nodes that Ray is ending: there is no way back."""

    async def look(self, nodes: Sequence[Node], members: Iterable[Member], now: float) -> None:
        """Measure, decide, and do one thing. Raises what Ray and the storage raise."""
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        able = [node for node in nodes if node.has_unit and node.id not in self._ending]
        working = [node for node in able if not node.draining]
        scale = self._scale or Scale(len(working))
        load = await self._load(members, now)
        self._scale = rescale(scale, load, len(working), now, self._limits)
        wanted = self._scale.wanted
        if wanted != scale.wanted:
            self._say(
                f"{wanted} nodes wanted instead of {scale.wanted}: {load.commands:.0f} commands a second,"
                f" {load.streams:.0f} streams, {load.waiting:.0f} commands waiting on {len(working)} nodes"
            )
        # Ray counts what nodes offer, also those that are drained: too few work only if those come on top
        await self._ask(wanted if len(working) >= wanted else wanted + len(able) - len(working), now)
        await self._forget_ended({node.id for node in nodes})
        await self._even(able, working, wanted, list(members))

    async def _ask(self, count: int, now: float) -> None:
        if self._asked[0] != count or now - self._asked[1] >= ASK_AGAIN:
            await request_nodes(count)
            self._asked = (count, now)

    async def _even(
        self, able: Sequence[Node], working: Sequence[Node], wanted: int, members: Sequence[Member]
    ) -> None:
        """Drain a node if too many work, take it back if too few do, or end one that is empty."""
        leaving = [node for node in able if node.id in self._leaving]
        if len(working) > wanted and not leaving and (chosen := _to_end(working, members)) is not None:
            self._say(f"node {chosen[:8]} is drained, since the load needs fewer nodes")
            await self._processes.drain_node(chosen, True)
            self._leaving.add(chosen)
        elif len(working) < wanted and leaving:
            self._say(f"node {leaving[0].id[:8]} is needed again")
            await self._processes.drain_node(leaving[0].id, False)
            self._leaving.discard(leaving[0].id)
        elif (empty := _empty(able, members)) is not None and await end_idle_node(empty):
            self._say(f"node {empty[:8]} is empty, and ends")
            self._ending.add(empty)

    async def _forget_ended(self, alive: set[str]) -> None:
        for node in (self._leaving | self._ending) - alive:
            await self._processes.drain_node(node, False)
            self._leaving.discard(node)
            self._ending.discard(node)

    async def _load(self, members: Iterable[Member], now: float) -> Load:
        asked = [m for m in members if m.kind in ("host", "gateway") and not m.retiring]
        answers = await asyncio.gather(*map(_figures, asked))
        whole = all(answer is not None for answer in answers)
        told = [(m, answer) for m, answer in zip(asked, answers, strict=True) if answer is not None]
        before, self._committed = self._committed, {}
        commands = 0.0
        for member, figures in told:
            if member.kind != "host" or member.state is None:
                continue
            at, committed = before.get(member.state.incarnation, (now, figures["committed_total"]))
            commands += (figures["committed_total"] - committed) / max(now - at, 1.0)
            self._committed[member.state.incarnation] = (now, figures["committed_total"])
        streams = sum(figures["streams"] for m, figures in told if m.kind == "gateway")
        waiting = sum(figures["waiting"] for m, figures in told if m.kind == "host")
        return Load(commands, streams, waiting, whole)


async def _figures(member: Member) -> dict[str, float] | None:
    """None if it does not answer, or is of a release that cannot."""
    try:
        return await call(member.handle, "statistics", deadline=DEADLINE)
    except (RayError, AttributeError, TimeoutError) as error:
        log.info("figures_missing", name=member.name, error=repr(error)[:300])
        return None


def _to_end(working: Sequence[Node], members: Iterable[Member]) -> str | None:
    """The node to drain: with as few processes as possible that must move elsewhere; never Ray's head."""
    moving = [m.node for m in members if not KINDS[m.kind].follows]
    able = [node.id for node in working if not node.head]
    return min(able, key=lambda node: (moving.count(node), node), default=None)


def _empty(able: Sequence[Node], members: Sequence[Member]) -> str | None:
    """A node that was drained, by whomever, and on which no process is left."""
    used = {m.node for m in members}
    return next((node.id for node in able if node.draining and not node.head and node.id not in used), None)
