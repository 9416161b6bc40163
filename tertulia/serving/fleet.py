"""The server's actors: takes over those that run, starts what is missing, watches them, and lets them follow the nodes.

Everything that ends or replaces an actor happens one at a time, and waits until the replacement works.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError

from .. import __version__
from ..actors.actor_options import create
from ..actors.cluster.ray_nodes import Node, alive_nodes, in_thread
from ..actors.transport.ray_calls import NAMESPACE, call
from ..composition.actor_settings import ActorSettings
from ..core.ports.ownership import Processes, ProcessKind
from ..settings import Settings
from .actor_watch import FROZEN_AFTER, PING_EVERY, Vitals
from .autoscaler import Autoscaler, limits_of
from .fleet_members import KINDS, STOPPED, ActorFailed, Member
from .placement_plan import Plan, free_number, plan

log = structlog.get_logger(__name__)

START_DEADLINE = 60.0
KILL_DEADLINE = 5.0
NAME_FREE_WITHIN = 10.0
"""Seconds for which the name of a killed actor may still be taken."""
PLAN_EVERY = 2.0
PLAN_AT_LATEST = 20.0
"""Restarts that fail, each after a minute, must not keep a node without its processes for longer."""
RAY_ERRORS = (RayError, ValueError, TimeoutError, ConnectionError)
"""Exceptions of calls to Ray while its head is away, or for an actor that is gone."""


class Fleet:
    """`rejoin` connects this process to Ray again, when its own connection is at fault. `sure`: whether no other `tertulia serve` can
    be at work; it ends nothing and starts nothing otherwise. `detached`: the actors outlive it."""

    def __init__(
        self,
        settings: Settings,
        given: ActorSettings,
        processes: Processes,
        say: Callable[[str], None],
        rejoin: Callable[[], Awaitable[None]],
        sure: Callable[[], bool],
        *,
        detached: bool,
    ) -> None:
        self._settings = settings
        self._given = given
        self._processes = processes
        self._say = say
        self._rejoin = rejoin
        self._sure = sure
        self._detached = detached
        self.members: dict[str, Member] = {}
        self._adopted: frozenset[str] = frozenset()
        self._planned_at = 0.0
        self._answered_at = 0.0
        limits = limits_of(settings)
        self._autoscaler = None if limits is None else Autoscaler(limits, processes, say)

    def of(self, kind: ProcessKind) -> list[Member]:
        return sorted((m for m in self.members.values() if m.kind == kind), key=lambda m: m.number)

    # -- start

    async def adopt(self) -> None:
        """Take over the actors that run already."""
        if not self._detached:
            return
        for name in await in_thread(ray.util.list_named_actors):
            kind, _, number = name.partition(":")
            if kind in KINDS and number.isdigit():
                with contextlib.suppress(ValueError):
                    self.members[name] = Member(name, await in_thread(partial(_get, name)), None)
        self._adopted = frozenset(self.members)
        await self._look_at_beats(time.monotonic())

    async def startup(self) -> None:
        """Start what is missing, all at once: a process takes a second to start, and each waits for those that it needs.
        Raises ActorFailed."""
        began = time.monotonic()
        nodes = await self._nodes()
        for kind in KINDS:
            await self._fill(kind, nodes)
        for kind, about in KINDS.items():
            await self._all_up(self.of(kind), about.what)
            more = f", placement {self._settings.placement}" if kind == "host" else ""
            self._say(f"{about.what}: {len(self.of(kind))} running{more} ({time.monotonic() - began:.1f} s)")
        if self._adopted:
            self._say(f"{len(self._adopted)} processes were already running and have been taken over")

    async def _fill(self, kind: ProcessKind, nodes: Sequence[Node]) -> None:
        free = [node.id for node in nodes if not node.draining]
        if KINDS[kind].follows:
            for node in self._plan(kind, free).create:
                await self._create(kind, free_number([m.name for m in self.of(kind)]), node)
            return
        have = {m.number for m in self.of(kind)}
        for number in set(range(self._number_of(kind))) - have:
            await self._create(kind, number, free[number % len(free)] if free else None)

    def _number_of(self, kind: ProcessKind) -> int:
        s = self._settings
        return {
            "host": s.hosts,
            "gateway": s.gateways,
            "supervisor": s.supervisors,
            "dispatcher": s.dispatchers,
        }[kind]

    async def _create(self, kind: ProcessKind, number: int, node: str | None) -> Member:
        about = KINDS[kind]
        name = about.options.name.format(number)
        argument = name if about.follows else number
        make = partial(create, about.options, number, about.compose, self._given, argument)
        handle = await in_thread(partial(make, detached=self._detached, node=node))
        member = self.members[name] = Member(name, handle, node)
        return member

    async def _all_up(self, members: Sequence[Member], what: str) -> None:
        for member, result in zip(
            members, await asyncio.gather(*map(self._up, members), return_exceptions=True), strict=True
        ):
            if isinstance(result, BaseException):
                if not isinstance(result, RAY_ERRORS):
                    raise result
                log.error("actor_did_not_start", name=member.name, error=repr(result))
                raise ActorFailed(what.removesuffix("s"), result)

    async def _up(self, member: Member) -> None:
        await call(member.handle, "ping", deadline=START_DEADLINE)
        member.vitals = Vitals(time.monotonic())

    async def _nodes(self) -> list[Node]:
        """The nodes, without those that an operator drains."""
        drained = await self._processes.drained_nodes()
        return [
            msgspec.structs.replace(n, draining=n.draining or n.id in drained) for n in await alive_nodes()
        ]

    # -- watch

    async def main_loop(self) -> None:
        """Watch, plan and act, until cancelled."""
        looked = self._answered_at = time.monotonic()
        while True:
            await asyncio.sleep(PING_EVERY)
            now = time.monotonic()
            if now - looked > FROZEN_AFTER / 2:  # this process was suspended, or busy with one of them
                self._forgive(now)
            await asyncio.gather(*map(self._ping, self.members.values()))
            await self._look_at_beats(time.monotonic())
            looked = time.monotonic()
            if looked - now > FROZEN_AFTER / 2:  # Postgres kept it waiting, and its answers are old
                self._forgive(looked)
            try:
                if self._sure():
                    await self._act(looked)
            except RAY_ERRORS as error:
                log.warning("fleet_step_failed", error=repr(error))
            except Exception:  # whatever it is, those who live must be watched on
                log.exception("fleet_step_failed")

    def _forgive(self, now: float) -> None:
        """Judge nobody by signs from before: they are too old."""
        for member in self.members.values():
            member.vitals.forgive(now)
        self._answered_at = now

    async def _ping(self, member: Member) -> None:
        try:
            await call(member.handle, "ping", deadline=PING_EVERY)
            self._answered_at = time.monotonic()
            member.vitals.on_answer(self._answered_at)
        except TimeoutError:
            pass
        except ActorDiedError:
            member.vitals.on_given_up()
        except (RayError, ValueError):
            member.vitals.on_unavailable(time.monotonic())

    async def _look_at_beats(self, now: float) -> None:
        try:
            states = {state.name: state for state in await self._processes.all()}
        except Exception as error:
            log.warning("beats_not_read", error=repr(error))
            for member in self.members.values():
                member.vitals.on_blind(now)
            return
        for member in self.members.values():
            member.state = states.get(member.name)
            member.vitals.on_beats(None if member.state is None else member.state.beats, now)
            if member.state is not None:
                member.node = member.state.node

    async def _act(self, now: float) -> None:
        """Do the most urgent thing, if there is any."""
        verdicts = {m.name: m.vitals.verdict(now) for m in self.members.values()}
        frozen = [m for m in self.members.values() if verdicts[m.name] == "frozen"]
        gone = [m for m in self.members.values() if verdicts[m.name] == "gone"]
        if now - self._planned_at > PLAN_AT_LATEST:
            self._planned_at = now
            await self._follow_plan()
        elif gone:
            await self._replace(gone[0])
        elif frozen:
            await self._end(frozen[0])
        elif "unreached" in verdicts.values() and now - self._answered_at > FROZEN_AFTER:
            self._say("no process answers, but all send heartbeats: reconnecting to Ray")
            await self._rejoin()
            for member in self.members.values():
                await self._find_again(member)
        elif any(verdict == "unreached" for verdict in verdicts.values()):
            for member in self.members.values():
                if verdicts[member.name] == "unreached":
                    await self._find_again(member)
        elif now - self._planned_at > PLAN_EVERY:
            await self._follow_plan()
            self._planned_at = time.monotonic()

    async def _find_again(self, member: Member) -> None:
        """It works, but the handle does not reach it."""
        with contextlib.suppress(ValueError):  # unknown to this Ray: it ends with its node, and is replaced
            member.handle = await asyncio.wait_for(in_thread(partial(_get, member.name)), KILL_DEADLINE)

    async def _end(self, member: Member) -> None:
        """End an actor that is frozen, and wait until Ray has restarted it. One whose node is gone has ended with it."""
        if KINDS[member.kind].follows and member.node not in {node.id for node in await alive_nodes()}:
            await self._replace(member)
            return
        self._say(f"{member.name} does not answer and sends no heartbeat; restarting it")
        with contextlib.suppress(*RAY_ERRORS):
            await asyncio.wait_for(
                in_thread(partial(ray.kill, member.handle, no_restart=False)), KILL_DEADLINE
            )
        with contextlib.suppress(*RAY_ERRORS):
            await self._up(member)
        member.vitals.forgive(time.monotonic())

    async def _replace(self, member: Member) -> None:
        """An actor has ended, and Ray does not restart it."""
        log.error("actor_given_up", name=member.name)
        del self.members[member.name]
        if member.state is not None:
            await self._processes.remove(member.name, member.state.incarnation)
        with contextlib.suppress(*RAY_ERRORS):  # Ray may yet mean to restart it
            await asyncio.wait_for(in_thread(partial(ray.kill, member.handle)), KILL_DEADLINE)
        if KINDS[member.kind].follows:
            self._planned_at = 0.0
            return
        await self._name_free(member.name)
        nodes = [node for node in await self._nodes() if not node.draining]
        if nodes and member.number < self._number_of(member.kind):
            node = nodes[member.number % len(nodes)].id
            await self._up(await self._create(member.kind, member.number, node))

    async def _name_free(self, name: str) -> None:
        """Wait until Ray has forgotten a dead actor's name."""
        async with asyncio.timeout(NAME_FREE_WITHIN):
            with contextlib.suppress(ValueError):
                while True:
                    await in_thread(partial(_get, name))
                    await asyncio.sleep(0.1)

    # -- follow the nodes, the numbers and the settings

    def _plan(self, kind: ProcessKind, nodes: Sequence[str]) -> Plan:
        s = self._settings
        per_node = {"host": s.hosts_per_node, "gateway": s.gateways_per_node}[kind]
        if not self._detached:
            per_node = None
        actual = {
            m.name: m.node
            for m in self.of(kind)
            if m.node is not None and not m.retiring and not (m.state is not None and m.state.draining)
        }
        return plan(actual, nodes, total=self._number_of(kind), per_node=per_node)

    async def _follow_plan(self) -> None:
        """One step: a missing process first, then one too many, then one with other settings or of another release."""
        nodes = await self._nodes()
        if self._autoscaler is not None:
            try:
                await self._autoscaler.look(nodes, self.members.values(), time.monotonic())
            except RAY_ERRORS as error:  # the nodes that are there get their processes all the same
                log.warning("autoscaling_failed", error=repr(error))
        free = [node.id for node in nodes if not node.draining]
        if not free:
            return
        kinds: list[ProcessKind] = [kind for kind, about in KINDS.items() if about.follows]
        plans: list[tuple[ProcessKind, Plan]] = [(kind, self._plan(kind, free)) for kind in kinds]
        for kind, wanted in plans:
            if wanted.create:
                await self._add(kind, wanted.create[0])
                return
        for kind in KINDS:
            if not KINDS[kind].follows and (number := self._missing(kind)) is not None:
                await self._up(await self._create(kind, number, free[number % len(free)]))
                return
        for _, wanted in plans:
            if wanted.retire:
                await self._retire(self.members[wanted.retire[0]])
                return
        for member in self.members.values():
            if not KINDS[member.kind].follows and member.number >= self._number_of(member.kind):
                await self._retire(member)
                return
        for member in self.members.values():
            if member.state is not None and (member.state.settings, member.state.release) != (
                self._given.digest,
                __version__,
            ):
                await self._renew(member)
                return

    def _missing(self, kind: ProcessKind) -> int | None:
        """The lowest number that no process of a kind has: the one that had it was given up, and could not be replaced."""
        have = {m.number for m in self.of(kind)}
        return next((number for number in range(self._number_of(kind)) if number not in have), None)

    async def _add(self, kind: ProcessKind, node: str) -> Member:
        member = await self._create(kind, free_number([m.name for m in self.of(kind)]), node)
        self._say(f"{member.name}: starting on node {node[:8]}")
        try:
            await self._up(member)
        except RAY_ERRORS:
            self.members.pop(member.name, None)
            with contextlib.suppress(*RAY_ERRORS):
                await asyncio.wait_for(in_thread(partial(ray.kill, member.handle)), KILL_DEADLINE)
            raise
        return member

    async def _retire(self, member: Member) -> None:
        """End an actor for good, in order."""
        self._say(f"{member.name}: leaving node {(member.node or '?')[:8]}")
        member.retiring = True
        await self._drain(member)
        self.members.pop(member.name, None)

    async def _renew(self, member: Member) -> None:
        """Replace an actor that was started with other settings, or by another release."""
        self._say(f"{member.name}: replacing it, since its settings or its release differ")
        if KINDS[member.kind].follows and member.node is not None:
            await self._add(member.kind, member.node)
            await self._retire(member)
            return
        await self._drain(member)
        del self.members[member.name]
        await self._name_free(member.name)
        await self._up(await self._create(member.kind, member.number, member.node))

    # -- stop

    async def stop(self, *, adopted: bool = True) -> None:
        """Drain the gateways, then supervisors, hosts and dispatchers, and end them; without `adopted`, only those started here."""
        for kind in STOPPED:
            ending = [m for m in self.of(kind) if adopted or m.name not in self._adopted]
            await asyncio.gather(*map(self._drain, ending), return_exceptions=True)

    async def _drain(self, member: Member) -> None:
        try:
            await call(member.handle, "drain", deadline=self._settings.notice + self._settings.drain + 5)
        except (RayError, TimeoutError) as error:
            log.warning("drain_failed", name=member.name, error=repr(error)[:300])
        with contextlib.suppress(RayError, TimeoutError):
            await asyncio.wait_for(in_thread(partial(ray.kill, member.handle)), KILL_DEADLINE)


def _get(name: str) -> ActorHandle:
    return ray.get_actor(name, namespace=NAMESPACE)
