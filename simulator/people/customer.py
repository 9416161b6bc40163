"""A simulated customer: arrives, writes, waits with patience, answers, leaves, perhaps comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from ...client import TertuliaError
from ..figures.audit import marked, marker
from ..scenario.model import Profile
from ..traffic.feed import Event
from .world import World
from .writers import writer

TEXTS = (
    "Where is my order? It should have come on Monday.",
    "Can I still change the delivery address?",
    "It arrived, but the box was open.",
    "How long does a refund take?",
    "The tracking page shows nothing. Can you look?",
    "Thank you, that helps.",
)
HUMAN = "I want to talk to a human, please."
ANSWER_WITHIN = 600.0
"""Seconds of the run that a customer with an agent waits for the next answer before it counts as done."""
ENDED = frozenset({"resolved", "closed", "expired"})


class Customer:
    """One customer from arrival to the end. `intended`: when it should arrive, on the monotonic clock."""

    def __init__(self, world: World, profile: Profile, intended: float) -> None:
        self.world = world
        self.profile = profile
        self.number = profile.number
        self.intended = intended
        self.conversation: str | None = None
        self.assigned = False
        self.resolved = False
        self.answers = 0
        self._answers_used = 0
        self._parts = 0
        self._news = asyncio.Event()
        self._sent: dict[int, float] = {}
        self._stream: asyncio.Task[None] | None = None
        self._writer = writer(world, profile)

    # -- events

    def on_event(self, event: Event) -> None:
        """An event of its conversation, from the account's feed."""
        kind, data = event["type"], event["data"]
        if kind == "conversation:new":
            self.conversation = event["conversation_id"]
        elif kind == "agent:assigned":
            self.assigned = self.assigned or data["agent_id"] is not None
        elif kind == "conversation:status":
            self.resolved = data["to"] in ENDED
        elif kind == "conversation:message":
            self._on_message(data)
        self._news.set()

    def _on_message(self, data: dict[str, object]) -> None:
        if data["sender_type"] == "agent":
            self.answers += 1
        elif (mark := marked(str(data["content"]))) is not None and mark.side == "c":
            self.reached(mark.part)

    def reached(self, part: int) -> None:
        """One of its messages has been seen by the team."""
        if (sent := self._sent.pop(part, None)) is not None:
            now = time.monotonic()
            self.world.figures.time("delivery", now - sent, sent - self.world.start)

    async def _until(self, holds: Callable[[], bool], deadline: float) -> bool:
        """Wait until `holds`, or the monotonic `deadline`."""
        while not holds():
            self._news.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left if left < 1e6 else None)
        return True

    # -- what it does

    async def run(self) -> None:
        world, figures = self.world, self.world.figures
        figures.counts["arrived"] += 1
        figures.point("arrived", world.now)
        figures.time("late", time.monotonic() - self.intended)
        world.customers[self.number] = self
        world.audit.attach(self.number, "feed")
        try:
            if await self._writer.begin():
                await self._open_stream()
                await self._visit()
        finally:
            world.customers.pop(self.number, None)
            world.audit.detach(self.number, "customer")  # an agent may still write to who has left
            world.audit.end(self.number)
            if self._stream is not None:
                await asyncio.sleep(0)  # what has arrived is read first
                self._stream.cancel()
                await asyncio.gather(self._stream, return_exceptions=True)

    async def _visit(self) -> None:
        profile, world = self.profile, self.world
        first = HUMAN if profile.asks_for_human else None
        if not await self._write(first, self.intended):
            return
        if profile.chance.random() < profile.kind.writes_twice:
            await self._write(None, time.monotonic())
        if not await self._until(lambda: self.assigned or self.resolved, self._deadline()):
            await self._give_up()
            return
        await self._talk(profile.turns - 1)
        await self._until(lambda: self.resolved, time.monotonic() + ANSWER_WITHIN)
        if profile.comes_back and not world.stopping.is_set():
            await world.pause(profile.kind.comes_back_after.sample(profile.chance))
            self.world.figures.counts["came back"] += 1
            self.resolved = False
            if await self._write(None, time.monotonic()):
                await self._until(lambda: self.resolved, time.monotonic() + ANSWER_WITHIN)
        if self._stream is not None:
            await self._until(lambda: not world.audit.missing(self.number), time.monotonic() + 5)

    def _deadline(self) -> float:
        """Until when it waits for an agent; without patience for as long as the run lasts."""
        world = self.world
        end = world.start + world.length + ANSWER_WITHIN
        return min(time.monotonic() + self.profile.patience / world.scale, end)

    async def _talk(self, turns: int) -> None:
        """Answer each of the agent's messages after a pause, until everything is said."""
        profile, world = self.profile, self.world
        for _ in range(turns):
            deadline = time.monotonic() + ANSWER_WITHIN
            if not await self._until(lambda: self.answers > self._answers_used or self.resolved, deadline):
                return
            if self.resolved:
                return
            self._answers_used = self.answers
            pause = profile.kind.think.sample(profile.chance) / world.scale
            due = time.monotonic() + pause
            if await self._until(lambda: self.resolved, due) or not await self._write(None, due):
                return

    async def _give_up(self) -> None:
        figures = self.world.figures
        if self.profile.silent:
            figures.counts["left silently"] += self.intended - self.world.start >= figures.warm_up
            return
        figures.counts["left and said so"] += 1
        if self.conversation is not None:
            await self.world.requests.insist(
                "PATCH /v1/conversations/{id}", f"/v1/conversations/{self.conversation}", token=self.world.plan.service, body={"status": "resolved"},
            )  # fmt: skip

    async def _write(self, text: str | None, intended: float) -> bool:
        """Send a message; False if it failed for good."""
        world, profile, kind = self.world, self.profile, self.profile.kind
        self._parts += 1
        part = self._parts
        chosen = text or profile.chance.choice(kind.script or TEXTS)
        content = f"{chosen} {marker(world.plan.run, self.number, 'c', part)}"
        file, again = profile.chance.random() < kind.sends_file, profile.chance.random() < kind.resends
        key = f"{world.plan.run}-{self.number}-{part}"
        self._sent[part] = intended
        world.figures.counts["sent"] += 1
        answer = await self._writer.write(content, key, intended, file=file)
        if again and answer.ok and self._writer.token is not None:
            world.figures.counts["resent"] += 1
            answer = await self._writer.write(content, key, time.monotonic(), file=file)
        if not answer.ok:
            self._sent.pop(part, None)
            return False
        world.figures.ack(world.now, time.monotonic() - intended)
        world.audit.acked(self.number, "c", part)
        if kind.edits and profile.chance.random() < kind.edits:
            await self._writer.edit(f"{chosen} (edited) {marker(world.plan.run, self.number, 'c', part)}")
        return True

    # -- its own stream

    async def _open_stream(self) -> None:
        kind = self.profile.kind.stream
        if kind == "none":
            return
        ready = asyncio.Event()
        self._stream = asyncio.ensure_future(self._follow(ready))
        self._stream.add_done_callback(lambda _: ready.set())
        await ready.wait()
        if not self._stream.done():
            self.world.audit.attach(self.number, "customer")

    async def _follow(self, ready: asyncio.Event) -> None:
        world, client = self.world, self.world.client.as_user(self._writer.token)
        over = "sse" if self.profile.kind.stream == "sse" else "websocket"
        try:
            async with client.stream(over=over) as stream:
                world.figures.counts["streams opened"] += 1
                ready.set()
                async for event in stream:
                    for one in world.tamper("customer", event):
                        self._read(one)
        except TertuliaError as error:
            world.figures.error(f"a customer's stream: {type(error).__name__}", str(error))
            world.figures.counts["failed"] += 1
            world.audit.detach(self.number, "customer")

    def _read(self, event: Event) -> None:
        if event["type"] != "conversation:message":
            return
        data = event["data"]
        if data.get("is_private"):
            self.world.audit.leak(f"a private message reached customer {self.number}")
        self.world.audit.seen(
            "customer", self.number, event["conversation_id"], event["seq"], data["content"]
        )
        self._news.set()
