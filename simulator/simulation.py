"""`tertulia simulate`: customers who write and agents who answer, against a running server.

A client like any other: it uses the API and imports nothing of the server. Every acknowledged message must reach the other
side: a customer's an agent's WebSocket, an agent's the customer's event stream. Any that does not is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from rich.console import Console
from rich.live import Live

from .figures import Figures

PATIENCE = 10.0
"""Seconds after the end in which acknowledged messages may still arrive."""
ATTEMPTS = 8
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


class Refused(Exception):
    """The server refused a request: `kind` is the status and error code."""

    def __init__(self, kind: str, retry_after: float | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.retry_after = retry_after


class Simulation(Figures):
    """One run: its participants, and what happened to their messages."""

    def __init__(self, plan: Plan, session: aiohttp.ClientSession) -> None:
        super().__init__()
        self.plan = plan
        self.session = session
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

    # -- requests

    async def ask(self, method: str, path: str, token: str | None, body: Any = None) -> Any:
        """Make one request. Raises Refused."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.request(method, self.plan.url + path, headers=headers, json=body) as response:
            answer = await response.json(content_type=None) if response.status != 204 else None
            if response.status < 300:
                return answer
            code = answer.get("code", "") if isinstance(answer, dict) else ""
            after = response.headers.get("Retry-After", "")
            raise Refused(f"{response.status} {code}".strip(), float(after) if after.isdigit() else None)

    async def insist(self, method: str, path: str, token: str | None, body: Any = None) -> Any:
        """Make an idempotent request, and retry while the server is busy or away. Raises Refused in the end."""
        for attempt in range(ATTEMPTS):
            try:
                return await self.ask(method, path, token, body)
            except Refused as refused:
                self.errors[refused.kind] += 1
                if refused.kind[:3] not in ("429", "503"):
                    raise
                await asyncio.sleep(refused.retry_after or 0.5)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.errors[type(error).__name__] += 1
                await asyncio.sleep(min(5.0, 0.2 * 2**attempt))
        raise Refused("gave up")

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        self.online += 1
        try:
            yield
        finally:
            self.online -= 1

    async def keep(self, connect: Callable[[str | None], Any]) -> None:
        """Keep a stream open. `connect(since)` runs it until it ends and returns the last event id, to resume from."""
        since: str | None = None
        while True:
            try:
                async with self.connected():
                    since = await connect(since) or since
            except Refused as refused:
                self.errors[f"stream: {refused.kind}"] += 1
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.errors[f"stream: {type(error).__name__}"] += 1
            self.reconnects += 1
            await asyncio.sleep(0.2 + random.random() * 0.3)


class Customer:
    """One customer: a web chat session with its messages and event stream."""

    def __init__(self, all: Simulation, delay: float) -> None:
        self.all = all
        self.delay = delay
        self.token = ""
        self.begun = asyncio.Event()
        self.last: str | None = None

    async def run(self) -> None:
        """Write and pause in turn, until it is time to stop."""
        all, plan = self.all, self.all.plan
        await asyncio.sleep(self.delay)
        with contextlib.suppress(Refused):
            path = f"/v1/webchat/{plan.channel}/sessions"
            session = await all.insist(
                "POST", path, None, {"contact_name": random.choice(("Ada", "Ben", "Cem"))}
            )
            self.token = session["token"]
            self.begun.set()
            while await all.pause(plan.think):
                await self._write()

    async def _write(self) -> None:
        flow, body = (
            self.all.inbound,
            {"content": random.choice(TEXTS), "client_message_id": str(uuid.uuid4())},
        )
        flow.sent += 1
        sent_at = time.monotonic()
        with contextlib.suppress(Refused):
            message = await self.all.insist("POST", "/v1/webchat/messages", self.token, body)
            flow.on_ack(message["id"], sent_at)

    async def listen(self) -> None:
        """Read the event stream, resuming it whenever it ends."""
        await self.begun.wait()
        await self.all.keep(self._stream)

    async def _stream(self, since: str | None) -> str | None:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Last-Event-ID": since} if since else {})
        async with self.all.session.get(
            self.all.plan.url + "/v1/stream", headers=headers, timeout=aiohttp.ClientTimeout(sock_read=60)
        ) as response:
            if response.status != 200:
                raise Refused(str(response.status))
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async for line in response.content:
                    if line.startswith(b"data: "):
                        event = msgspec.json.decode(line[6:])
                        since = event["id"] or since
                        self._hear(event)
        return since

    def _hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "conversation:message" and event["data"]["sender_type"] == "agent":
            self.all.outbound.on_seen(event["data"]["id"])
        elif event["type"] == "reset":
            self.all.errors["stream: reset"] += 1


