"""One worker: its share of the customers and agents in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import msgspec

from ...client import TertuliaError
from ..figures import generator
from ..figures.audit import marked
from ..figures.figures import Figures
from ..figures.floor import Batch, Floor, Load
from ..people.agent import Agent
from ..people.customer import Customer
from ..people.lead import Lead
from ..people.world import World
from ..plan import Plan
from ..scenario.arrivals import arrival_times
from ..scenario.model import BY_LEAD, profile
from ..traffic import double
from ..traffic.feed import Feed

SWEEP_EVERY = 1.0


class FloorFigures(msgspec.Struct):
    """The floor at the end. `loads` are by user id."""

    batches: list[Batch]
    loads: dict[str, Load]
    counts: dict[str, int]
    over_capacity: list[str]
    live: list[str] = []
    """Conversations that are unfinished at the end."""


class State(msgspec.Struct):
    """How far a worker is. `busy`: customers are under way or still to come. `contacts`: the customers' contacts since the last state."""

    busy: bool
    contacts: list[str]


class Outcome(msgspec.Struct):
    """A worker's result, as it travels: the figures are dumped."""

    figures: bytes
    audit: dict[str, int]
    checked: int
    examples: list[str]
    floor: FloorFigures | None
    contacts: list[str]


class Worker:
    """`finish` is set by the coordinator once the customers of all workers are done, or the time for that is over."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.finish = asyncio.Event()
        self.world: World | None = None
        self.people: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect the feed. Raises TertuliaError, TimeoutError."""
        self.world = world = World(self.plan, time.time() + 3600)
        self.feed = Feed(world.client, world.figures, world.on_event, world.tamper)
        await self.feed.open()

    async def close(self) -> None:
        """Free what `open` made, if `run` has not."""
        if self.world is not None:
            await self.feed.close()
            await self.world.requests.close()
            await self.world.client.aclose()

    async def run(self, began: float) -> Outcome:
        """Run from epoch second `began` to the end."""
        world = self.world
        assert world is not None
        world.begin(began)
        scenario, plan, figures = self.plan.scenario, self.plan, world.figures
        if plan.index == 0:
            world.floor = self._floor(world)
        agents = [Agent(world, scenario.group_of(n), n, s) for n, s in enumerate(plan.seats) if plan.mine(n)]
        tasks = [
            asyncio.ensure_future(generator.watch(figures, world.start)),
            asyncio.ensure_future(self._sweep(world)),
            asyncio.ensure_future(self._staff(world, agents)),
            *(
                asyncio.ensure_future(self._provider(world, id))
                for t, id in plan.channels.items()
                if t != "webchat" and plan.double
            ),
        ]
        if world.floor is not None and scenario.policy.strategy in BY_LEAD:
            lead = Lead(world, world.floor, [seat.user_id for seat in plan.seats])
            tasks.append(asyncio.ensure_future(lead.run()))
        try:
            await self._until_finished(world)
            await self._settle(world)
        finally:
            await self._end(world, agents, tasks)
        return self.outcome()

    # -- the parts of a run

    async def _staff(self, world: World, agents: list[Agent]) -> None:
        """Sign the agents in as planned, and let them work."""

        async def one(agent: Agent) -> None:
            spread, count = float(agent.group.sign_in) / world.scale, max(1, agent.group.count)
            await asyncio.sleep(
                max(0.0, world.start - LEAD_TIME + spread * agent.number / count - time.monotonic())
            )
            try:
                await agent.sign_in()
            except (TertuliaError, OSError, TimeoutError, ConnectionError) as error:
                world.figures.error(f"an agent could not sign in: {type(error).__name__}", str(error))
                world.figures.counts["failed"] += 1
                return
            world.figures.counts["agents signed in"] += 1
            await agent.run()

        await asyncio.gather(*(one(agent) for agent in agents))

    async def _until_finished(self, world: World) -> None:
        """Let customers arrive, all of them or until the coordinator ends the run before its time."""
        arrivals = asyncio.ensure_future(self._arrivals(world))
        finish = asyncio.ensure_future(self.finish.wait())
        try:
            await asyncio.wait((arrivals, finish), return_when=asyncio.FIRST_COMPLETED)
            if arrivals.done():
                arrivals.result()
            world.stopping.set()
            await finish
        finally:
            for task in (arrivals, finish):
                task.cancel()
            await asyncio.gather(arrivals, finish, return_exceptions=True)

    async def _arrivals(self, world: World) -> None:
        scenario, plan = self.plan.scenario, self.plan
        for number, at in enumerate(arrival_times(scenario.arrivals, scenario.duration, scenario.seed)):
            if plan.customers is not None and number >= plan.customers:
                break
            if not plan.mine(number):
                continue
            intended = world.start + at / world.scale
            if (wait := intended - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.ensure_future(Customer(world, profile(scenario, number), intended).run())
            self.people.add(task)
            task.add_done_callback(self._left)
        await asyncio.sleep(max(0.0, world.start + world.length - time.monotonic()))

    def _left(self, task: asyncio.Task[None]) -> None:
        self.people.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            assert self.world is not None
            self.world.figures.error(f"a customer failed: {type(error).__name__}: {error}")
            self.world.figures.counts["failed"] += 1

    async def _provider(self, world: World, channel: str) -> None:
        def on_item(item: Any) -> None:
            mark = marked(item["text"])
            if mark is None or mark.run != self.plan.run or mark.number not in world.customers:
                return
            owner = world.number_of(item["to"])
            world.audit.seen("provider", mark.number if owner is None else owner, channel, None, item["text"])

        await double.follow(world.requests, self.plan.double or "", channel, on_item)

    @staticmethod
    async def _sweep(world: World) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            world.audit.sweep()

    async def _settle(self, world: World) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.settle):
                await world.settled()

    async def _end(self, world: World, agents: list[Agent], tasks: list[asyncio.Task[Any]]) -> None:
        world.figures.counts["unfinished"] += len(self.people)
        for task in (*tasks, *self.people):
            task.cancel()
        await asyncio.gather(*tasks, *self.people, return_exceptions=True)
        await asyncio.gather(*(agent.sign_out() for agent in agents), return_exceptions=True)
        await asyncio.gather(*world.background, return_exceptions=True)
        await self.feed.close()
        world.audit.sweep(all=True)
        if world.floor is not None:
            world.floor.close(world.now)
        await world.requests.close()
        await world.client.aclose()

    # -- figures

    def _floor(self, world: World) -> Floor:
        scenario = self.plan.scenario
        slots = {seat.user_id: scenario.group_of(n).slots for n, seat in enumerate(self.plan.seats)}
        return Floor(
            world.figures, began=world.began, warm_up=float(scenario.warm_up) / world.scale, duration=world.length,
            scale=world.scale, answer_within=float(scenario.answer_within), slots=slots, number_of=world.number_of,
        )  # fmt: skip

    def state(self) -> State:
        world = self.world
        assert world is not None
        contacts, world.contacts = sorted(world.contacts), set()  # the coordinator collects them
        return State(not world.stopping.is_set() or bool(self.people), contacts)

    def outcome(self) -> Outcome:
        """The figures so far."""
        world = self.world
        assert world is not None
        floor = world.floor and FloorFigures(
            world.floor.batches, world.floor.agents, dict(world.floor.counts), world.floor.over_capacity[:20]
        )
        if world.floor is not None:
            world.figures.counts["over_capacity"] = len(world.floor.over_capacity)
        if world.floor is not None and floor is not None and self.finish.is_set():
            floor.live = list(world.floor.live)
        a = world.audit
        return Outcome(
            world.figures.dump(), dict(a.faults), a.checked, a.examples, floor, self.state().contacts
        )


LEAD_TIME = 1.0
"""Seconds before the run's start in which the first agents sign in."""


def merged(outcomes: list[Outcome]) -> tuple[Figures, Outcome]:
    """The figures of all workers together, and the rest of their outcomes."""
    figures = Figures.load(outcomes[0].figures)
    for outcome in outcomes[1:]:
        figures.merge(Figures.load(outcome.figures))
    audit: dict[str, int] = {}
    for outcome in outcomes:
        for kind, count in outcome.audit.items():
            audit[kind] = audit.get(kind, 0) + count
    with contextlib.suppress(StopIteration):
        floor = next(o.floor for o in outcomes if o.floor is not None)
        rest = Outcome(
            b"", audit, sum(o.checked for o in outcomes), [e for o in outcomes for e in o.examples][:20], floor,
            [c for o in outcomes for c in o.contacts],
        )  # fmt: skip
        return figures, rest
    raise AssertionError("one worker keeps the floor")
