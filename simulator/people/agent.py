"""A simulated agent: signs in, takes assigned conversations, works on several conversations at once, resolves them, takes breaks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime
from typing import Any

from ...client import TertuliaError
from ..figures.audit import marker
from ..plan import Seat
from ..scenario.model import Agents, Profile, profile
from ..traffic.feed import Event
from ..traffic.links import LINKS
from ..traffic.requests import may_be_repeated
from .world import World

REPLIES = (
    "I am looking into it.",
    "It left our warehouse this morning.",
    "Done. Is there anything else?",
    "I am sorry about that; you will have the money by Friday.",
)
MOST_SKEW = 1.0
"""Seconds by which an event may be old and still say when work began; more is another machine's clock."""
RESOLVE_AGAIN = 2.0
"""Seconds of the run."""
ENDED = frozenset({"resolved", "closed", "expired"})


class Agent:
    """One agent. `number` counts over all workers."""

    def __init__(self, world: World, group: Agents, number: int, seat: Seat) -> None:
        self.world = world
        self.group = group
        self.number = number
        self.seat = seat
        self.link = LINKS[group.transport](
            world.client, world.requests, seat.token, self._on_event, world.tamper
        )
        self.held: dict[str, asyncio.Task[None]] = {}
        self._level = asyncio.Event()
        self._resolving: set[str] = set()
        self._foreign: set[str] = set()
        self._raising = asyncio.Lock()
        self._handled: set[int] = set()
        self._owners: dict[str, int] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def sign_in(self) -> None:
        """Connect and be online. Raises TertuliaError, TimeoutError."""
        await self.link.open()

    async def run(self) -> None:
        """Take breaks as planned, until cancelled."""
        breaks, world = self.group.breaks, self.world
        if breaks is None:
            return
        while True:
            await world.pause(breaks.after.sample(world.chance))
            await self.link.present("away")
            await world.pause(breaks.lasts.sample(world.chance))
            await self.link.present("online")

    async def sign_out(self) -> None:
        for task in self.held.values():
            task.cancel()
        await asyncio.gather(*self.held.values(), return_exceptions=True)
        await asyncio.gather(*self._leaving, return_exceptions=True)  # over the connection, so before its end
        await self.link.present("offline")
        await self.link.close()

    # -- events

    def _on_event(self, event: Event) -> None:
        kind, data, id = event["type"], event["data"], event["conversation_id"]
        if kind == "notification:assignment":
            self._assigned(data["conversation_id"], data, event)
        elif kind == "notification:offer":
            self._track(asyncio.ensure_future(self._accept(data["conversation_id"])))
        elif id in self.held:
            if kind == "conversation:message":
                self._on_message(id, event)
            elif id not in self._resolving and self._ended(kind, data):
                self.held[id].cancel()

    def _ended(self, kind: str, data: dict[str, Any]) -> bool:
        """Whether an event takes a conversation from this agent."""
        if kind == "conversation:status":
            return data.get("to") in ENDED
        return kind == "agent:assigned" and data["agent_id"] != self.seat.user_id

    def _on_message(self, id: str, event: Event) -> None:
        data = event["data"]
        world, owner = self.world, self._owners[id]
        seq = event.get("seq") or data.get("seq")
        mark = world.audit.seen(f"agent {self.number}", owner, id, seq, data["content"])
        if mark is not None and mark.side == "c" and (customer := world.customers.get(owner)) is not None:
            customer.reached(mark.part)

    def _assigned(self, id: str, data: dict[str, Any], event: Event) -> None:
        if id in self.held:
            return
        number = self.world.number_of(data.get("contact_identifier") or "")
        if number is None:
            # somebody else's customer, whom only people may answer: it must not take a slot from the run
            self._track(asyncio.ensure_future(self._make_room(data["conversation_id"])))
            return
        self._owners[id] = number
        since = time.monotonic()
        if "at" in event:
            age = time.time() - datetime.fromisoformat(event["at"]).timestamp()
            since -= age if 0 <= age <= MOST_SKEW else 0.0
        task = asyncio.ensure_future(self._handle(id, number, since))
        self.held[id] = task
        self._level.set()
        task.add_done_callback(lambda _: self._done(id))

    def _done(self, id: str) -> None:
        task = self.held.pop(id)
        self._owners.pop(id, None)
        self._resolving.discard(id)
        self._level.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.world.figures.error(f"an agent failed: {type(error).__name__}", str(error))

    def _track(self, task: asyncio.Task[None]) -> None:
        self.world.background.add(task)
        task.add_done_callback(self.world.background.discard)

    async def _make_room(self, id: str) -> None:
        """Raise one's maximum by a conversation that is not the run's. It stays as it is."""
        if id in self._foreign:
            return
        self._foreign.add(id)
        async with self._raising:
            try:
                most = (await self.link.client.get_my_preferences())["max_concurrent_conversations"]
                await self.link.client.update_my_preferences(max_concurrent_conversations=most + 1)
            except TertuliaError as error:
                self.world.figures.error(f"an agent could not make room: {type(error).__name__}", str(error))

    async def _accept(self, id: str) -> None:
        await self.world.pause(self.group.reaction.sample(self.world.chance))
        await self.link.accept(id)

    # -- what it does

    async def _handle(self, id: str, number: int, since: float) -> None:
        world, who = self.world, profile(self.world.scenario, number)
        work, turns = self._work(id, number, who, since)
        local = number in world.customers
        if not local:
            world.audit.attach(number, "feed")
        await self.link.join(id)
        try:
            done, at = 0.0, since
            for turn in range(turns):
                until = work * (turn + 0.5) / turns
                at = await self._work_on(until - done, at)
                done = until
                await self._reply(id, number)
            await self._work_on(work - done, at)
            self._resolving.add(id)
            await self._resolve(id)
            self._handled.add(number)
        finally:
            if not local:
                world.audit.end(number)
            leaving = asyncio.ensure_future(self.link.leave(id))
            self._track(leaving)
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _resolve(self, id: str) -> None:
        """Until the server has it: while it does not answer, the conversation keeps the agent's slot."""
        while True:
            answer = await self.world.requests.insist(
                "PATCH /v1/conversations/{id}", f"/v1/conversations/{id}", token=self.seat.token, body={"status": "resolved"},
            )  # fmt: skip
            if answer.ok or not may_be_repeated(answer):
                return
            await asyncio.sleep(RESOLVE_AGAIN)

    def _work(self, id: str, number: int, who: Profile, since: float) -> tuple[float, int]:
        """Seconds of the model that the conversation takes, and the number of replies."""
        group = self.group
        if number in self._handled:
            return group.reopened.sample(who.chance), 1
        opened = int(id.replace("-", "")[:12], 16) / 1000  # a UUIDv7 begins with its time
        waited = (time.time() - (time.monotonic() - since) - opened) * self.world.scale
        if who.silent and waited > who.patience:
            return group.dead.sample(who.work), 1
        return group.handling.sample(who.work), who.turns

    async def _work_on(self, work: float, at: float) -> float:
        """Work for so many seconds of the model at full pace, from the monotonic time `at`; slower with more conversations.

        Returns when it ended, which is where the next work begins: delays of this process do not add up.
        """
        while work > 0:
            speed = self.group.speed(len(self.held)) * self.world.scale
            self._level.clear()
            left = at + work / speed - time.monotonic()
            if left <= 0:
                return at + work / speed
            if len(self.group.pace) == 1:
                await asyncio.sleep(left)
                return at + work / speed
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._level.wait(), left)
            now = time.monotonic()
            work -= (now - at) * speed
            at = now
        return at

    async def _reply(self, id: str, number: int) -> None:
        world = self.world
        part = int(world.now * 1000)
        text = f"{world.chance.choice(REPLIES)} {marker(world.plan.run, number, 'a', part)}"
        began = time.monotonic()
        world.figures.counts["sent"] += 1
        answer = await self.link.send(id, text, f"{world.plan.run}-{number}-a{part}")
        if answer.ok:
            world.figures.ack(world.now, time.monotonic() - began)
            world.audit.acked(number, "a", part)