class Agent:
    """One agent: follows the inbox over a WebSocket, takes over conversations and replies after a pause."""

    def __init__(self, all: Simulation, number: int) -> None:
        self.all = all
        self.number = number
        self.token, self.user_id = all.plan.agent_token(number)
        self.ready = asyncio.Event()
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.asked: dict[str, asyncio.Future[Any]] = {}
        self.answering: set[asyncio.Task[None]] = set()
        self.busy: set[str] = set()
        self.refs = 0

    async def run(self) -> None:
        """Sign in, then hold the stream."""
        with contextlib.suppress(Refused):  # a server without routing refuses both
            await self.all.ask("PUT", "/v1/agents/me/presence", self.token, {"status": "online"})
            limit = {"max_concurrent_conversations": max(5, self.all.plan.customers), "is_available": True}
            await self.all.ask("PATCH", "/v1/agent-preferences/me", self.token, limit)
        await self.all.keep(self._stream)

    async def _stream(self, since: str | None) -> str | None:
        query = f"?since={since}" if since else ""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.all.session.ws_connect(
            f"{self.all.plan.url}/v1/ws{query}", headers=headers
        ) as socket:
            self.socket = socket
            try:
                async for received in socket:
                    if received.type is not aiohttp.WSMsgType.TEXT:
                        break
                    event = msgspec.json.decode(received.data)
                    since = event.get("id") or since
                    self._hear(event)
            finally:
                self.socket = None
                for future in self.asked.values():
                    future.cancel()
                self.asked.clear()
        return since

    def _hear(self, event: dict[str, Any]) -> None:
        type, data = event["type"], event.get("data", {})
        if type in ("ack", "error"):
            future = self.asked.pop(event["ref"], None)
            if future is not None and not future.done():
                future.set_result(event)
        elif type == "ready":
            self.ready.set()
        elif type == "reset":
            self.all.errors["stream: reset"] += 1
        elif type == "agent:assigned":
            if data["agent_id"] is None:
                self.all.assignees.pop(event["conversation_id"], None)
            else:
                self.all.assignees[event["conversation_id"]] = data["agent_id"]
        elif type == "conversation:message" and data["sender_type"] == "contact":
            self.all.inbound.on_seen(data["id"])
            if self._mine(data["conversation_id"]) and data["conversation_id"] not in self.busy:
                self._answer(data["conversation_id"])

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
        all = self.all
        if self.all.assignees.get(conversation_id) is None:
            claim = await self._say("agent:takeover", conversation_id=conversation_id)
            all.claimed += claim is not None
        await all.pause(all.plan.think)
        sent_at = time.monotonic()
        all.outbound.sent += 1
        message = await self._say(
            "message:send", conversation_id=conversation_id, content=random.choice(REPLIES),
            client_message_id=str(uuid.uuid4()),
        )  # fmt: skip
        if message is not None:
            all.outbound.on_ack(message["id"], sent_at)

    async def _say(self, type: str, **fields: Any) -> Any:
        """Send a command over the WebSocket. Returns its data, or None if it was refused or not answered."""
        self.refs += 1
        ref = str(self.refs)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            if self.socket is None:
                raise ConnectionError
            self.asked[ref] = future
            await self.socket.send_str(msgspec.json.encode({"type": type, "ref": ref, **fields}).decode())
            event = await asyncio.wait_for(future, 30)
        except (aiohttp.ClientError, OSError, TimeoutError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not future.cancelled():
                raise
            self.all.errors[f"{type}: no answer"] += 1
            return None
        if event["type"] == "error":
            self.all.errors[f"{type}: {event['error']['code']}"] += 1
            return None
        return event["data"]


async def simulate(plan: Plan, console: Console) -> Figures:
    """Run a simulation and show its progress.

    Raises Refused, ClientError, OSError or TimeoutError if it cannot start.
    """
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        s = Simulation(plan, session)
        await s.ask("POST", "/v1/auth/ticket", s.agents[0].token)
        if console.is_terminal:
            with Live(get_renderable=lambda: s.summary(plan.duration), console=console, refresh_per_second=2):
                await s.run()
        else:
            await s.run()
            console.print(s.summary(plan.duration))
    return s
