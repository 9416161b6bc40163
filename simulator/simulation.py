"""`tertulia simulate`: customers who write and agents who answer, against a running server.

A client like any other: it uses the Python client and imports nothing of the server. Every acknowledged message must reach the other
side: a customer's an agent's WebSocket, an agent's the customer's event stream. Any that does not is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Callable

import msgspec
from rich.console import Console
from rich.live import Live

from ..client import ApiError, AsyncClient, AsyncStream, Event, Options, RetryPolicy, TertuliaError
from .figures import Figures

PATIENCE = 10.0
"""Seconds after the end in which acknowledged messages may still arrive."""
CONNECTIONS = 256
"""Of all customers together; streams have their own."""
TEXTS = (
    "Where is my order? It should have come on Monday.",
    "Can I still change the delivery address?",
    "It arrived, but the box was open.",
    "How long does a refund take?",
    "Thank you!",
)
REPLIES = (
    "I am looking into it.",
    "It left our warehouse this morning.",
    "Done. Is there anything else?",
    "I am sorry about that.",
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate. `think`: mean seconds between a customer's messages, and before an agent's reply.

    `agent_token` returns a token and the user id for an agent's number."""

    url: str
    channel: str
    customers: int
    agents: int
    duration: float
    think: float
    agent_token: Callable[[int], tuple[str, str]]


def kind_of(error: TertuliaError) -> str:
    """An error as the figures count it: status and code of an answer, else the kind of failure."""
    return f"{error.status} {error.code}".strip() if isinstance(error, ApiError) else type(error).__name__


class Simulation(Figures):
    """One run: its participants, and what happened to their messages. Repeats are counted as errors too."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        options = Options(
            retries=RetryPolicy(longest_pause=5.0),
            max_connections=CONNECTIONS,
            on_repeat=lambda error: self.count(error),
        )
        self.client = AsyncClient(plan.url, options=options)
        self.stopping = asyncio.Event()
        self.agents = [Agent(self, i) for i in range(plan.agents)]
        self.assignees: dict[str, str] = {}

    # -- the run

    async def run(self) -> None:
        """Run for the planned time, then until all acknowledged messages have arrived or PATIENCE is over."""
        plan = self.plan
        listening = [asyncio.ensure_future(agent.run()) for agent in self.agents]
        tasks: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(30):
                await asyncio.gather(*(agent.ready.wait() for agent in self.agents))
            ramp = min(plan.duration / 4, plan.customers / 50)
            customers = [Customer(self, ramp * i / plan.customers) for i in range(plan.customers)]
            tasks = [asyncio.ensure_future(c.run()) for c in customers]
            listening += [asyncio.ensure_future(c.listen()) for c in customers]
            await asyncio.sleep(plan.duration)
            self.stopping.set()
            await asyncio.wait(tasks)
            await self._settle()
        finally:
            for task in (*tasks, *listening):
                task.cancel()
            await asyncio.gather(*tasks, *listening, return_exceptions=True)

    async def _settle(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            busy = any(agent.answering for agent in self.agents)
            if not (busy or self.inbound.missing or self.outbound.missing):
                return
            await asyncio.sleep(0.05)

    async def pause(self, mean: float) -> bool:
        """Pause for a random time. False when it is time to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), random.expovariate(1 / mean) if mean else 0)
        return not self.stopping.is_set()

    def count(self, error: TertuliaError, what: str = "") -> None:
        self.errors[what + kind_of(error)] += 1

    async def follow(self, stream: AsyncStream, ready: asyncio.Event, hear: Callable[[Event], None]) -> None:
        """Read a stream until cancelled; it resumes by itself."""
        try:
            async with stream:
                self.online += 1
                ready.set()
                connections = stream.connections
                async for event in stream:
                    self.reconnects += stream.connections - connections
                    connections = stream.connections
                    if event["type"] == "reset":
                        self.errors["stream: reset"] += 1
                    hear(event)
        except TertuliaError as error:
            self.count(error, "stream: ")
        finally:
            self.online -= ready.is_set()


