"""Answers of the assistant: from when the provider sends a piece until the user's WebSocket has it, with hundreds of answers at once;
and what a dead provider costs the users' messages."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from typing import Any

import aiohttp
import orjson

from tertulia.core.accounts.principal import Role

from ...processes import BenchError, Process, Server, Tenant, free_port, make_id, make_tenant, token
from ...results import Figure, Series, ratios
from ..bench import Bench

STREAMS = 500
"""Answers that are under way at once, at least, while first pieces are measured."""
USERS = 550
CHUNKS = 40
THINK = 0.5
GAP = 0.2
PAUSE = 0.5
"""Seconds between a user's two questions, after the time that an answer lasts."""
LIFE = THINK + CHUNKS * GAP
"""Seconds that an answer lasts. As many users write in this time, evenly."""
GOAL_MS = 50.0
RATE, POSTS = 100, 500
"""Messages a second, and in all, whose acknowledgements are timed with a provider that answers and with one that is dead."""
GOAL_DEAD = 1.2
BASE = "/assistant/api/v1"


class Delays:
    """What the users' WebSockets got in one round. `first` and `every`: milliseconds since the provider sent a piece, in the second
    answer of each user."""

    def __init__(self) -> None:
        self.first: list[float] = []
        self.every: list[float] = []
        self.under_way = self.most_under_way = 0


async def answering(bench: Bench) -> list[Figure]:
    """Every answer must be complete. Each user has a WebSocket, and writes twice."""
    port = free_port()
    flow = Process("bench.flow", str(port), str(CHUNKS), str(THINK), str(GAP))
    await bench.stop_servers()
    bench.step("starting the server and the flow")
    await flow.start()
    rounds: list[Delays] = []
    posts: list[tuple[list[float], list[float]]] = []
    settings = {"LANGFLOW_RUNTIME_URL": f"http://127.0.0.1:{port}", "LANGFLOW_FLOW_ID": "bench", "TERTULIA_ALLOWED_NETWORKS": "127.0.0.0/8"}  # fmt: skip
    try:
        async with bench.other_server("answering", **settings) as server:
            tenant = await _tenant(server)
            headers = {"Authorization": f"Bearer {tenant.service}"}
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(server.url, headers=headers, connector=connector) as session:
                bench.step(f"opening {USERS} conversations")
                conversations = [await _open(session) for _ in range(USERS)]
                for number in range(bench.rounds):
                    bench.step(f"round {number + 1}: {STREAMS} answers at once")
                    rounds.append(await _round(session, conversations))
                for number in range(bench.rounds):
                    bench.step(f"round {number + 1}: a dead provider")
                    posts.append(await _dead(session, flow))
    finally:
        flow.process.send_signal(signal.SIGCONT)
        await flow.stop()
    return [*_figures(rounds), _dead_figure(posts)]


async def _tenant(server: Server) -> Tenant:
    """An account without limits of model calls."""
    tenant = await make_tenant(server.database_url, 1)
    headers = {"Authorization": f"Bearer {token(tenant.account, Role.ADMIN, make_id(9, 1))}"}
    none = {"calls_per_minute": None, "daily_tokens": None}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.patch("/v1/account", json={"settings": {"assistance": none}}) as response,
    ):
        if response.status != 200:
            raise BenchError(f"settings: {response.status} {await response.text()}")
    return tenant


async def _open(session: aiohttp.ClientSession) -> str:
    async with session.post(f"{BASE}/conversations/", json={"title": "Bench"}) as response:
        if response.status != 201:
            raise BenchError(f"opening a conversation: {response.status} {await response.text()}")
        return (await response.json())["id"]


async def _ask(session: aiohttp.ClientSession, conversation: str) -> None:
    body = {"role": "user", "content": "Where is it?"}
    async with session.post(f"{BASE}/conversations/{conversation}/messages", json=body) as response:
        if response.status != 201:
            raise BenchError(f"posting: {response.status} {await response.text()}")


# -- pieces


async def _round(session: aiohttp.ClientSession, conversations: list[str]) -> Delays:
    """Each user asks twice, one after the other: the first answers fill up, and while the second ones begin, STREAMS are under way."""
    delays = Delays()
    began = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        for number, conversation in enumerate(conversations):
            group.create_task(_user(session, conversation, began + 2 + number * LIFE / USERS, delays))
    if delays.most_under_way < STREAMS:
        raise BenchError(f"only {delays.most_under_way} answers were under way at once")
    return delays


