"""From a customer's first message to the agent who has it, and from a resolve to the next one that waited."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import aiohttp
import orjson

from tertulia.core.accounts.principal import Role

from ...processes import BenchError, make_id, token
from ...results import Figure, Series
from ..bench import Bench

RATE = 200
AGENTS = 20
CAPACITY = 100
SECONDS = 8
WAITING = 40
GOAL_MS = 100.0


class Watch:
    """When the account's conversations were assigned, by the clock of this process."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._news = asyncio.Event()
        self._ended: str | None = None

    async def follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            event = orjson.loads(message.data)
            if event["type"] == "agent:assigned" and event["data"]["agent_id"] is not None:
                self.at.setdefault(event["conversation_id"], time.monotonic())
                self._news.set()
        self._ended = (
            f"the watching WebSocket ended with {socket.close_code} after {len(self.at)} assignments"
        )
        self._news.set()

    async def until(self, count: int) -> None:
        try:
            async with asyncio.timeout(30):
                while len(self.at) < count:
                    if self._ended is not None:
                        raise BenchError(self._ended)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise BenchError(f"{len(self.at)} of {count} assignments seen within 30 s") from None


async def _json(request: Any, status: int) -> dict[str, Any]:
    async with request as response:
        if response.status != status:
            raise BenchError(
                f"{response.method} {response.url.path}: {response.status} {await response.text()}"
            )
        return await response.json()


async def _agents(session: aiohttp.ClientSession, account: str, names: list[str], capacity: int) -> None:
    for name in names:
        own = {"Authorization": f"Bearer {token(account, Role.AGENT, name)}"}
        preferences = {"auto_accept": True, "max_concurrent_conversations": capacity}
        await _json(session.patch("/v1/agent-preferences/me", json=preferences, headers=own), 200)
        await _json(session.put("/v1/agents/me/presence", json={"status": "online"}, headers=own), 200)


async def assigning(bench: Bench) -> list[Figure]:
    """Each round in an account of its own: its agents have room for every conversation of the round."""
    server = await bench.server()
    first: list[list[float]] = []
    freed: list[list[float]] = []
    for number in range(bench.rounds):
        for agents, capacity, found, what in ((AGENTS, CAPACITY, first, _first), (1, 1, freed, _freed)):
            tenant = await bench.make_tenant(server.database_url)
            headers = {"Authorization": f"Bearer {tenant.service}"}
            async with aiohttp.ClientSession(server.url, headers=headers) as session:
                bench.step(f"round {number + 1}: {what.__name__.strip('_')}")
                names = [make_id(7, n) for n in range(agents)]
                await _agents(session, tenant.account, names, capacity)
                async with session.ws_connect("/v1/ws?topics=account") as socket:
                    watch = Watch()
                    following = asyncio.ensure_future(watch.follow(socket))
                    found.append(await what(session, tenant.channel, watch))
                    following.cancel()
    return [
        Figure(
            measure="assigning",
            what=f"first message to agent:assigned on a WebSocket, {RATE} new conversations/s",
            value=Series("p50", "ms", [statistics.median(f) for f in first]),
            parts=[
                Series("p99", "ms", [_p99(f) for f in first]),
                Series("worst", "ms", [max(f) for f in first]),
            ],
        ),
        Figure(
            measure="assigning",
            what="resolve to agent:assigned of the one that waited longest, worst",
            value=Series("worst", "ms", [max(f) for f in freed]),
            goal=GOAL_MS,
            most=True,
            parts=[Series("p50", "ms", [statistics.median(f) for f in freed])],
        ),
    ]


def _p99(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]


async def _first(session: aiohttp.ClientSession, channel: str, watch: Watch) -> list[float]:
    """ms from the first message's POST to the event, for each conversation."""
    began: dict[str, float] = {}

    async def one(number: int) -> None:
        body: dict[str, Any] = {"channel_id": channel, "contact_identifier": f"first-{number:06d}"}
        at = time.monotonic()
        opened = await _json(session.post("/v1/conversations", json=body), 201)
        began[opened["id"]] = at
        said = {"content": "Hello?", "sender_type": "contact"}
        await _json(session.post(f"/v1/conversations/{opened['id']}/messages", json=said), 201)

    start, tasks = time.monotonic(), []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
        tasks.append(asyncio.ensure_future(one(number)))
    await asyncio.gather(*tasks)
    await watch.until(len(began))
    return [(watch.at[i] - at) * 1000 for i, at in began.items()]


async def _freed(session: aiohttp.ClientSession, channel: str, watch: Watch) -> list[float]:
    """ms from each PATCH that resolves to the event of the next; one agent with room for one."""
    opened = []
    for number in range(WAITING):
        body = {"channel_id": channel, "contact_identifier": f"freed-{number:06d}"}
        opened.append((await _json(session.post("/v1/conversations", json=body), 201))["id"])
    await watch.until(1)
    found = []
    for number in range(WAITING - 1):
        held = opened[number]
        if held not in watch.at:
            raise BenchError("the agent was given another conversation than the oldest")
        at = time.monotonic()
        await _json(session.patch(f"/v1/conversations/{held}", json={"status": "resolved"}), 200)
        await watch.until(number + 2)
        found.append((watch.at[opened[number + 1]] - at) * 1000)
    return found
