"""New customers, with few and with many conversations in memory, and the statistics of an account that has them."""

from __future__ import annotations

import statistics
import time

import aiohttp

from ... import load
from ...processes import BenchError, Tenant, run_load
from ...results import Figure, Series, ratios
from ..bench import Bench
from .ingest import calibrate, check

CONNECTIONS = 256
RATE = 100.0
MANY = 30_000
MANY_QUICK = 8_000
CALLS = 40
GOALS_MS = {"p50": 8.0, "p99": 40.0}
STATS_GOAL_MS = 20.0


def new_customer(tenant: Tenant, key: str) -> bytes:
    """A template of a request that finds or makes a customer's conversation. The number goes into the identifier."""
    body = (
        f'{{"channel_id":"{tenant.channel}","contact_identifier":"{key}-%08d","metadata":{{"t":"%016d"}}}}'
    ).encode()
    return (
        f"POST /v1/conversations/find-or-create HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {tenant.service}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body % (0, 0))}\r\n\r\n"
    ).encode() + body


async def _run(bench: Bench, tenant: Tenant, key: str, rate: float = 0.0) -> load.Report:
    """Each request a customer of their own; every answer must be a 201."""
    server = await bench.server()
    report = await run_load(
        load.Spec(
            port=server.port,
            heads=[new_customer(tenant, key)],
            connections=64 if rate else CONNECTIONS,
            seconds=3 * bench.seconds if rate else bench.seconds,
            warm=0.5,
            rate=rate,
        )
    )
    check(report, "new customers")
    return report


async def opening(bench: Bench) -> list[Figure]:
    """As many new customers as the server takes, and 100 a second; then the same beside many conversations in memory."""
    server = await bench.server()
    messages = await calibrate(bench, "tertulia")
    tenant = await bench.make_tenant(server.database_url)
    few, quiet = await _points(bench, tenant, "few")
    live, wanted = 0, MANY_QUICK if bench.quick else MANY
    while live < wanted:
        bench.step(f"opening {wanted:,} conversations: {live:,}")
        live += (await _run(bench, tenant, f"fill{live}")).statuses["201"]
    many, busy = await _points(bench, tenant, "many")
    figures = [
        Figure(
            measure="opening",
            what=f"new customers/s of durable messages/s, {CONNECTIONS} connections",
            value=ratios("of messages", few, [messages] * len(few)),
            goal=0.3,
            parts=[
                Series("few in memory", "customers/s", few),
                Series("many in memory", "customers/s", many),
            ],
        ),
        Figure(
            measure="opening",
            what=f"cost of a new customer with {wanted:,} conversations in memory against few",
            value=ratios("many", [1 / m for m in many], [1 / f for f in few]),
            goal=1.15,
            most=True,
        ),
    ]
    for name, goal in GOALS_MS.items():
        values = [getattr(r, name) for r in quiet]
        beside = Series("many in memory", "ms", [getattr(r, name) for r in busy])
        figures.append(
            Figure(measure="opening", what=f"a new customer at {RATE:.0f}/s, {name}", value=Series(name, "ms", values),
                   goal=goal, most=True, parts=[beside])
        )  # fmt: skip
    figures.append(await _statistics(bench, tenant))
    return figures


async def _points(bench: Bench, tenant: Tenant, name: str) -> tuple[list[float], list[load.Report]]:
    """The rates of closed-loop runs, and the reports of those at a fixed rate."""
    rates: list[float] = []
    paced: list[load.Report] = []
    for number in range(bench.rounds):
        bench.step(f"round {number + 1}: new customers, {name} in memory")
        report = await _run(bench, tenant, f"{name}{number}")
        rates.append(report.answered / report.seconds)
        paced.append(await _run(bench, tenant, f"{name}{number}-paced", RATE))
    return rates, paced


async def _statistics(bench: Bench, tenant: Tenant) -> Figure:
    """How long the statistics take, from the client's side."""
    bench.step("asking for statistics")
    server = await bench.server()
    values: list[float] = []
    headers = {"Authorization": f"Bearer {tenant.agent}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        for _ in range(CALLS):
            began = time.perf_counter()
            async with session.get("/v1/conversations/stats") as response:
                if response.status != 200:
                    raise BenchError(f"statistics: {response.status} {await response.text()}")
                found = await response.json()
            values.append((time.perf_counter() - began) * 1000)
    conversations = found["volume"]["conversations"]
    return Figure(
        measure="opening",
        what=f"GET /v1/conversations/stats with {conversations:,} conversations, p50",
        value=Series("p50", "ms", [statistics.median(values[1:])]),
        goal=STATS_GOAL_MS,
        most=True,
        parts=[Series("the first, which counts what is not counted yet", "ms", values[:1])],
    )