async def _user(session: aiohttp.ClientSession, conversation: str, start: float, delays: Delays) -> None:
    loop = asyncio.get_running_loop()
    async with session.ws_connect(f"{BASE}/ws/conversations/{conversation}", max_msg_size=0) as ws:
        await ws.receive()
        for measured in (False, True):
            await asyncio.sleep(max(0.0, start - loop.time()))
            start += LIFE + PAUSE
            await _ask(session, conversation)
            delays.under_way += 1
            delays.most_under_way = max(delays.most_under_way, delays.under_way)
            await _answer(ws, delays, measured)
            delays.under_way -= 1


async def _answer(ws: aiohttp.ClientWebSocketResponse, delays: Delays, measured: bool) -> None:
    """Read an answer to its end. A piece holds the provider's times of what it carries."""
    pieces = 0
    while True:
        message = await ws.receive(timeout=60)
        now = time.monotonic_ns()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise BenchError(f"a stream ended: {message}")
        frame: dict[str, Any] = orjson.loads(message.data)
        if frame["type"] == "stream":
            for sent in frame["content"].split():
                delay = (now - int(sent)) / 1e6
                if measured:
                    delays.every.append(delay)
                    if pieces == 0:
                        delays.first.append(delay)
                pieces += 1
        elif frame["type"] == "complete":
            break
        elif frame["type"] == "error":
            raise BenchError(f"an answer failed: {frame['message']}")
    if pieces != CHUNKS:
        raise BenchError(f"{pieces} of {CHUNKS} pieces arrived")


def _figures(rounds: list[Delays]) -> list[Figure]:
    load = f"{os.getloadavg()[0]:.1f}"
    most = min(delays.most_under_way for delays in rounds)
    figures = [
        Figure(
            measure="answering",
            what=f"{what} piece of an answer, provider to WebSocket, {name}, {STREAMS} answers at once",
            value=Series(name, "ms", [_at(getattr(d, kind), share) for d in rounds]),
            goal=GOAL_MS if kind == "first" else None,
            most=True,
        )
        for kind, what in (("first", "first"), ("every", "any"))
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
    figures[0].note = (
        f"{USERS / (LIFE + PAUSE):.0f} answers begin a second, each with {CHUNKS} pieces, one in {GAP:g} s; {most} or more under way"
        f" at the peak; load average {load} at the end"
    )
    return figures


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# -- a dead provider


async def _dead(session: aiohttp.ClientSession, flow: Process) -> tuple[list[float], list[float]]:
    """Milliseconds of each message's acknowledgement: while the flow answers, and while its process is stopped. Its kernel then takes
    connections and requests, and nobody answers: a run holds its connection until its deadline."""
    alive = await _posts(session)
    flow.process.send_signal(signal.SIGSTOP)
    try:
        return alive, await _posts(session)
    finally:
        flow.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(LIFE + 1)  # let the answers end that wait: the next round has the same start


async def _posts(session: aiohttp.ClientSession) -> list[float]:
    """Each in a conversation of its own, at RATE; not slowed by those before."""
    conversations = [await _open(session) for _ in range(POSTS)]
    found: list[float] = []

    async def one(conversation: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await _ask(session, conversation)
        found.append((time.monotonic() - due) * 1000)

    start = time.monotonic() + 0.1
    async with asyncio.TaskGroup() as group:
        for number, conversation in enumerate(conversations):
            group.create_task(one(conversation, start + number / RATE))
    return found


def _dead_figure(posts: list[tuple[list[float], list[float]]]) -> Figure:
    alive, dead = ([statistics.median(p[side]) for p in posts] for side in (0, 1))
    return Figure(
        measure="answering",
        what=f"a user's message while the provider is dead, of one while it answers, p50 at {RATE}/s",
        value=ratios("p50", dead, alive),
        goal=GOAL_DEAD,
        most=True,
        parts=[
            Series("answering, p50", "ms", alive),
            Series("answering, p99", "ms", [_at(p[0], 0.99) for p in posts]),
            Series("dead, p50", "ms", dead),
            Series("dead, p99", "ms", [_at(p[1], 0.99) for p in posts]),
        ],
    )