class Customer:
    """One customer: a web chat session with its messages and event stream."""

    def __init__(self, all: Simulation, delay: float) -> None:
        self.all = all
        self.delay = delay
        self.client = all.client
        self.begun = asyncio.Event()

    async def run(self) -> None:
        """Write and pause in turn, until it is time to stop."""
        all, plan = self.all, self.all.plan
        await asyncio.sleep(self.delay)
        try:
            name = random.choice(("Ada", "Ben", "Cem"))
            session = await all.client.create_webchat_session(plan.channel, contact_name=name)
        except TertuliaError as error:
            return all.count(error)
        self.client = all.client.as_user(session["token"])
        self.begun.set()
        while await all.pause(plan.think):
            await self._write()
        return None

    async def _write(self) -> None:
        flow = self.all.inbound
        flow.sent += 1
        sent_at = time.monotonic()
        try:
            message = await self.client.create_webchat_message(content=random.choice(TEXTS))
        except TertuliaError as error:
            return self.all.count(error)
        return flow.on_ack(message["id"], sent_at)

    async def listen(self) -> None:
        """Read the event stream."""
        await self.begun.wait()
        await self.all.follow(self.client.stream(), asyncio.Event(), self._hear)

    def _hear(self, event: Event) -> None:
        if event["type"] == "conversation:message" and event["data"]["sender_type"] == "agent":
            self.all.outbound.on_seen(event["data"]["id"])


class Agent:
    """One agent: follows the inbox over a WebSocket, takes over conversations and replies after a pause."""

    def __init__(self, all: Simulation, number: int) -> None:
        self.all = all
        self.number = number
        token, self.user_id = all.plan.agent_token(number)
        self.client = all.client.as_user(token)
        self.stream = self.client.stream(over="websocket")
        self.ready = asyncio.Event()
        self.answering: set[asyncio.Task[None]] = set()
        self.busy: set[str] = set()

    async def run(self) -> None:
        """Sign in, then hold the stream."""
        with contextlib.suppress(ApiError):  # a server without routing refuses both
            await self.client.set_my_presence(status="online")
            most = max(5, self.all.plan.customers)
            await self.client.update_my_preferences(max_concurrent_conversations=most, is_available=True)
        await self.all.follow(self.stream, self.ready, self._hear)

    def _hear(self, event: Event) -> None:
        if event["type"] == "agent:assigned":
            if event["data"]["agent_id"] is None:
                self.all.assignees.pop(event["conversation_id"], None)
            else:
                self.all.assignees[event["conversation_id"]] = event["data"]["agent_id"]
        elif event["type"] == "conversation:message" and event["data"]["sender_type"] == "contact":
            self.all.inbound.on_seen(event["data"]["id"])
            conversation_id = event["data"]["conversation_id"]
            if self._mine(conversation_id) and conversation_id not in self.busy:
                self._answer(conversation_id)

    def _mine(self, conversation_id: str) -> bool:
        assignee = self.all.assignees.get(conversation_id)
        if assignee in {a.user_id for a in self.all.agents}:
            return assignee == self.user_id
        return hash(conversation_id) % len(self.all.agents) == self.number

    def _answer(self, conversation_id: str) -> None:
        self.busy.add(conversation_id)
        task = asyncio.ensure_future(self._claim_and_reply(conversation_id))
        self.answering.add(task)
        task.add_done_callback(self.answering.discard)
        task.add_done_callback(lambda _: self.busy.discard(conversation_id))

    async def _claim_and_reply(self, conversation_id: str) -> None:
        all, what = self.all, "agent:takeover: "
        try:
            if all.assignees.get(conversation_id) is None:
                await self.stream.send("agent:takeover", conversation_id=conversation_id)
                all.claimed += 1
        except TertuliaError as error:
            all.count(error, what)
        await all.pause(all.plan.think)
        all.outbound.sent += 1
        sent_at = time.monotonic()
        try:
            message = await self.stream.send(
                "message:send", conversation_id=conversation_id, content=random.choice(REPLIES),
                client_message_id=str(uuid.uuid4()),
            )  # fmt: skip
        except TertuliaError as error:
            return all.count(error, "message: ")
        return all.outbound.on_ack(message["id"], sent_at)


async def simulate(plan: Plan, console: Console) -> Figures:
    """Run a simulation and show its progress. Raises TertuliaError or TimeoutError if it cannot start."""
    s = Simulation(plan)
    try:
        await s.agents[0].client.create_stream_ticket(timeout=5.0)
        if console.is_terminal:
            with Live(get_renderable=lambda: s.summary(plan.duration), console=console, refresh_per_second=2):
                await s.run()
        else:
            await s.run()
            console.print(s.summary(plan.duration))
    finally:
        await s.client.aclose()
    return s
